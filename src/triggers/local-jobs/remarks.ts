import type { Log } from "../../lib/log.ts";
import type { JobSpec } from "./job-spec.ts";
import type { ContainerRunner } from "./runner.ts";

/** A flow whose remarks differ from event to event gets so many. */
const mostRemarks = 100;

/** What is to be said of Jobs that do not run here as they would in a cluster: each remark once. */
export class Remarks {
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  of(spec: JobSpec, { job, runner }: { readonly job: string; readonly runner: ContainerRunner }): void {
    for (const { level, fields, message } of runner.remarks(spec)) {
      const text = `${message} ${JSON.stringify(fields)}`;
      if (this.#said.has(text) || this.#said.size >= mostRemarks) continue;
      this.#said.add(text);
      this.#log[level]({ job, ...fields }, message);
    }
  }
}
