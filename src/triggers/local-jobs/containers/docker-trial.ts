import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Log, silentLog } from "../../../lib/log.ts";
import { openJobs } from "../job-trial.ts";
import type { LocalJobs } from "../local-jobs.ts";
import type { LocalJobsOptions } from "../options.ts";
import { EngineRunner } from "./container-runner.ts";
import { commandLine } from "./engine.ts";

/** For tests: an engine of `docker-program.ts` in `<folder>/engine`; answers the path of its `docker`. */
export async function doubleDocker(folder: string, name = "docker"): Promise<string> {
  const engine = path.join(folder, "engine");
  await mkdir(path.join(engine, "images"), { recursive: true });
  const program = path.join(folder, "bin", name);
  await mkdir(path.dirname(program), { recursive: true });
  const script = path.join(import.meta.dirname, "docker-program.ts");
  // compiled once: a call then takes 0.1 s in place of 0.5 on a busy machine
  const cache = path.join(tmpdir(), "node-compile-cache");
  await writeFile(
    program,
    `#!/bin/sh\nexport NODE_COMPILE_CACHE='${cache}'\nexec '${process.execPath}' '${script}' '${engine}' "$@"\n`,
  );
  await chmod(program, 0o755);
  await writeFile(imageFile(folder, "box:1"), "{}");
  return program;
}

export function imageFile(folder: string, image: string, where: "images" | "registry" = "images"): string {
  return path.join(folder, "engine", where, `${encodeURIComponent(image)}.json`);
}

/** Whether the engine cannot be reached. */
export async function setAway(folder: string, away: boolean): Promise<void> {
  const file = path.join(folder, "engine", "away");
  await (away ? writeFile(file, "") : rm(file, { force: true }));
}

/** The arguments of all calls so far of these verbs. */
export function callsOf(folder: string, ...verbs: readonly string[]): readonly (readonly string[])[] {
  const file = path.join(folder, "engine", "calls.jsonl");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as readonly string[]).filter(([verb = ""]) => verbs.includes(verb));
}

interface Options extends Partial<LocalJobsOptions> {
  readonly data?: Readonly<Record<string, string>>;
  readonly program?: string;
  readonly flavour?: "docker" | "podman";
}

export function openContainerJobs(folder: string, options: Options = {}): Promise<LocalJobs> {
  const { program = path.join(folder, "bin", "docker"), flavour = "docker", ...more } = options;
  const log: Log = more.log ?? silentLog;
  const engine = commandLine(program, flavour, process.env);
  const runner = new EngineRunner({ engine, log, by: flavour, askAgainMs: 20, stopWithinMs: 200 });
  return openJobs(folder, { runner, ...more });
}

/** A Job of one container of `box:1` that runs a shell script. */
export function boxJob(name: string, script: string, parts: { spec?: object; pod?: object; container?: object } = {}) {
  const main = { name: "main", image: "box:1", command: ["sh", "-c", script], ...parts.container };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      template: { spec: { restartPolicy: "Never", containers: [main], ...parts.pod } },
      ...parts.spec,
    },
  };
}
