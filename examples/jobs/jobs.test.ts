import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { faultsOf } from "../../test/deploy/infra.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { startOtelReceiver } from "../../test/servers/otel-receiver.ts";
import { freePort } from "../../test/servers/server.ts";
import { tidemill } from "../../test/tidemill.ts";
import { seeded } from "../lib/seeded.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { judge } from "./check.ts";
import { parseJob } from "./functions/parse.ts";
import { malformedKinds, sample } from "./sample.ts";

// a run takes 10 to 15 s: what fails comes three times, two seconds apart
vi.setConfig({ testTimeout: 150_000 });

const here = fileURLToPath(new URL(".", import.meta.url));
let folder: string;
let number = 0;

beforeAll(async () => {
  folder = await temporaryFolder("jobs");
});
afterAll(async () => {
  vi.resetConfig();
  await rm(folder, { recursive: true, force: true });
});

/** Runs it to its end, on ports and in a folder of its own; the sum must be right. */
async function runWell(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Program> {
  number += 1;
  const own = ["--port", String(await freePort()), "--data-dir", join(folder, String(number)), "--max-gap", "100"];
  const run = startProgram(new URL("start.ts", import.meta.url), [...own, ...args], {
    OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
    ...env,
  });
  const code = await run.ended;
  expect(code, `${run.out()}\n${run.err()}`).toBe(0);
  expect(run.out()).toContain("The sum is right");
  return run;
}

const counted = (run: Program, name: string): number =>
  Number(new RegExp(`^${name} +(\\d+)`, "m").exec(run.out())?.[1] ?? Number.NaN);

test("every job is executed or a dead letter, with the queues' own redrive policy; every kind of damage is found", async () => {
  const run = await runWell(["--count", "60", "--malformed", "40", "--seed", "1"]);
  expect(counted(run, "generated")).toBe(60);
  expect(counted(run, "executed")).toBeGreaterThan(15);
  expect(counted(run, "dead letters")).toBe(counted(run, "malformed") + counted(run, "failed"));
  expect(counted(run, "notified")).toBe(counted(run, "dead letters"));
  // both stages, each with its own way of saying what is wrong
  expect(run.out()).toMatch(/attempt process/);
});

test("every job is executed or a dead letter, with dlqTriggers", async () => {
  await runWell(["--count", "40", "--malformed", "30", "--seed", "2", "--dead-letters", "trigger"]);
});

test.each(["queue", "trigger"])(
  "nothing is lost when tidemill is killed in the middle; dead letters by the %s",
  async (by) => {
    const run = await runWell(["--count", "45", "--malformed", "20", "--seed", "3", "--crash", "--dead-letters", by]);
    expect(run.out()).toContain("tidemill runs again");
  },
);

test("all that happens to a job is one trace, and no span of it hangs in the air", async () => {
  await using receiver = await startOtelReceiver();
  const run = await runWell(["--count", "12", "--malformed", "0", "--seed", "5"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  });
  expect(counted(run, "executed")).toBeGreaterThan(5);
  const traces = Map.groupBy(receiver.spans, ({ traceId }) => traceId);
  expect(traces.size).toBe(12);
  for (const [, spans] of traces) {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const missing = new Set(spans.map(({ parentSpanId }) => parentSpanId).filter((id) => !ids.has(id)));
    // the one that is not here is the producer's own
    expect(missing.size).toBe(1);
    expect(spans.every(({ startUs, endUs }) => startUs <= endUs)).toBe(true);
  }
  const names = new Set(receiver.spans.map(({ name }) => name));
  for (const name of ["receive job", "queue ingester", "receive todo", "process processor"])
    expect(names).toContain(name);
});

test.each(["queue", "trigger"])("the manifests have no finding; dead letters by the %s", async (by) => {
  const files = ["local.yaml", "shared.yaml", `dead-letters-by-${by}`].map((name) => join(here, "manifests", name));
  const { code, out, err } = await tidemill(["lint", "--template-env", ...files], { env: { JOBS_TOPIC_ARN: "arn" } });
  expect(`${out}${err}`).toContain("0 errors, 0 warnings");
  expect(code).toBe(0);
});

test("the type of the functions is that of the schema", async () => {
  const { out } = await tidemill(["schema", "types", join(here, "job.schema.json")]);
  expect(await readFile(join(here, "functions", "job.ts"), "utf8")).toBe(out);
});

test("the generator makes what it says: jobs that the schema takes, and twenty kinds that it does not", () => {
  const drafts = [
    ...sample({ count: 2_000, malformed: 0.4, maxGapMs: 0, nowMs: () => Date.now(), naming: true, random: seeded(7) }),
  ];
  expect(malformedKinds).toHaveLength(20);
  expect(new Set(drafts.map(({ malformed }) => malformed)).size).toBe(21);
  for (const { text, malformed } of drafts) {
    const parse = (): unknown => parseJob(Buffer.from(text));
    if (malformed === undefined) expect(parse).not.toThrow();
    else expect(parse, malformed).toThrow();
  }
  expect(new Set(drafts.map(({ fate }) => fate))).toEqual(new Set(["executed", "failed", "malformed", "refused"]));
});

test("the report finds what is lost, what is twice, and what nobody was told of", () => {
  const [first, second] = [
    ...sample({ count: 2, malformed: 0, maxGapMs: 0, nowMs: () => 0, naming: false, random: seeded(1) }),
  ];
  if (first === undefined || second === undefined) throw new Error("no sample");
  const sent = [
    { draft: first, traceId: "a" },
    { draft: { ...second, fate: "failed" as const }, traceId: "b" },
  ];
  const row = { job: first.job ?? "", kind: "", direct: 0 };
  const letter = { body: second.text, attributes: {} };
  const told = { body: '{"traceId":"b"}', attributes: {} };
  const good = { sent, rows: [row], letters: [letter], notified: [told], inbox: [], crashed: false };
  expect(judge(good).faults).toEqual([]);
  expect(judge({ ...good, rows: [] }).faults.join()).toContain("was not executed");
  expect(judge({ ...good, letters: [] }).faults.join()).toContain("is not in the dead-letter queue");
  expect(judge({ ...good, letters: [letter, letter] }).faults.join()).toContain("2 times");
  expect(judge({ ...good, notified: [] }).faults.join()).toContain("nobody was told");
  const named = sent.map((one, n) => (n === 1 ? { ...one, draft: { ...one.draft, notify: "allowed" as const } } : one));
  expect(judge({ ...good, sent: named }).faults.join()).toContain("was not told of to whom it named");
  expect(judge({ ...good, sent: named, notified: [], inbox: [told.body] }).faults).toEqual([]);
  expect(judge({ ...good, letters: [letter, { body: "?", attributes: {} }] }).faults.join()).toContain("of no message");
});

test("a mistake on the command line is told at once", () => {
  const run = spawnSync(process.execPath, [join(here, "start.ts"), "--dead-letters", "nobody"], { encoding: "utf8" });
  expect(run.status).toBe(2);
  expect(run.stderr).toContain('--dead-letters is queue or trigger, not "nobody"');
});

test("a port that is taken is told at once, with what to do", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const run = startProgram(new URL("start.ts", import.meta.url), ["--port", String(port), "--count", "1"]);
  expect(await run.ended).toBe(2);
  expect(run.err()).toContain(`port ${port} is taken: name another one for the event bus with --port`);
  other.close();
});

describeWithServer("infra", () => {
  test("the loader of docker compose takes what to look at it with", () => {
    expect(faultsOf("compose", join(here, "observe", "compose.yaml"))).toBe("");
  });
});
