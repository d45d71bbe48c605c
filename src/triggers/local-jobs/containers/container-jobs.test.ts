import { existsSync } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Log, silentLog } from "../../../lib/log.ts";
import { VirtualClock } from "../../../lib/virtual-clock.ts";
import { openJobs, trialFolder } from "../job-trial.ts";
import type { LocalJobs } from "../local-jobs.ts";
import { EngineRunner } from "./container-runner.ts";
import { boxJob, callsOf, doubleDocker, imageFile, openContainerJobs, setAway } from "./docker-trial.ts";
import { commandLine } from "./engine.ts";

let folder: string;
const { signal } = new AbortController();
const quick = { backoff: { baseMs: 1, maxMs: 1 } };

beforeEach(async () => {
  folder = await trialFolder();
  await doubleDocker(folder);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function create(jobs: LocalJobs, object: object, key = "f1") {
  return jobs.create({ object: object as Record<string, unknown>, namespace: "shop", key, folder, signal });
}

async function run(jobs: LocalJobs, object: object) {
  await create(jobs, object);
  const view = await jobs.finished("shop", "one", signal);
  const logs = await jobs.logs("shop", "one");
  return { view, text: logs?.map(({ text }) => text).join("") ?? "" };
}

const until = (fact: () => boolean | Promise<boolean>) =>
  expect.poll(fact, { timeout: 20_000, interval: 20 }).toBe(true);

/** A shell command that waits until a file is there. */
const awaiting = (file: string) => `while [ ! -e ${path.join(folder, file)} ]; do sleep 0.02; done`;

/** The arguments of the only `run`, without those that every container has. */
function runArgs(at = 0): readonly string[] {
  const [, ...args] = callsOf(folder, "run")[at] ?? [];
  return args.filter((arg) => !/^--(detach|pull|name|label|log-driver|log-opt|hostname)\b/.test(arg));
}

describe("a job as a container", () => {
  it("runs its image with its command, arguments and variables, and is gone when its end is kept", async () => {
    await using jobs = await openContainerJobs(folder, { data: { "s/k": "hush", "c/a": "1" } });
    const container = {
      command: ["sh", "-c", 'printf "%s|" "$@" "$A" "$B" "$P_a" "$TIDEMILL_FIRING_ID"; echo err >&2', "-"],
      args: ["$(A) $$(A)", "two words", "-x"],
      workingDir: "/srv",
      env: [
        { name: "A", value: "x" },
        { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
      ],
      envFrom: [{ prefix: "P_", configMapRef: { name: "c" } }],
    };
    const { view, text } = await run(jobs, boxJob("one", "", { container }));
    expect(view).toMatchObject({ state: "complete", failures: 0, begun: 1, key: "f1", by: "docker" });
    expect(view.attempts[0]).toMatchObject({ containers: [{ name: "main", exitCode: 0 }] });
    expect(text).toBe("x $(A)|two words|-x|x|hush|1|f1|err\n");
    const { uid } = view;
    expect(callsOf(folder, "run")[0]?.filter((arg) => /^--(detach|pull|name|label|log)/.test(arg))).toEqual([
      "--detach",
      "--pull=never",
      `--name=tidemill-${uid}-1-main`,
      "--label=tidemill.job=shop/one",
      "--label=tidemill.firing=f1",
      `--label=tidemill.uid=${uid}`,
      "--label=tidemill.attempt=1",
      "--label=tidemill.container=main",
      "--log-driver=json-file",
      "--log-opt=max-size=10m",
      "--log-opt=max-file=2",
    ]);
    expect(runArgs()).toEqual([
      ...["--env=P_a", "--env=A", "--env=B", "--env=TIDEMILL_FIRING_ID", "--workdir=/srv", "--entrypoint=sh", "box:1"],
      ...["-c", container.command[2], "-", "x $(A)", "two words", "-x"],
    ]);
    await until(() => callsOf(folder, "rm").length > 0);
    expect(callsOf(folder, "rm")[0]?.slice(0, 3)).toEqual(["rm", "--force", "--volumes"]);
  });

  it("without a command runs what the image says, with its own arguments where it has some", async () => {
    await writeFile(imageFile(folder, "say:1"), JSON.stringify({ entrypoint: ["echo", "I"], cmd: ["say"] }));
    await using jobs = await openContainerJobs(folder);
    const container = { image: "say:1", command: undefined };
    expect((await run(jobs, boxJob("one", "", { container }))).text).toBe("I say\n");
    await jobs.remove({});
    expect((await run(jobs, boxJob("one", "", { container: { ...container, args: ["hear"] } }))).text).toBe("I hear\n");
  });

  it("has the limits and the security context of its manifest", async () => {
    await using jobs = await openContainerJobs(folder);
    const container = {
      resources: { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "100m" } },
      securityContext: {
        runAsUser: 1000,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
      },
    };
    const pod = { securityContext: { runAsUser: 1, runAsGroup: 2000, fsGroup: 3000 }, hostNetwork: true };
    await run(jobs, boxJob("one", "true", { pod: { ...pod, ...podOf(container) } }));
    expect(runArgs().slice(0, -3)).toEqual([
      ...["--network=host", "--cpus=0.500", "--memory=67108864", "--memory-swap=67108864", "--user=1000:2000"],
      ...[
        "--group-add=3000",
        "--read-only",
        "--security-opt=no-new-privileges",
        "--cap-drop=ALL",
        "--cap-add=NET_ADMIN",
      ],
      ...["--env=TIDEMILL_FIRING_ID", "--entrypoint=sh"],
    ]);
  });

  it("mounts Secrets and ConfigMaps as files, folders of the machine, memory, and volumes that containers share", async () => {
    await using jobs = await openContainerJobs(folder, { data: { "s/k": "hush", "c/a": "1", "c/b": "2" } });
    const containers = ["main", "other"].map((name) => ({
      name,
      image: "box:1",
      command: ["true"],
      volumeMounts: [
        { name: "secret", mountPath: "/s" },
        { name: "config", mountPath: "/c/file", subPath: "dir/renamed" },
        { name: "host", mountPath: "/h", readOnly: true },
        { name: "shared", mountPath: "/v" },
        ...(name === "main" ? [{ name: "memory", mountPath: "/m" }] : []),
      ],
    }));
    const volumes = [
      { name: "secret", secret: { secretName: "s", defaultMode: 0o400 } },
      { name: "config", configMap: { name: "c", items: [{ key: "a", path: "dir/renamed" }] } },
      { name: "host", hostPath: { path: "/opt/a,b" } },
      { name: "shared", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    ];
    const spec = { ttlSecondsAfterFinished: 100 };
    const { view } = await run(jobs, boxJob("one", "", { pod: { containers, volumes }, spec }));
    expect(view.state).toBe("complete");
    const at = path.join(view.logs, "1.volumes");
    const volume = `tidemill-${view.uid}-1-volume-shared`;
    expect(runArgs().filter((arg) => arg.startsWith("--mount="))).toEqual([
      `--mount=type=bind,source=${at}/secret,target=/s,readonly`,
      `--mount=type=bind,source=${at}/config/dir/renamed,target=/c/file,readonly`,
      `--mount=type=bind,"source=/opt/a,b",target=/h,readonly`,
      `--mount=type=volume,source=${volume},target=/v`,
      "--mount=type=tmpfs,target=/m,tmpfs-size=1048576",
    ]);
    expect(await readFile(path.join(at, "secret", "k"), "utf8")).toBe("hush");
    expect((await stat(path.join(at, "secret", "k"))).mode & 0o777).toBe(0o400);
    expect((await stat(at)).mode & 0o777).toBe(0o700);
    expect(await readFile(path.join(at, "config", "dir", "renamed"), "utf8")).toBe("1");
    expect(callsOf(folder, "volume")[0]?.slice(-1)).toEqual([volume]);
  });

  it("runs init containers first, then all others in one network, also when the first ends at once", async () => {
    await using jobs = await openContainerJobs(folder);
    const say = (name: string, script: string) => ({
      ...{ name, image: "box:1" },
      command: ["sh", "-c", `${script}; echo ${name} >> ${path.join(folder, "order")}`],
    });
    const pod = {
      initContainers: [say("a", "sleep 0.05"), say("b", ":")],
      containers: [say("c", awaiting("d")), say("d", `touch ${path.join(folder, "d")}`)],
    };
    const { view } = await run(jobs, boxJob("one", "", { pod }));
    expect(view.state).toBe("complete");
    expect(await readFile(path.join(folder, "order"), "utf8")).toMatch(/^a\nb\n(c\nd|d\nc)\n$/);
    const networks = callsOf(folder, "run").map((args) => args.filter((arg) => /^--(network|hostname)/.test(arg)));
    expect(networks[3]).toEqual([`--network=container:tidemill-${view.uid}-1-c`]);
    expect(networks[2]).toEqual([expect.stringMatching(/^--hostname=one-/)]);
    await jobs.remove({});
    const brief = [say("c", ":"), say("d", ":")];
    expect((await run(jobs, boxJob("one", "", { pod: { containers: brief } }))).view.state).toBe("complete");
  });

  it.each([
    ["a command that is not there", { command: ["no-such-command"] }, 127, /is not found/],
    ["its own exit code", { command: ["sh", "-c", "exit 3"] }, 3, /Error/],
    ["a signal", { command: ["sh", "-c", "kill -9 $$$$"] }, 137, /Error/],
    ["a zero byte", { command: ["echo", "a\0b"] }, 128, /cannot be started/],
    [
      "an argument that is too long for the system",
      { command: ["echo", "x".repeat(200_000)] },
      128,
      /cannot be started/,
    ],
  ])("fails with %s, as often as backoffLimit says", async (_, container, exitCode, reason) => {
    await using jobs = await openContainerJobs(folder, quick);
    const { view } = await run(jobs, boxJob("one", "", { container, spec: { backoffLimit: 1 } }));
    expect(view).toMatchObject({ state: "failed", reason: "BackoffLimitExceeded", failures: 2 });
    expect(view.attempts[1]?.containers[0]).toMatchObject({ exitCode, reason: expect.stringMatching(reason) });
  });

  it("keeps the end of its log within bounds", async () => {
    await using jobs = await openContainerJobs(folder, { maxLogBytes: 10_000 });
    const script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done";
    const { view } = await run(jobs, boxJob("one", script));
    const file = path.join(view.logs, "1.main.log");
    await until(async () => (await stat(file)).size <= 10_000);
    expect((await readFile(file, "utf8")).endsWith("line 19999\n")).toBe(true);
  });

  it("is stopped with its grace period by its deadline", async () => {
    const clock = new VirtualClock();
    await using jobs = await openContainerJobs(folder, { clock });
    const pod = { terminationGracePeriodSeconds: 1 };
    const script = `trap 'echo term; exit 1' TERM; echo up; ${awaiting("never")}`;
    await create(jobs, boxJob("one", script, { spec: { activeDeadlineSeconds: 60 }, pod }));
    await until(async () => ((await jobs.logs("shop", "one"))?.[0]?.text ?? "") === "up\n");
    await clock.advance(60_000);
    expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "failed", reason: "DeadlineExceeded" });
    expect(callsOf(folder, "stop")[0]?.slice(0, 3)).toEqual(["stop", "-t", "1"]);
    expect((await jobs.logs("shop", "one"))?.[0]?.text).toMatch(/^up\n(Terminated\n)?term\n$/);
  });

  it("is killed without its grace period at an end at once", async () => {
    const jobs = await openContainerJobs(folder);
    await create(jobs, boxJob("one", `trap : TERM; echo up; ${awaiting("never")}`));
    await until(async () => ((await jobs.logs("shop", "one"))?.[0]?.text ?? "") === "up\n");
    const now = new AbortController();
    const closed = jobs.close({ drainMs: 60_000, signal: now.signal });
    now.abort();
    await closed;
    expect(callsOf(folder, "kill")).toHaveLength(1);
    expect(jobs.get("shop", "one")).toMatchObject({ state: "queued", failures: 0 });
  });

  it("with ttlSecondsAfterFinished leaves its container to be looked into, and takes it along", async () => {
    const clock = new VirtualClock();
    await using jobs = await openContainerJobs(folder, { clock });
    await run(jobs, boxJob("one", "true", { spec: { ttlSecondsAfterFinished: 100 } }));
    await until(() => clock.sleeping > 0);
    expect(callsOf(folder, "rm")).toEqual([]);
    await clock.advance(100_000);
    await until(() => jobs.list().length === 0);
    expect(callsOf(folder, "rm")).toHaveLength(1);
  });

  it("says which fields are not done, each once, and refuses what the program would miss", async () => {
    const said: object[] = [];
    const log: Log = { ...silentLog, warn: (fields) => void said.push(fields) };
    await using jobs = await openContainerJobs(folder, { log });
    const pod = {
      nodeSelector: { a: "b" },
      imagePullSecrets: [{ name: "x" }],
      tolerations: null,
      serviceAccountName: "me",
    };
    const container = {
      livenessProbe: { exec: { command: ["true"] } },
      resources: { limits: { "nvidia.com/gpu": 1 } },
      securityContext: { runAsNonRoot: true },
    };
    const object = (name: string) => boxJob(name, "true", { pod: { ...pod, ...podOf(container) } });
    await create(jobs, object("one"));
    await create(jobs, object("two"));
    expect(said.map((fields) => "field" in fields && fields.field)).toEqual([
      "nodeSelector",
      "imagePullSecrets",
      "serviceAccountName (no token is mounted)",
      "containers main: livenessProbe",
      "containers main: securityContext.runAsNonRoot (not checked)",
      "containers main: resources.limits.nvidia.com/gpu",
    ]);
    await Promise.all(["one", "two"].map((name) => jobs.finished("shop", name, signal)));
  });

  it.each([
    ["JOB_INVALID", { container: { image: undefined } }, "image is needed"],
    ["JOB_INVALID", { container: { image: "--privileged" } }, "must be the name of an image"],
    ["JOB_INVALID", { container: { resources: { limits: { cpu: "lots" } } } }, "is no quantity"],
    ["JOB_INVALID", { container: { volumeMounts: [{ name: "v", mountPath: "/v" }] } }, "there is no volume v"],
    ["JOB_UNSUPPORTED", { container: { lifecycle: { preStop: {} } } }, "lifecycle"],
    ["JOB_UNSUPPORTED", { container: { restartPolicy: "Always" } }, "restartPolicy"],
    [
      "JOB_UNSUPPORTED",
      {
        container: { volumeMounts: [{ name: "v", mountPath: "/v" }] },
        volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }],
      },
      "volume v: persistentVolumeClaim is not done by containers",
    ],
  ])("is refused with %s %#", async (code, { container, ...pod }, text) => {
    await using jobs = await openContainerJobs(folder);
    const created = create(jobs, boxJob("one", "true", { pod: { ...pod, ...podOf(container) } }));
    await expect(created).rejects.toMatchObject({ code, retry: "never", message: expect.stringContaining(text) });
  });
});

/** The pod's part of a Job with one container like this. */
function podOf(container: object) {
  return { containers: [{ name: "main", image: "box:1", command: ["sh", "-c", "true"], ...container }] };
}

describe("an image", () => {
  it("that is nowhere, refused or never pulled holds the job up with its reason, and counts nothing", async () => {
    await using jobs = await openContainerJobs(folder);
    const reasonOf = async (name: string, container: object) => {
      await create(jobs, boxJob(name, "true", { container }));
      await until(() => jobs.get("shop", name)?.state === "waiting");
      expect(jobs.get("shop", name)).toMatchObject({ failures: 0, begun: 0 });
      return jobs.get("shop", name)?.reason;
    };
    expect(await reasonOf("a", { image: "nowhere:1" })).toMatch(/^TM4038 pulling image nowhere:1: .*manifest unknown/);
    expect(await reasonOf("b", { image: "private/x" })).toMatch(
      /^TM4039 pulling image private\/x: .*pull access denied/,
    );
    expect(await reasonOf("c", { image: "y", imagePullPolicy: "Never" })).toMatch(
      /^TM4038 image y, which is never pulled/,
    );
    expect(callsOf(folder, "run")).toEqual([]);
  });

  it("is pulled where it is missing, or always, and once for jobs that want it at the same time", async () => {
    await using jobs = await openContainerJobs(folder);
    await run(jobs, boxJob("one", "true"));
    expect(callsOf(folder, "pull")).toEqual([]);
    await writeFile(imageFile(folder, "far:1", "registry"), "{}");
    const names = ["a", "b", "c"];
    await Promise.all(names.map((name) => create(jobs, boxJob(name, "true", { container: { image: "far:1" } }))));
    for (const name of names) expect((await jobs.finished("shop", name, signal)).state).toBe("complete");
    const pulls = callsOf(folder, "pull").length;
    expect(pulls).toBeGreaterThanOrEqual(1);
    await create(jobs, boxJob("d", "true", { container: { image: "far:1", imagePullPolicy: "Always" } }));
    await jobs.finished("shop", "d", signal);
    expect(callsOf(folder, "pull").slice(pulls)).toEqual([["pull", "--quiet", "far:1"]]);
  });
});

describe("an engine that is away", () => {
  it("holds jobs up that begin, and is waited for by those that run", async () => {
    await using jobs = await openContainerJobs(folder, { backoff: { baseMs: 100, maxMs: 100 } });
    await create(jobs, boxJob("one", awaiting("go")));
    await until(() => callsOf(folder, "wait").length === 1);
    await setAway(folder, true);
    await create(jobs, boxJob("two", "true"));
    await until(() => jobs.get("shop", "two")?.reason?.startsWith("TM4037") === true);
    expect(jobs.get("shop", "two")).toMatchObject({ state: "waiting", failures: 0 });
    await writeFile(path.join(folder, "go"), "");
    await setAway(folder, false);
    for (const name of ["one", "two"]) {
      expect(await jobs.finished("shop", name, signal)).toMatchObject({ state: "complete", failures: 0 });
    }
  });

  it("does not hold the end of tidemill up for ever, and what ran on meanwhile is ended before it runs again", async () => {
    const jobs = await openContainerJobs(folder);
    await create(jobs, boxJob("one", `echo x >> ${path.join(folder, "ran")}; ${awaiting("go")}`));
    await until(() => existsSync(path.join(folder, "ran")));
    await setAway(folder, true);
    await jobs.close();
    expect(jobs.get("shop", "one")).toMatchObject({ state: "queued", failures: 0 });
    await setAway(folder, false);
    const removed = callsOf(folder, "rm").length;
    await using again = await openContainerJobs(folder);
    expect(callsOf(folder, "rm")).toHaveLength(removed + 1);
    await writeFile(path.join(folder, "go"), "");
    expect(await again.finished("shop", "one", signal)).toMatchObject({ state: "complete", begun: 2, failures: 0 });
  });
});

it("a job stays what it was made as", async () => {
  {
    await using jobs = await openContainerJobs(folder, { limit: 0 });
    await create(jobs, boxJob("one", "echo contained"));
  }
  const engine = commandLine(path.join(folder, "bin", "docker"), "docker", process.env);
  const otherRunner = (by: string) => {
    expect(by).toBe("docker");
    return new EngineRunner({ engine, log: silentLog, by: "docker" });
  };
  await using jobs = await openJobs(folder, { otherRunner });
  expect(await jobs.finished("shop", "one", signal)).toMatchObject({ state: "complete", by: "docker" });
  expect(callsOf(folder, "run")).toHaveLength(1);
});
