import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { trialFolder } from "../job-trial.ts";
import { boxJob, callsOf, doubleDocker, openContainerJobs } from "./docker-trial.ts";

let folder: string;
const { signal } = new AbortController();
const quick = { backoff: { baseMs: 1, maxMs: 1 } };

beforeEach(async () => {
  folder = await trialFolder();
  await doubleDocker(folder);
});
afterEach(async () => {
  // what was killed may still be writing its last line
  await rm(folder, { recursive: true, maxRetries: 20, retryDelay: 50 });
});

const until = (fact: () => boolean | Promise<boolean>) =>
  expect.poll(fact, { timeout: 20_000, interval: 20 }).toBe(true);

const at = (name: string) => path.join(folder, name);

/** Starts a program that creates the job `one`, and kills it with -9 once `reached`. */
async function crash(script: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  const object = JSON.stringify(boxJob("one", script, { spec: { backoffLimit: 1 } }));
  const docker = path.join(folder, "bin", "docker");
  const program = fork(path.join(import.meta.dirname, "crash-program.ts"), [folder, docker, object]);
  await once(program, "message");
  await until(reached);
  program.kill("SIGKILL");
  await once(program, "exit");
}

const script = (after: string) =>
  `echo try >> ${at("tries")}; echo before; while [ ! -e ${at("go")} ]; do sleep 0.02; done; ${after}`;

describe("after a kill -9", () => {
  it("a container that runs on is found by its labels and taken over, with its exit code and its whole log", async () => {
    await crash(script("echo after; exit 3"), () => existsSync(at("tries")));
    await using jobs = await openContainerJobs(folder, quick);
    expect(jobs.get("shop", "one")).toMatchObject({ state: "running", begun: 1 });
    const { uid } = jobs.get("shop", "one") ?? {};
    const labels = [`uid=${uid}`, "attempt=1", "container=main"].map((label) => `--filter=label=tidemill.${label}`);
    const looked = ["ps", "--all", "--quiet", "--no-trunc", ...labels];
    await until(() => callsOf(folder, "ps").some((args) => args.join(" ") === looked.join(" ")));
    expect(callsOf(folder, "run")).toHaveLength(1);
    await writeFile(at("go"), "");
    const view = await jobs.finished("shop", "one", signal);
    // exit code 3 counts once; the second try is the last that backoffLimit: 1 allows
    expect(view).toMatchObject({ state: "failed", failures: 2, begun: 2 });
    expect(view.attempts[0]?.containers).toEqual([{ name: "main", exitCode: 3, reason: "Error" }]);
    expect((await jobs.logs("shop", "one", { attempt: 1 }))?.[0]?.text).toBe("before\nafter\n");
    expect(await readFile(at("tries"), "utf8")).toBe("try\ntry\n");
  });

  it("a container that ended meanwhile is not run again, and its log is read", async () => {
    await crash(script("echo after"), () => existsSync(at("tries")));
    await writeFile(at("go"), "");
    await using jobs = await openContainerJobs(folder, quick);
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "complete", failures: 0, begun: 1 });
    expect((await jobs.logs("shop", "one"))?.[0]?.text).toBe("before\nafter\n");
    expect(await readFile(at("tries"), "utf8")).toBe("try\n");
    expect(callsOf(folder, "run")).toHaveLength(1);
  });

  it("a container that was made and not started yet is started, and no second one is made", async () => {
    await writeFile(at("engine/slow"), "");
    await crash(script("true"), async () => {
      const calls = callsOf(folder, "run");
      if (calls.length === 0) return false;
      return (await readdir(at("engine/boxes"))).some((name) => name.endsWith(".json"));
    });
    await using jobs = await openContainerJobs(folder, quick);
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "complete", failures: 0, begun: 1 });
    expect(callsOf(folder, "run")).toHaveLength(1);
    expect(callsOf(folder, "start")).toHaveLength(1);
    await rm(at("engine/slow"));
  });

  it("a run that comes through only after the next start is the one that counts", async () => {
    // the command line of docker outlives tidemill: it is held up before it has made the container
    await crash(script("true"), () => existsSync(at("tries")));
    const [box = ""] = (await readdir(at("engine/boxes"))).filter((name) => name.endsWith(".json"));
    const text = await readFile(at(`engine/boxes/${box}`), "utf8");
    // hidden from `ps` until the next tidemill has looked: the name is taken all the same
    await writeFile(at(`engine/boxes/${box}`), JSON.stringify({ ...JSON.parse(text), hiddenUntilRun: true }));
    await using jobs = await openContainerJobs(folder, quick);
    await until(() => callsOf(folder, "run").length === 2);
    await writeFile(at("go"), "");
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "complete", failures: 0, begun: 1 });
    expect(await readFile(at("tries"), "utf8")).toBe("try\n");
  });
});
