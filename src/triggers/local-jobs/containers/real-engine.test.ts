import { execFile, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { trialFolder } from "../job-trial.ts";
import { boxJob, openContainerJobs } from "./docker-trial.ts";

const run = promisify(execFile);

/** An image with a shell that the engine already has: nothing is pulled. `TIDEMILL_TEST_IMAGE` names another one. */
const images = [process.env.TIDEMILL_TEST_IMAGE, "busybox", "alpine", "debian"].filter((one) => one !== undefined);

interface Real {
  readonly program: "docker" | "podman";
  readonly image: string;
}

/** An engine of this machine that answers, with an image to run. */
async function realEngine(): Promise<Real | undefined> {
  for (const program of ["docker", "podman"] as const) {
    for (const image of images) {
      const works = await run(program, ["run", "--rm", "--pull=never", image, "true"], { timeout: 30_000 }).then(
        () => true,
        () => false,
      );
      if (works) return { program, image };
    }
  }
  return undefined;
}

const real = await realEngine();
const title =
  real === undefined
    ? "jobs as real containers: SKIPPED, no docker or podman with an image of a shell answers here"
    : `jobs as real containers of ${real.program}`;

describe.skipIf(real === undefined)(title, () => {
  let folder: string;
  const { signal } = new AbortController();
  const { program, image } = real ?? { program: "docker", image: "" };
  const flavour = program;

  beforeEach(async () => {
    folder = await trialFolder();
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("run, fail, share volumes, are stopped and leave nothing", { timeout: 120_000 }, async () => {
    const value = `a\nb='"${randomBytes(4).toString("hex")}`;
    const data = { "s/k": "hush", "c/a": value };
    await using jobs = await openContainerJobs(folder, {
      ...{ program, flavour, data, backoff: { baseMs: 1, maxMs: 1 } },
    });
    const mounts = [
      { name: "secret", mountPath: "/s" },
      { name: "shared", mountPath: "/v" },
    ];
    const box = (name: string, script: string) => ({
      ...{ name, image, volumeMounts: mounts, command: ["sh", "-c", script] },
      env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "c", key: "a" } } }],
    });
    const pod = {
      volumes: [
        { name: "secret", secret: { secretName: "s" } },
        { name: "shared", emptyDir: {} },
      ],
      initContainers: [box("init", "cat /s/k > /v/k")],
      containers: [box("main", 'cat /v/k; printf %s "$A"; echo err >&2'), box("other", "exit 3")],
    };
    const object = boxJob("one", "", { pod, spec: { backoffLimit: 1 } });
    await jobs.create({ object, namespace: "shop", key: "f1", folder, signal });
    const view = await jobs.finished("shop", "one", signal);
    expect(view).toMatchObject({ state: "failed", failures: 2 });
    expect(view.attempts[1]?.containers).toEqual([
      { name: "init", exitCode: 0 },
      { name: "main", exitCode: 0 },
      { name: "other", exitCode: 3, reason: "Error" },
    ]);
    const text = (await jobs.logs("shop", "one"))?.[1]?.text ?? "";
    expect(text.replace("err\n", "")).toBe(`hush${value}`);
    await expect
      .poll(async () => (await run(program, ["ps", "-aq", `--filter=label=tidemill.uid=${view.uid}`])).stdout)
      .toBe("");
    expect((await run(program, ["volume", "ls", "-q", `--filter=label=tidemill.uid=${view.uid}`])).stdout).toBe("");
  });

  it("go on after a kill -9 of tidemill, and are taken over", { timeout: 120_000 }, async () => {
    const container = {
      image,
      command: ["sh", "-c", "echo before; while [ ! -e /f/go ]; do sleep 0.1; done; echo after"],
    };
    const main = { name: "main", ...container, volumeMounts: [{ name: "f", mountPath: "/f" }] };
    const pod = { containers: [main], volumes: [{ name: "f", hostPath: { path: folder } }] };
    const object = JSON.stringify(boxJob("one", "", { pod }));
    const first = fork(path.join(import.meta.dirname, "crash-program.ts"), [folder, program, object]);
    await once(first, "message");
    const log = async () => {
      const [job = ""] = await readdir(path.join(folder, "jobs"));
      return readFile(path.join(folder, "jobs", job, "1.main.log"), "utf8").catch(() => "");
    };
    await expect.poll(log, { timeout: 60_000 }).toBe("before\n");
    first.kill("SIGKILL");
    await once(first, "exit");
    await using second = await openContainerJobs(folder, { program, flavour });
    expect(second.get("shop", "one")).toMatchObject({ state: "running", begun: 1 });
    await writeFile(`${folder}/go`, "");
    expect(await second.finished("shop", "one", signal)).toMatchObject({ state: "complete", failures: 0, begun: 1 });
    expect((await second.logs("shop", "one"))?.[0]?.text).toBe("before\nafter\n");
  });
});
