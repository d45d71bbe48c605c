import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readJob } from "../job-spec.ts";
import { trialFolder } from "../job-trial.ts";
import type { StartRequest } from "../runner.ts";
import { containerRules } from "./container-spec.ts";
import { boxJob } from "./docker-trial.ts";
import { commandLine } from "./engine.ts";
import { parseQuantity } from "./quantity.ts";
import { mountValue, runArguments } from "./run-arguments.ts";

interface Wanted {
  readonly env: ReadonlyMap<string, string>;
  readonly args: readonly string[];
  readonly command?: readonly string[];
  readonly container?: object;
}

function requestOf({ env, args, command = ["sh"], container = {} }: Wanted): StartRequest {
  const spec = readJob(boxJob("one", "", { container }), containerRules);
  const place = { uid: "u", attempt: 1, container: "main", job: "shop/one", key: "f1", files: "/tmp/x" };
  const none = async () => undefined;
  const values = { secret: none, configMap: none, secretData: none, configMapData: none };
  const [first] = spec.containers;
  if (first === undefined) throw new Error("no container");
  const pod = { name: "one-x", namespace: "shop", uid: "u", spec };
  const { signal } = new AbortController();
  return { place, container: first, spec, pod, values, env, command, args, folder: "/", beside: undefined, signal };
}

const hostile = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
  fc.constantFrom(
    "",
    "--",
    "-x",
    "--privileged",
    "a\nb",
    "a=b",
    "'\"`$(id)",
    " ",
    "\r\n",
    "$HOME",
    "\\",
    "a\tb",
    "--env=X=1",
  ),
);
const name = fc.oneof(
  hostile.filter((text) => /^[^=\0]+$/.test(text)),
  fc.constantFrom("PATH", "DOCKER_HOST", "http_proxy", "LD_PRELOAD", "NODE_OPTIONS", "__proto__", "A", "-e", "--rm"),
);
const wanted = fc.record({
  env: fc.array(fc.tuple(name, hostile), { maxLength: 5 }).map((pairs) => new Map(pairs)),
  args: fc.array(hostile, { maxLength: 4 }),
});

describe("the arguments of run", () => {
  it("hold hostile names and values each in one argument, and keep them from the command line's own variables", () => {
    const before = runArguments(requestOf({ env: new Map(), args: [] }), "docker", []).args;
    const image = before.indexOf("box:1");
    fc.assert(
      fc.property(wanted, ({ env, args }) => {
        const made = runArguments(requestOf({ env, args }), "docker", []);
        const own = made.args.slice(0, image - 2);
        expect(own).toEqual(before.slice(0, image - 2));
        const variables = made.args.slice(image - 2, image - 2 + env.size);
        for (const [at, [key, value]] of [...env].entries()) {
          const passed = Object.hasOwn(made.env, key);
          expect(variables[at]).toBe(passed ? `--env=${key}` : `--env=${key}=${value}`);
          if (passed) expect(made.env[key]).toBe(value);
        }
        expect(made.args.slice(image - 2 + env.size)).toEqual([...before.slice(image - 2, image + 1), ...args]);
        for (const key of ["PATH", "DOCKER_HOST", "http_proxy", "LD_PRELOAD"]) expect(key in made.env).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [{ type: "bind", source: "/a", target: "/b" }, "type=bind,source=/a,target=/b"],
    [{ source: '/a,"b"' }, '"source=/a,""b"""'],
  ])("quote a mount as CSV %#", (fields, text) => {
    expect(mountValue(fields)).toBe(text);
  });
});

describe("a quantity", () => {
  it.each([
    ["500m", 0.5],
    ["1.5Gi", 1.5 * 2 ** 30],
    [2, 2],
    ["1e3", 1000],
    ["128974848", 128974848],
    [".5", 0.5],
    ["-1", undefined],
    ["1 Gi", undefined],
    ["", undefined],
    ["1gi", undefined],
  ])("%j is %j", (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });
});

/** What the real command line makes of our arguments: it is given an API that only notes what it is asked to make. */
const docker = await promisify(execFile)("docker", ["--version"]).then(
  ({ stdout }) => /^Docker version/.test(stdout),
  () => false,
);
const title = docker
  ? "the real command line of docker"
  : "the real command line of docker: SKIPPED, it is not installed";

describe.skipIf(!docker)(title, () => {
  let folder: string;
  const asked: { Env: string[]; Cmd: string[] | null; Entrypoint: string[]; HostConfig: Record<string, unknown> }[] =
    [];
  const api = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("Api-Version", "1.44").setHeader("Content-Type", "application/json");
      if (request.url?.includes("/containers/create")) {
        asked.push(JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(201).end('{"Id":"abc","Warnings":[]}');
      } else if (request.url?.endsWith("/start")) response.writeHead(204).end();
      else response.writeHead(200).end("{}");
    });
  });

  beforeAll(async () => {
    folder = await trialFolder();
    await new Promise<void>((resolve) => api.listen(path.join(folder, "api"), resolve));
  });
  afterAll(async () => {
    api.close();
    api.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  async function made(request: Wanted, mounts: readonly string[] = []) {
    const engine = commandLine("docker", "docker", {
      ...process.env,
      DOCKER_HOST: `unix://${path.join(folder, "api")}`,
    });
    const { args, env } = runArguments(requestOf(request), "docker", mounts);
    expect(await engine.ask(args, { env })).toBe("abc\n");
    const last = asked.at(-1);
    if (last === undefined) throw new Error("nothing was asked for");
    return last;
  }

  it("takes them as they are meant", async () => {
    const container = {
      resources: { limits: { cpu: "250m", memory: "64Mi" } },
      securityContext: { runAsUser: 0, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      workingDir: "/a b",
    };
    const mount = mountValue({ type: "bind", source: '/a,"b"', target: "/c" }, "readonly");
    const seen = await made({ env: new Map([["DOCKER_HOST", "tcp://x"]]), args: ["--rm", ""], container }, [mount]);
    expect(seen).toMatchObject({
      Entrypoint: ["sh"],
      Cmd: ["--rm", ""],
      Env: ["DOCKER_HOST=tcp://x", "TIDEMILL_FIRING_ID=f1"],
      User: "0",
      WorkingDir: "/a b",
      Hostname: "one-x",
      Labels: { "tidemill.job": "shop/one", "tidemill.attempt": "1" },
      HostConfig: {
        NanoCpus: 250_000_000,
        Memory: 67_108_864,
        MemorySwap: 67_108_864,
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        Mounts: [{ Type: "bind", Source: '/a,"b"', Target: "/c", ReadOnly: true }],
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
      },
    });
  });

  it("takes hostile names and values as they are", { timeout: 120_000 }, async () => {
    // what JSON and Node's UTF-8 carry without a change
    const clean = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
    const value = fc.oneof(clean, fc.constantFrom("a\nb", "--", "=", "-x", "a=b", "\r\n", "'\"`$(id)"));
    const key = fc.oneof(clean, fc.constantFrom("-e", "PATH", "A B")).filter((text) => /^[^=\0\s][^=\0]*$/.test(text));
    const parts = fc.record({
      env: fc.array(fc.tuple(key, value), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      args: fc.array(value, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(parts, async ({ env, args }) => {
        const { Env, Cmd } = await made({ env, args });
        expect(Cmd ?? []).toEqual(args);
        expect([...Env].sort()).toEqual([...env, ["TIDEMILL_FIRING_ID", "f1"]].map(([k, v]) => `${k}=${v}`).sort());
      }),
      { numRuns: 30 },
    );
  });
});
