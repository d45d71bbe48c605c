import { existsSync } from "node:fs";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { fileState, isRunning, openJobs, shellJob, trialFolder } from "./job-trial.ts";
import type { LocalJobs } from "./local-jobs.ts";

let folder: string;
const { signal } = new AbortController();

beforeEach(async () => {
  folder = await trialFolder();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function create(jobs: LocalJobs, object: object, key = "f1", namespace = "shop") {
  return jobs.create({ object: object as Record<string, unknown>, namespace, key, folder, signal });
}

async function run(jobs: LocalJobs, object: object) {
  const { said } = await create(jobs, object);
  const name = said.split("/")[1] ?? "";
  const view = await jobs.finished("shop", name, signal);
  const logs = await jobs.logs("shop", name);
  return { view, text: logs?.map(({ text }) => text).join("") ?? "" };
}

const until = (fact: () => boolean | Promise<boolean>) =>
  expect.poll(fact, { timeout: 20_000, interval: 10 }).toBe(true);

/** A shell command that waits until a file is there. */
const awaiting = (file: string) => `while [ ! -e ${file} ]; do sleep 0.02; done`;

describe("a job", () => {
  it("runs its command in the manifest's folder, with arguments, variables and the firing id", async () => {
    await using jobs = await openJobs(folder, { data: { "s/k": "hush", "c/a": "1", "c/b": "2" } });
    const container = {
      command: [
        "sh",
        "-c",
        'printf "%s|" "$PWD" "$@" "$A" "$B" "$P_a$P_b" "$POD" "$TIDEMILL_FIRING_ID"; echo err >&2',
        "-",
      ],
      args: ["$(A) $$(A) $(C)", "two words", "it's $HOME `x`"],
      image: "busybox",
      env: [
        { name: "A", value: "x" },
        { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
        { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      ],
      envFrom: [{ prefix: "P_", configMapRef: { name: "c" } }],
    };
    const { view, text } = await run(jobs, shellJob("one", "", { container }));
    expect(view).toMatchObject({ state: "complete", failures: 0, begun: 1, namespace: "shop", key: "f1" });
    expect(view.attempts[0]).toMatchObject({ outcome: "succeeded", containers: [{ name: "main", exitCode: 0 }] });
    expect(text).toBe(`${folder}|x $(A) $(C)|two words|it's $HOME \`x\`|x|hush|12|shop|f1|err\n`);
  });

  it("does not get tidemill's own environment", async () => {
    process.env.TIDEMILL_SECRET_S__K = "hush";
    try {
      await using jobs = await openJobs(folder);
      expect((await run(jobs, shellJob("env", "env"))).text).not.toContain("hush");
    } finally {
      delete process.env.TIDEMILL_SECRET_S__K;
    }
  });

  it("is durable before create resolves", async () => {
    await using jobs = await openJobs(folder, { limit: 0 });
    await create(jobs, shellJob("one", "true"));
    expect(await fileState(folder).get("job/shop/one")).toBeDefined();
  });

  it("is created once by a firing, and another firing is told who made it", async () => {
    await using jobs = await openJobs(folder);
    const object = { ...shellJob("", "true"), metadata: { generateName: "pack-" } };
    const said = await Promise.all([
      create(jobs, object, "f1"),
      create(jobs, object, "f1"),
      create(jobs, object, "f2"),
    ]);
    expect(said[0]?.said).toMatch(/^created job shop\/pack-[a-z0-9]{10}$/);
    expect(said[1]?.said).toBe(`${said[0]?.said.replace("created ", "")} was already created by this firing`);
    expect(jobs.list()).toHaveLength(2);
    await create(jobs, shellJob("one", "true"), "f1");
    await expect(create(jobs, shellJob("one", "true"), "f2")).rejects.toMatchObject({ code: "JOB_EXISTS" });
  });

  it("whose state cannot be kept is not created", async () => {
    const state = fileState(folder);
    await using jobs = await openJobs(folder, {
      state: { ...state, put: () => Promise.reject(new Error("disk full")) },
    });
    await expect(create(jobs, shellJob("one", "true"))).rejects.toMatchObject({ code: "JOB_FAULT" });
    expect(jobs.list()).toEqual([]);
  });

  it.each([
    ["a command that is not there", ["no-such-command"], 127, /is not found/],
    ["a shell word", ["exit", "0"], 127, /is not found/],
    ["a folder", ["./"], 127, /is not found/],
    ["a file that is not executable", ["./plain"], 126, /not executable/],
    ["an argument that is too long for the system", ["echo", "x".repeat(200_000)], 126, /cannot be started/],
    ["an argument with a zero byte", ["echo", "a\0b"], 126, /cannot be started/],
  ])("fails with %s, saying so", async (_, command, exitCode, reason) => {
    await writeFile(path.join(folder, "plain"), "");
    await using jobs = await openJobs(folder);
    const { view } = await run(jobs, shellJob("one", "", { container: { command }, spec: { backoffLimit: 0 } }));
    expect(view).toMatchObject({ state: "failed", reason: "BackoffLimitExceeded", failures: 1 });
    expect(view.attempts[0]?.containers[0]).toMatchObject({ exitCode, reason: expect.stringMatching(reason) });
  });

  it("runs init containers first, in order, and all others at once", async () => {
    await using jobs = await openJobs(folder);
    const say = (name: string, script: string) => ({ name, command: ["sh", "-c", `${script}; echo ${name} >> order`] });
    const pod = {
      initContainers: [say("a", "sleep 0.05"), say("b", ":")],
      containers: [say("c", `touch c; ${awaiting("d")}`), say("d", `touch d; ${awaiting("c")}`)],
    };
    const { view } = await run(jobs, shellJob("one", "", { pod }));
    expect(view.state).toBe("complete");
    const order = await readFile(path.join(folder, "order"), "utf8");
    expect(order).toMatch(/^a\nb\n(c\nd|d\nc)\n$/);
  });

  it("ends what its command left running", async () => {
    await using jobs = await openJobs(folder);
    const { text } = await run(jobs, shellJob("one", "sleep 1000 >/dev/null 2>&1 & echo $!"));
    await until(() => !isRunning(Number(text)));
  });
});

describe("failures", () => {
  it("are tried again after 10 s, 20 s …, as often as backoffLimit says, also over restarts", async () => {
    const clock = new VirtualClock();
    const object = shellJob("one", "echo try >> tries; exit 3", { spec: { backoffLimit: 2 } });
    const tries = async () => (await readFile(path.join(folder, "tries"), "utf8")).length / 4;
    {
      await using jobs = await openJobs(folder, { clock });
      await create(jobs, object);
      await until(() => jobs.get("shop", "one")?.state === "waiting");
      await clock.advance(9_999);
      expect(jobs.get("shop", "one")).toMatchObject({ failures: 1, reason: "main: exit code 3, Error" });
      await clock.advance(1);
      await until(() => jobs.get("shop", "one")?.failures === 2);
    }
    await using jobs = await openJobs(folder, { clock });
    expect(jobs.get("shop", "one")).toMatchObject({ state: "waiting", failures: 2 });
    await until(() => clock.sleeping > 0);
    await clock.advance(20_000);
    const view = await jobs.finished("shop", "one", signal);
    expect(view).toMatchObject({
      state: "failed",
      reason: "BackoffLimitExceeded",
      failures: 3,
      begun: 3,
      backoffLimit: 2,
    });
    expect(view.attempts.map(({ n, outcome }) => [n, outcome])).toEqual([1, 2, 3].map((n) => [n, "failed"]));
    expect(await tries()).toBe(3);
  });

  it("of one container run only that one again with OnFailure", async () => {
    const clock = new VirtualClock();
    await using jobs = await openJobs(folder, { clock });
    const pod = {
      restartPolicy: "OnFailure",
      initContainers: [{ name: "init", command: ["sh", "-c", "echo init >> ran"] }],
      containers: [
        { name: "good", command: ["sh", "-c", "echo good >> ran"] },
        { name: "bad", command: ["sh", "-c", "echo bad >> ran; [ -e mended ]"] },
      ],
    };
    await create(jobs, shellJob("one", "", { pod }));
    await until(() => jobs.get("shop", "one")?.state === "waiting");
    await writeFile(path.join(folder, "mended"), "");
    await clock.advance(10_000);
    expect((await jobs.finished("shop", "one", signal)).state).toBe("complete");
    const ran = (await readFile(path.join(folder, "ran"), "utf8")).trim().split("\n").sort();
    expect(ran).toEqual(["bad", "bad", "good", "init"]);
  });

  it("by signal have the exit codes of Kubernetes", async () => {
    await using jobs = await openJobs(folder);
    const { view } = await run(jobs, shellJob("one", "kill -9 $$$$", { spec: { backoffLimit: 0 } }));
    expect(view.attempts[0]?.containers).toEqual([{ name: "main", exitCode: 137, reason: "Error" }]);
  });

  it("to find a Secret wait, and count nothing", async () => {
    const clock = new VirtualClock();
    const data: Record<string, string> = {};
    await using jobs = await openJobs(folder, { clock, data });
    const env = [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }];
    await create(jobs, shellJob("one", "echo $A", { container: { env } }));
    await until(() => jobs.get("shop", "one")?.state === "waiting");
    expect(jobs.get("shop", "one")).toMatchObject({ failures: 0, begun: 0, reason: expect.stringContaining("shop/s") });
    data["s/k"] = "there";
    await clock.advance(10_000);
    await jobs.finished("shop", "one", signal);
    expect((await jobs.logs("shop", "one"))?.[0]?.text).toBe("there\n");
  });

  it("to end by activeDeadlineSeconds are ended, with SIGKILL where SIGTERM is not heard", async () => {
    const clock = new VirtualClock();
    await using jobs = await openJobs(folder, { clock });
    const object = shellJob("one", `trap 'echo term > term' TERM; touch up; ${awaiting("never")}`, {
      spec: { activeDeadlineSeconds: 60 },
      pod: { terminationGracePeriodSeconds: 5 },
    });
    await create(jobs, object);
    await until(() => existsSync(path.join(folder, "up")));
    await clock.advance(60_000);
    await until(() => existsSync(path.join(folder, "term")));
    expect(jobs.get("shop", "one")?.state).toBe("running");
    await until(() => clock.sleeping > 0);
    await clock.advance(5_000);
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "failed", reason: "DeadlineExceeded" });
  });
});

describe("what is kept", () => {
  it("goes ttlSecondsAfterFinished after its end, with its logs, also over a restart", async () => {
    const clock = new VirtualClock();
    {
      await using jobs = await openJobs(folder, { clock });
      await run(jobs, shellJob("one", "echo hi", { spec: { ttlSecondsAfterFinished: 100 } }));
      await clock.advance(50_000);
    }
    await using jobs = await openJobs(folder, { clock });
    expect(jobs.list()).toHaveLength(1);
    await until(() => clock.sleeping > 0);
    await clock.advance(50_000);
    await until(async () => (await readdir(path.join(folder, "jobs"))).length === 0);
    expect(jobs.list()).toEqual([]);
    expect(await fileState(folder).get("job/shop/one")).toBeUndefined();
  });

  it("is the newest of the finished jobs", async () => {
    await using jobs = await openJobs(folder, { keepFinished: 2 });
    for (const name of ["a", "b", "c"]) await run(jobs, shellJob(name, "true"));
    await until(() => jobs.list().length === 2);
    expect(jobs.list().map(({ name }) => name)).toEqual(["b", "c"]);
  });

  it("of a log is its end, within bounds", async () => {
    await using jobs = await openJobs(folder, { maxLogBytes: 10_000 });
    const script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done";
    const { view } = await run(jobs, shellJob("one", script));
    const file = path.join(view.logs, "1.main.log");
    await until(async () => (await stat(file)).size <= 10_000);
    const text = await readFile(file, "utf8");
    expect(text).toMatch(/^\[tidemill: \d+ bytes cut\]\nline \d+\n/);
    expect(text.endsWith("line 19999\n")).toBe(true);
  });

  it("can be listed, counted and removed; what runs is ended", async () => {
    await using jobs = await openJobs(folder);
    await run(jobs, shellJob("done", "true"));
    await create(jobs, shellJob("busy", `echo $$$$; ${awaiting("never")}`));
    await create(jobs, shellJob("later", "true", { spec: { suspend: true } }));
    await create(jobs, shellJob("done", "true"), "f1", "other");
    await jobs.finished("other", "done", signal);
    await until(async () => ((await jobs.logs("shop", "busy"))?.[0]?.text ?? "") !== "");
    expect(jobs.counts()).toMatchObject({ complete: 2, running: 1, suspended: 1, failed: 0 });
    const pid = Number((await jobs.logs("shop", "busy"))?.[0]?.text);
    expect(await jobs.remove({ namespace: "shop", states: ["complete"] })).toEqual(["shop/done"]);
    expect(await jobs.remove({ name: "busy" })).toEqual(["shop/busy"]);
    expect(isRunning(pid)).toBe(false);
    expect(jobs.list().map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(["shop/later", "other/done"]);
    expect(await create(jobs, shellJob("done", "true"), "f2")).toEqual({ said: "created job shop/done" });
  });
});

describe("limits and ends", () => {
  it("no more jobs than the limit run at once, in the order of their creation", async () => {
    await using jobs = await openJobs(folder, { limit: 1 });
    for (const name of ["a", "b", "c"]) {
      await create(jobs, shellJob(name, `[ ! -e lock ] && touch lock && echo ${name} >> order && rm lock`));
    }
    for (const name of ["a", "b", "c"]) {
      expect((await jobs.finished("shop", name, signal)).state).toBe("complete");
    }
    expect(await readFile(path.join(folder, "order"), "utf8")).toBe("a\nb\nc\n");
  });

  it("a drain lets a job finish, and takes no more", async () => {
    const jobs = await openJobs(folder);
    await create(jobs, shellJob("one", `${awaiting("go")}`));
    await until(() => jobs.get("shop", "one")?.state === "running");
    const closed = jobs.close({ drainMs: 60_000 });
    await expect(create(jobs, shellJob("two", "true"))).rejects.toMatchObject({ code: "JOBS_STOPPING" });
    await writeFile(path.join(folder, "go"), "");
    await closed;
    expect(jobs.get("shop", "one")?.state).toBe("complete");
  });

  it("a drain that takes too long ends the process group; the job runs again at the next start, and that is no failure", async () => {
    const script = `if [ -e again ]; then exit 0; fi; touch again; sleep 1000 & echo $!; wait`;
    let pid: number;
    {
      await using jobs = await openJobs(folder);
      await create(jobs, shellJob("one", script, { spec: { backoffLimit: 0 } }));
      await until(async () => ((await jobs.logs("shop", "one"))?.[0]?.text ?? "") !== "");
      pid = Number((await jobs.logs("shop", "one"))?.[0]?.text);
      expect(isRunning(pid)).toBe(true);
    }
    await until(() => !isRunning(pid));
    await using jobs = await openJobs(folder);
    const view = await jobs.finished("shop", "one", signal);
    expect(view).toMatchObject({ state: "complete", failures: 0, begun: 2 });
    expect(view.attempts.map(({ outcome }) => outcome)).toEqual(["interrupted", "succeeded"]);
  });

  it("an end at once does not wait for the grace period", async () => {
    const jobs = await openJobs(folder);
    await create(jobs, shellJob("one", `trap : TERM; echo up; ${awaiting("never")}`));
    await until(async () => ((await jobs.logs("shop", "one"))?.[0]?.text ?? "") !== "");
    const now = new AbortController();
    const closed = jobs.close({ drainMs: 60_000, signal: now.signal });
    now.abort();
    await closed;
    expect(jobs.get("shop", "one")).toMatchObject({ state: "queued", failures: 0 });
  });
});
