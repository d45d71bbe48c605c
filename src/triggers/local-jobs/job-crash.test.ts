import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileState, isRunning, openJobs, trialFolder } from "./job-trial.ts";
import { decode } from "./record.ts";

let folder: string;
const { signal } = new AbortController();

beforeEach(async () => {
  folder = await trialFolder();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const until = (fact: () => boolean | Promise<boolean>) =>
  expect.poll(fact, { timeout: 20_000, interval: 10 }).toBe(true);

/** Starts a program that creates the job `one`, and kills it with -9 once the job's process runs. */
async function crash(script: string): Promise<number> {
  const program: ChildProcess = fork(path.join(import.meta.dirname, "crash-program.ts"), [folder, script, "one"]);
  const [message] = await once(program, "message");
  expect(message).toBe("one");
  await until(() => existsSync(path.join(folder, "pid")));
  await until(async () => (await readFile(path.join(folder, "pid"), "utf8")).endsWith("\n"));
  program.kill("SIGKILL");
  await once(program, "exit");
  return Number(await readFile(path.join(folder, "pid"), "utf8"));
}

// Kubernetes makes one $ of two
const running = "echo $$$$ > pid; echo try >> tries; while [ ! -e go ]; do sleep 0.02; done";

// the tests look into /proc to find the processes to kill
describe.skipIf(process.platform !== "linux")("after a kill -9", () => {
  it("a job runs on when tidemill is killed, and the next one reads its exit code", async () => {
    const pid = await crash(`${running}; echo out; exit 3`);
    expect(isRunning(pid)).toBe(true);
    await using jobs = await openJobs(folder, { backoff: { baseMs: 1, maxMs: 1 } });
    expect(jobs.get("shop", "one")).toMatchObject({ state: "running", begun: 1 });
    await writeFile(path.join(folder, "go"), "");
    const view = await jobs.finished("shop", "one", signal);
    // exit code 3 counts once; the second try is the last that backoffLimit: 1 allows
    expect(view).toMatchObject({ state: "failed", failures: 2, begun: 2 });
    expect(view.attempts[0]?.containers).toEqual([{ name: "main", exitCode: 3, reason: "Error" }]);
    expect(await readFile(path.join(folder, "tries"), "utf8")).toBe("try\ntry\n");
    expect((await jobs.logs("shop", "one", { attempt: 1 }))?.[0]?.text).toBe("out\n");
  });

  it("a job that ended while nobody was there is not run again", async () => {
    await crash(`${running}; exit 0`);
    await writeFile(path.join(folder, "go"), "");
    const { uid } = await recordOfOne();
    const exitFile = path.join(folder, "jobs", `shop.one.${uid}`, "1.main.exit");
    await until(() => existsSync(exitFile));
    await until(async () => (await readFile(exitFile, "utf8")) === "0\n");
    await using jobs = await openJobs(folder);
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "complete", failures: 0, begun: 1 });
    expect(await readFile(path.join(folder, "tries"), "utf8")).toBe("try\n");
  });

  it("a job that was killed with tidemill counts as a failure, and is tried again", async () => {
    const pid = await crash(running);
    const group = Number((await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[2]);
    process.kill(-group, "SIGKILL");
    await until(() => !isRunning(pid));
    await writeFile(path.join(folder, "go"), "");
    await using jobs = await openJobs(folder, { backoff: { baseMs: 1, maxMs: 1 } });
    const view = await jobs.finished("shop", "one", signal);
    expect(view).toMatchObject({ state: "complete", failures: 1, begun: 2 });
    expect(view.attempts[0]?.containers).toEqual([{ name: "main", reason: "Lost" }]);
  });

  it("what a killed leader left behind is ended before the next try", async () => {
    const pid = await crash(running);
    const leader = Number((await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[1]);
    process.kill(leader, "SIGKILL");
    await until(() => !isRunning(leader));
    await using jobs = await openJobs(folder);
    await until(() => !isRunning(pid));
    await until(() => jobs.get("shop", "one")?.state === "waiting");
    expect(jobs.get("shop", "one")).toMatchObject({ failures: 1 });
  });

  it("a process that only has the pid of a former job is left alone", async () => {
    await crash(`${running}; exit 0`);
    await writeFile(path.join(folder, "go"), "");
    const { uid } = await recordOfOne();
    const files = path.join(folder, "jobs", `shop.one.${uid}`, "1.main");
    await until(() => existsSync(`${files}.exit`));
    await until(async () => (await readFile(`${files}.exit`, "utf8")) === "0\n");
    await rm(`${files}.exit`);
    await writeFile(`${files}.pid`, `${process.pid}\n`);
    await using jobs = await openJobs(folder, { backoff: { baseMs: 1, maxMs: 1 } });
    expect((await jobs.finished("shop", "one", signal)).attempts[0]?.containers).toEqual([
      { name: "main", reason: "Lost" },
    ]);
  });

  it.each([1, 8, 25])("every job that was created runs, also when the kill comes after %i of them", async (count) => {
    const names = Array.from({ length: 40 }, (_, i) => `job-${i}`);
    const script = "echo x >> ran-$TIDEMILL_FIRING_ID";
    const program = fork(path.join(import.meta.dirname, "crash-program.ts"), [folder, script, ...names]);
    const told: string[] = [];
    program.on("message", (name: string) => {
      told.push(name);
      if (told.length === count) program.kill("SIGKILL");
    });
    await once(program, "exit");
    await using jobs = await openJobs(folder, { backoff: { baseMs: 1, maxMs: 1 } });
    for (const name of told) {
      const view = await jobs.finished("shop", name, signal);
      expect([name, view.state]).toEqual([name, "complete"]);
      const ran = await readFile(path.join(folder, `ran-key-${name}`), "utf8");
      expect(ran.length).toBeGreaterThanOrEqual(2);
    }
  });
});

async function recordOfOne() {
  const bytes = await fileState(folder).get("job/shop/one");
  return decode("job/shop/one", bytes ?? new Uint8Array());
}
