import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import type { StateStore } from "../../lib/state.ts";
import { inheritedEnv, type JobValues } from "./job-env.ts";
import { createLocalJobs, type LocalJobs } from "./local-jobs.ts";
import type { LocalJobsOptions } from "./options.ts";
import { ProcessRunner } from "./process-runner.ts";

/** For tests: a state store with one file per key, which outlives a kill -9 as the bus does. */
export function fileState(folder: string): StateStore {
  const fileOf = (key: string) => path.join(folder, `${encodeURIComponent(key)}.state`);
  return {
    async get(key) {
      return readFile(fileOf(key)).catch(() => undefined);
    },
    async put(key, value) {
      await writeFile(`${fileOf(key)}.new`, value);
      await rename(`${fileOf(key)}.new`, fileOf(key));
    },
    async delete(key) {
      await rm(fileOf(key), { force: true });
    },
    async *list(prefix) {
      for (const name of (await readdir(folder)).sort()) {
        const key = name.endsWith(".state") ? decodeURIComponent(name.slice(0, -6)) : "";
        if (key.startsWith(prefix)) yield [key, await readFile(fileOf(key))] as const;
      }
    },
  };
}

/** A temporary folder: manifests and what jobs write at its root, `jobs` for logs, states beside. */
export async function trialFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), "tidemill-jobs-"));
}

const values = (data: Readonly<Record<string, string>>): JobValues => {
  const all = async (_: string, name: string) => {
    const held = Object.entries(data).filter(([key]) => key.startsWith(`${name}/`));
    return held.length === 0 ? undefined : new Map(held.map(([key, value]) => [key.slice(name.length + 1), value]));
  };
  const one = async (_: string, ref: { name: string; key: string }) => data[`${ref.name}/${ref.key}`];
  return { secret: one, configMap: one, secretData: all, configMapData: all };
};

export function openJobs(
  folder: string,
  options: Partial<LocalJobsOptions> & { readonly data?: Readonly<Record<string, string>> } = {},
): Promise<LocalJobs> {
  const clock: Clock = options.clock ?? systemClock;
  const runner = new ProcessRunner({ clock, inherited: inheritedEnv(process.env) });
  return createLocalJobs({
    state: fileState(folder),
    dir: path.join(folder, "jobs"),
    log: silentLog,
    values: values(options.data ?? {}),
    runner,
    otherRunner: () => runner,
    drainMs: 0,
    ...options,
    clock,
  });
}

/** A Job of one container that runs a shell script. */
export function shellJob(
  name: string,
  script: string,
  parts: { spec?: object; pod?: object; container?: object } = {},
) {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      template: {
        spec: {
          restartPolicy: "Never",
          containers: [{ name: "main", command: ["sh", "-c", script], ...parts.container }],
          ...parts.pod,
        },
      },
      ...parts.spec,
    },
  };
}

/** Whether a process runs; one that ended and that nobody has waited for yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
