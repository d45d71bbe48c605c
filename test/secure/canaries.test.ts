import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../servers/server.ts";
import { tidemill } from "../tidemill.ts";
import { until } from "../until.ts";
import { filesOf, findLeaks, hatch, type Leak } from "./canaries.ts";
import { type Places, templatesOf, writeManifests } from "./canary-manifests.ts";
import { type Echo, startEcho } from "./echo.ts";

/*
 * Secrets of every kind are planted, used against servers that repeat them in their answers, in failure and in success, and
 * then looked for in everything that comes out of tidemill.
 */

const canaries = hatch([
  ...(["webhook", "basicUser", "basicPassword", "bearer", "accessKey", "secretKey", "sessionToken"] as const),
  ...(["slack", "smtp", "sqlPassword", "pgPassword", "redis", "function", "job", "workflow"] as const),
  ...(["proxy", "otlp", "logStore", "record", "ofEnvironment", "unrelated"] as const),
]);

let folder = "";
let dataDir = "";
let echo: Echo;
let smtp: SMTPServer;
let smtpPort = 0;
let hookPort = 0;
const leaks: Leak[] = [];
const outputs: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-canary-"));
  dataDir = join(folder, "data");
  echo = await startEcho();
  hookPort = await freePort();
  smtp = new SMTPServer({
    authOptional: false,
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    // repeats what it was given, as some servers do
    onAuth: ({ username, password }, _session, done) =>
      echo.refusing ? done(new Error(`no ${username} with ${password}`)) : done(null, { user: username ?? "" }),
    onData: (stream, _session, done) => stream.resume().on("end", () => done()),
  });
  smtp.on("error", () => undefined);
  await new Promise<void>((listening) => smtp.listen(0, "127.0.0.1", listening));
  smtpPort = (smtp.server.address() as { readonly port: number }).port;
});
afterAll(async () => {
  await echo[Symbol.asyncDispose]();
  await new Promise<void>((closed) => smtp.close(closed));
  await rm(folder, { recursive: true, force: true });
});

function look(where: string, text: string): void {
  if (process.env.CANARY_DEBUG) process.stderr.write(`${Math.round(performance.now())} ${where} ${text.length}\n`);
  outputs.push(where);
  leaks.push(...findLeaks(canaries, where, text));
}

const places = (): Places => ({ canaries, folder, echo, smtpPort, hookPort });

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** The variables that have secrets in them. */
function environment(): Record<string, string> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env as Record<string, string>;
  return {
    ...inherited,
    TIDEMILL_SECRET_OFENV__TOKEN: canaries.ofEnvironment,
    SOMEBODY_ELSES_PASSWORD: canaries.unrelated,
    HTTPS_PROXY: `http://u:${encodeURIComponent(canaries.proxy)}@127.0.0.1:1`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${echo.http}/otlp`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(canaries.otlp)}`,
    OTEL_BSP_SCHEDULE_DELAY: "100",
    TIDEMILL_LOG_STORE: `http://u:${encodeURIComponent(canaries.logStore)}@127.0.0.1:${echo.httpPort}`,
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

interface Product {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly admin: string;
  readonly token: string;
  stop(): Promise<void>;
}

async function start(file: string): Promise<Product> {
  const flags = ["--admin", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--require-token", "--jobs", "process"];
  const logs = ["--log-level", "trace", "--log-format", "ecs", "--drain-timeout", "3s"];
  const child = spawn(
    process.execPath,
    ["--no-warnings", main, "run", file, "--data-dir", dataDir, ...flags, ...logs],
    { env: environment(), stdio: ["ignore", "pipe", "pipe"] },
  );
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const closed = once(child, "close");
  const up = () => /"message":"ready"/.test(text);
  await until("tidemill is ready", () => child.exitCode !== null || up(), { timeoutMs: 60_000 });
  expect(up(), text.slice(-3_000)).toBe(true);
  const { url } = JSON.parse(await readFile(join(dataDir, "admin.json"), "utf8")) as { readonly url: string };
  return {
    ...{ child, said: () => text, admin: url },
    token: (await readFile(join(dataDir, "admin.token"), "utf8")).trim(),
    async stop() {
      child.kill("SIGTERM");
      await closed;
    },
  };
}

async function lettersOf(product: Product): Promise<ReadonlyMap<string, string>> {
  const headers = { authorization: `Bearer ${product.token}` };
  const answer = await fetch(`${product.admin}/api/v1/deadletters?limit=1000`, { headers });
  const { items } = (await answer.json()) as Listed<{ readonly trigger: string; readonly error: string }>;
  return new Map(items.map(({ trigger, error }) => [trigger, error]));
}

interface Listed<T> {
  readonly items: readonly T[];
}

async function lookAtAnswers(product: Product, when: string): Promise<void> {
  const headers = { authorization: `Bearer ${product.token}` };
  const get = async (path: string): Promise<string> => {
    const text = await (await fetch(`${product.admin}${path}`, { headers })).text();
    look(`${when}: GET ${path}`, text);
    return text;
  };
  const api = (path: string) => get(`/api/v1${path}`);
  const letters = JSON.parse(await api("/deadletters?limit=1000")) as Listed<{ readonly id: string }>;
  for (const { id } of letters.items) {
    await api(`/deadletters/${encodeURIComponent(id)}`);
    await api(`/deadletters/${encodeURIComponent(id)}/data`);
  }
  const events = JSON.parse(await api("/events?limit=100")) as Listed<{ readonly id: string }>;
  for (const { id } of events.items) for (const of of ["events", "why", "trace"]) await api(`/${of}/${id}`);
  for (const path of [
    "/status",
    "/top",
    "/audit",
    "/delays",
    "/operations",
    "/deadletters/groups",
    "/deadletters/export",
  ])
    await api(path);
  const jobs = JSON.parse(await api("/jobs")) as Listed<{ readonly namespace: string; readonly name: string }>;
  for (const { namespace, name } of jobs.items)
    for (const of of ["", "/logs"]) await api(`/jobs/${namespace}/${name}${of}`);
  await get("/readyz?verbose");
  if (when === "failing") {
    const [event] = events.items;
    const [letter] = letters.items;
    const verbs = [
      ["why", event?.id ?? ""],
      ["trace", event?.id ?? ""],
      ["dlq", "export"],
      ["dlq", "show", letter?.id ?? ""],
    ];
    for (const verb of verbs) {
      const { out, err } = await tidemill([...verb, "--data-dir", dataDir]);
      look(`${when}: tidemill ${verb.join(" ")}`, out + err);
    }
  }
  const { metrics } = JSON.parse(/^.*"message":"ready".*$/m.exec(product.said())?.[0] ?? "{}") as { metrics?: string };
  look(`${when}: metrics`, await (await fetch(`${metrics}/metrics`)).text());
}

/** What it sent that is no call of a trigger: traces, log lines, notifications. Their headers are where secrets belong. */
function lookAtSent(when: string): void {
  for (const { path, body } of echo.received) if (/otlp|_bulk|told/.test(path)) look(`${when}: sent to ${path}`, body);
}

async function lookAtFiles(when: string, product: Product | undefined): Promise<void> {
  // the token of this run is there, for this user's verbs, as long as it runs
  for (const [name, text] of await filesOf(dataDir)) {
    look(`${when}: file ${name}`, text);
    if (name !== "admin.token" && product !== undefined)
      expect([name, text.includes(product.token)]).toEqual([name, false]);
  }
}

async function call(product: Product, body: unknown): Promise<void> {
  const post = (authorization: string) =>
    fetch(`http://127.0.0.1:${hookPort}/go`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const wrong = await post(`Bearer ${canaries.webhook}x`);
  expect(wrong.status).toBe(401);
  look("webhook, refused", await wrong.text());
  const right = await post(`Bearer ${canaries.webhook}`);
  expect(right.status, product.said().slice(-2_000)).toBe(200);
  look("webhook", await right.text());
}

/** How many firings of the sensor are in this state. */
async function countOf(product: Product, state: "done" | "dead"): Promise<number> {
  const headers = { authorization: `Bearer ${product.token}` };
  const audit = await (await fetch(`${product.admin}/api/v1/audit`, { headers })).json();
  return (audit as { readonly firings: Readonly<Record<string, number>> }).firings[state] ?? 0;
}

test("no secret comes out, whatever fails and whatever succeeds", async () => {
  const file = await writeManifests(places());
  // a Job is made, whatever becomes of it
  const count = templatesOf(places()).length - 1;
  const product = await start(file);
  await call(product, { fail: true });
  await until(
    `${count} are dead`,
    async () => {
      const dead = await countOf(product, "dead");
      if (dead < count) throw new Error(`${dead} are`);
      return true;
    },
    { timeoutMs: 60_000 },
  );
  const tellings = () => echo.received.filter(({ path }) => path === "/always/told").length;
  await until("all are told", () => tellings() >= count, { timeoutMs: 30_000 });
  await lookAtAnswers(product, "failing");
  // the servers did repeat what they were sent, and it was seen
  const seen = await lettersOf(product);
  const repeated = ["email", "sns", "sqs", "bridge", "lambda", "fn"];
  const kept = repeated.map((trigger) => [trigger, seen.get(trigger)]);
  expect(kept).toEqual(repeated.map((trigger) => [trigger, expect.stringContaining("***")]));
  echo.refusing = false;
  const before = await countOf(product, "done");
  await call(product, {});
  // databases and the refused port stay as they are
  await until("others are done", async () => (await countOf(product, "done")) >= before + 7, { timeoutMs: 60_000 });
  await until(
    "spans and lines are sent",
    () => {
      const paths = echo.received.flatMap(({ path, refused }) => (refused ? [] : path));
      return paths.some((path) => path.includes("otlp")) && paths.some((path) => path.endsWith("_bulk"));
    },
    { timeoutMs: 30_000 },
  );
  await lookAtAnswers(product, "working");
  await lookAtFiles("working", product);
  await product.stop();
  look("log", product.said());
  expect(product.said()).not.toContain(product.token);
  lookAtSent("sent");
  await lookAtFiles("ended", undefined);
  expect(outputs.length).toBeGreaterThan(60);
  expect(told(leaks)).toEqual([]);
}, 400_000);

/** One for each output of a kind, so that a failure can be read. */
function told(found: readonly Leak[]): readonly string[] {
  const kinds = new Map(found.map((leak) => [`${leak.canary} ${leak.where.replace(/[0-9a-f]{16,}\S*/g, "ID")}`, leak]));
  return [...kinds].map(([kind, { around }]) => `${kind}: ${around}`).sort();
}

test("what does not start tells no secret either", async () => {
  const file = await writeManifests(places());
  const at = (name: string) => join(folder, name);
  await mkdir(at("broken"));
  const { bearer, record, otlp } = canaries;
  const broken = [
    { kind: "Secret", apiVersion: "v1", metadata: { name: "a" }, data: { k: record } },
    { kind: "Secret", apiVersion: "v1", metadata: { name: "b" }, stringData: { k: { inner: bearer } } },
    { kind: "Secret", apiVersion: "v1", metadata: { name: "c" }, stringData: bearer },
    {
      ...{ kind: "EventSource", apiVersion: "argoproj.io/v1alpha1", metadata: { name: "e" } },
      spec: {
        webhook: { x: { port: "1", endpoint: "/", method: "POST", authSecret: bearer } },
        sqs: { y: { region: "r", queue: "q", accessKey: { name: "n", key: { k: bearer } }, secretKey: otlp } },
      },
    },
    {
      ...{ kind: "Sensor", apiVersion: "argoproj.io/v1alpha1", metadata: { name: "s" } },
      spec: {
        dependencies: [{ name: "d", eventSourceName: "e", eventName: "x" }],
        triggers: [
          { template: { name: "t", http: { url: "http://x", basicAuth: { username: bearer, password: [otlp] } } } },
          { template: { name: "u", slack: { slackToken: bearer, channel: "c" } } },
          { template: { name: "v", http: { url: "http://x", secureHeaders: [{ name: "A", value: bearer }] } } },
        ],
      },
    },
  ];
  for (const [n, object] of broken.entries()) await writeFile(at(`broken/${n}.yaml`), JSON.stringify(object));
  await writeFile(at("broken/cut.yaml"), `kind: Secret\nmetadata: {name: d}\nstringData:\n  k: "${bearer}\n  x: [`);
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    tidemill(["run", file, "--data-dir", at("other"), "--admin", "none", "--metrics", "none", ...args], {
      env: { ...environment(), OTEL_SDK_DISABLED: "true", ...env },
    });
  const password = encodeURIComponent(record);
  const attempts: readonly (readonly [string, Promise<{ out: string; err: string }>])[] = [
    ["broken manifests", tidemill(["run", at("broken"), "--data-dir", at("other"), "--log-format", "pretty"])],
    ["lint", tidemill(["lint", at("broken")])],
    ["lint json", tidemill(["lint", at("broken"), "-o", "json"])],
    ["record of no kind", run(["--record", `oracle://ada:${password}@db/x`])],
    ["record that is no url", run(["--record", `mysql://ada:${record}@:x:y/z`])],
    ["record of the environment", run([], { TIDEMILL_RECORD_URL: `postgres://ada:${password}@db:99999/x` })],
    ["record to read", tidemill(["audit", "--record", `mysql://ada:${password}@127.0.0.1:1/x`])],
    ["log store", run(["--log-store", `ftp://u:${password}@h/`])],
    ["otlp header", run([], { OTEL_SDK_DISABLED: "", OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${record}@ h/` })],
    ["token", tidemill(["status", "--admin", "127.0.0.1:1", "--token", record])],
  ];
  const found: Leak[] = [];
  for (const [name, ending] of attempts) {
    const { out, err } = await ending;
    expect([name, out + err]).toEqual([name, expect.stringMatching(/TM\d{4}/)]);
    found.push(...findLeaks(canaries, name, out + err));
  }
  expect(told(found)).toEqual([]);
}, 300_000);

test("a fault that nobody caught tells no secret with its stack", async () => {
  await writeFile(
    join(folder, "crash.mjs"),
    `import { existsSync } from "node:fs";
const timer = setInterval(() => {
  if (!existsSync(process.env.CRASH_WHEN)) return;
  clearInterval(timer);
  throw new Error("in the middle of " + process.env.CRASH_SAYS);
}, 50);
timer.unref();`,
  );
  const file = await writeManifests(places());
  const dir = join(folder, "crashed");
  const ports = ["--admin", "127.0.0.1:0", "--metrics", "none", "--drain-timeout", "1s", "--log-format", "pretty"];
  const { code, err } = await tidemill(["run", file, "--data-dir", dir, "--record", "none", ...ports], {
    env: {
      ...environment(),
      OTEL_SDK_DISABLED: "true",
      NODE_OPTIONS: `--import=${join(folder, "crash.mjs")}`,
      CRASH_WHEN: join(dir, "admin.json"),
      CRASH_SAYS: canaries.logStore,
    },
  });
  expect([code, err]).toEqual([70, expect.stringContaining("in the middle of ***")]);
  expect(told(findLeaks(canaries, "crash", err))).toEqual([]);
}, 120_000);
