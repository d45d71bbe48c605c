import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import type { Event } from "../lib/event.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { createEvaluation } from "../rehearsal/evaluate.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type HttpTarget, openHttpTarget } from "./target-testing.ts";
import { why } from "./why.ts";

let target: HttpTarget;
let address = "";
let calls: { path: string; body: string }[] = [];
let run: StandardRun | undefined;
let folder = "";
let port = 0;

beforeAll(async () => {
  target = await openHttpTarget(({ path, body }, response) => {
    calls.push({ path, body });
    response.end();
  });
  address = target.address;
});
afterAll(() => target[Symbol.asyncDispose]());
beforeEach(async () => {
  calls = [];
  folder = await mkdtemp(join(tmpdir(), "tidemill-schema-run-"));
});
afterEach(async () => {
  await run?.stop();
  run = undefined;
  await rm(folder, { recursive: true, force: true });
});

const job = "{ inline: { type: object, required: [sku], properties: { sku: { type: string } } }, at: body }";

interface Given {
  readonly entry?: string;
  readonly dependency?: string;
  readonly conditions?: string;
  readonly beside?: string;
}

function planned({ entry = "", dependency = `schema: ${job}`, conditions = "a", beside = "" }: Given) {
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    a:
      endpoint: /a
      method: POST
      port: "${port}"
      ${entry}
    b: {endpoint: /b, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - name: a
      eventSourceName: web
      eventName: a
      ${dependency}
    - {name: b, eventSourceName: web, eventName: b}
  triggers:
    - template:
        name: t
        conditions: ${conditions}
        http:
          url: ${address}/t
          payload: [{src: {dependencyName: a, dataKey: body, useRawData: true}, dest: job}]
      atLeastOnce: true
      ${beside}
      dlqTrigger:
        atLeastOnce: true
        template:
          name: lost
          http:
            url: ${address}/lost
            payload: [{src: {dependencyName: a, dataKey: body, useRawData: true}, dest: job}]
`;
  const found = planTexts([{ file: "m.yaml", folder: ".", named: true, text }], lists);
  expect(found.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  return { ...found, files: [] };
}

async function start(given: Given = {}): Promise<StandardRun> {
  port = await freePort();
  run = await standardRun({ manifests: planned(given), dataDir: folder, drainTimeoutMs: 500 });
  return run;
}

async function send(data: unknown, event = "a"): Promise<string> {
  if (run === undefined) throw new Error("nothing runs");
  const request = { namespace: "default", eventSource: "web", event, data: Buffer.from(JSON.stringify(data)) };
  const { receipt } = await handIn(run, { ...request, signal: AbortSignal.timeout(10_000) });
  expect(receipt.outcome).toBe("stored");
  return receipt.id;
}

const letters = async (queue = "s/t") => (await run?.buses[0]?.bus.queue(queue).dead().list()) ?? [];
const paths = () => calls.map(({ path }) => path);

/** The answer once the record has all facts. */
async function whyOf(id: string) {
  if (run === undefined) throw new Error("nothing runs");
  const one = run;
  await until("it happened", async () => ((await one.buses[0]?.bus.facts("record").lag())?.entries ?? 1) === 0);
  return why(one, id);
}

test("an event that is not as the schema of its dependency says is a dead letter at once, without an attempt", async () => {
  const { buses, record } = await start({ beside: "retryStrategy: { steps: 5, duration: 1h }" });
  const id = await send({ body: { sku: 7 } });
  await until("it happened", async () => (await letters()).length === 1 && paths().includes("/lost"));
  expect(paths()).toEqual(["/lost"]);
  expect(calls[0]?.body).toBe('{"job":{"sku":7}}');
  const [letter] = await letters();
  expect(letter?.reason).toMatchObject({
    code: "TM2007",
    message: "body.sku: must be string, not integer (schema inline)",
  });
  expect(letter?.firing.attempts).toBe(0);
  const told = await whyOf(id);
  const [sensor] = told.sensors;
  expect(sensor?.dependencies[0]).toMatchObject({
    name: "a",
    passed: false,
    clauses: [{ kind: "schema", passed: false }],
  });
  expect(sensor?.triggers[0]).toMatchObject({
    name: "t",
    decision: "fired",
    reason: "schema: body.sku: must be string, not integer (schema inline)",
    firings: [{ state: "dead", reason: "TM2007: body.sku: must be string, not integer (schema inline)", attempts: [] }],
  });
  expect(sensor?.triggers[1]).toMatchObject({ name: "lost", firings: [{ state: "done" }] });
  const audit = await record?.audit({});
  expect(audit).toMatchObject({ decisions: { fired: 1, filtered: 0 }, firings: { dead: 1, done: 1 }, missing: [] });
  expect(buses[0]?.bus.queue("s/t").depth()).toEqual({ pending: 0, running: 0 });
});

test("what the filters turn down is not asked about, and what they let through and matches fires", async () => {
  await start({
    dependency: `filters: { data: [{ path: body.kind, type: string, value: [job] }] }\n      schema: ${job}`,
  });
  await send({ body: { kind: "other", sku: 1 } });
  await send({ body: { kind: "job", sku: "x" } });
  await send({ body: { kind: "job", sku: 1 } });
  await until("it happened", async () => (await letters()).length === 1 && calls.length === 2);
  expect(paths().toSorted()).toEqual(["/lost", "/t"]);
});

test("the schema describes what arrives, not what the transform makes of it; what the transform cannot read is judged by it", async () => {
  await start({ dependency: `transform: { jq: '{body: {upper: (.body.sku | ascii_upcase)}}' }\n      schema: ${job}` });
  await send({ body: { sku: "x" } });
  await until("it happened", () => calls.length === 1);
  expect(calls[0]).toEqual({ path: "/t", body: '{"job":{"upper":"X"}}' });
  await send({ body: { sku: 1 } });
  await until("it happened", async () => (await letters()).length === 1 && calls.length === 2);
  expect(calls[1]).toEqual({ path: "/lost", body: '{"job":{"sku":1}}' });
});

test("with a condition of several dependencies the bad event dies alone, and what waits goes on waiting", async () => {
  await start({ conditions: "a && b" });
  await send({ body: 1 }, "b");
  await send({ body: { sku: 1 } });
  await until("it happened", async () => (await letters()).length === 1);
  expect((await letters())[0]?.firing.events.map(({ dependency }) => dependency)).toEqual(["a"]);
  await send({ body: { sku: "x" } });
  await until("it happened", () => paths().includes("/t"));
  expect(paths().toSorted()).toEqual(["/lost", "/t"]);
});

test("a dead letter that is tried again is asked about again", async () => {
  const { buses } = await start();
  await send({ body: { sku: 1 } });
  await until("it happened", async () => (await letters()).length === 1);
  const dead = buses[0]?.bus.queue("s/t").dead();
  const [letter] = await letters();
  const facts = [{ k: "firing", firing: letter?.firing.id ?? "", state: "pending", atUs: Date.now() * 1000 }] as const;
  expect(await dead?.retry(letter?.firing.id ?? "", { dueUs: 0, facts })).toBe(true);
  await until("it happened", async () => (await letters()).length === 1);
  expect(paths()).not.toContain("/t");
  expect((await letters())[0]?.reason.code).toBe("TM2007");
});

test("under a plan whose schema takes it, a dead letter that is tried again runs", async () => {
  await start();
  await send({ body: { sku: 1 } });
  await until("it happened", async () => (await letters()).length === 1);
  await run?.stop();
  const looser = job.replace("type: string", "type: [string, integer]");
  run = await standardRun({
    manifests: planned({ dependency: `schema: ${looser}` }),
    dataDir: folder,
    drainTimeoutMs: 500,
  });
  const [letter] = await letters();
  const revision = run.buses[0]?.sensors[0]?.revision;
  const options = { dueUs: 0, facts: [], ...(revision === undefined ? {} : { revision }) };
  expect(
    await run.buses[0]?.bus
      .queue("s/t")
      .dead()
      .retry(letter?.firing.id ?? "", options),
  ).toBe(true);
  await until("it happened", () => paths().includes("/t"));
  expect(calls.find(({ path }) => path === "/t")?.body).toBe('{"job":{"sku":1}}');
  expect(await letters()).toEqual([]);
});

test("a rate limit, a batch and an order of the trigger do not hold up a bad event, nor does it take their turns", async () => {
  await start({ beside: "batch: { size: 3, window: 200ms }\n      orderBy: body.sku" });
  await send({ body: { sku: "x" } });
  await send({ body: { sku: 1 } });
  await send({ body: { sku: "x" } });
  await until(
    "it happened",
    async () => (await letters()).length === 1 && paths().filter((path) => path === "/t").length > 0,
  );
  const sent = calls.filter(({ path }) => path === "/t").map(({ body }) => body);
  await until("it happened", () => JSON.stringify(calls.filter(({ path }) => path === "/t")).split("sku").length === 3);
  expect(sent.join()).not.toContain('"sku":1');
});

test("an entry refuses what is not as its schema says, and the sender sees where", async () => {
  const { record } = await start({ entry: `schema: ${job}`, dependency: "" });
  const post = (body: string) => fetch(`http://127.0.0.1:${port}/a`, { method: "POST", body });
  const refused = await post('{"sku":[1]}');
  expect(refused.status).toBe(422);
  expect(refused.headers.get("content-type")).toBe("application/problem+json");
  const message = "body.sku: must be string, not array (schema inline)";
  expect(await refused.json()).toMatchObject({
    ...{ title: "The event does not match its schema", status: 422, detail: message },
    errors: [{ path: "body.sku", message: "must be string, not array" }],
  });
  const taken = await post('{"sku":"x"}');
  expect(taken.status).toBe(200);
  await until("it happened", () => calls.length === 1);
  const one = run;
  await until("it happened", async () => ((await one?.buses[0]?.bus.facts("record").lag())?.entries ?? 1) === 0);
  expect((await record?.audit({}))?.receipts).toMatchObject({ stored: 1, refused: 1 });
  const found = await record?.events({ receipt: "refused", limit: 10 });
  expect(found?.items[0]?.reason).toBe(message);
});

test("the filter of an entry comes first: what is not meant is filtered, not refused", async () => {
  const { record } = await start({ entry: `filter: { expression: 'body.kind == "job"' }\n      schema: ${job}` });
  await fetch(`http://127.0.0.1:${port}/a`, { method: "POST", body: '{"kind":"other"}' });
  const one = run;
  await until(
    "it happened",
    async () => ((await record?.audit({}))?.receipts.filtered ?? 0) === 1 && one !== undefined,
  );
  expect((await record?.audit({}))?.receipts.refused).toBe(0);
});

test("eval says that it would be a dead letter, and why", async () => {
  port = 1;
  const { sensors, sources } = planned({});
  const [plan] = sensors;
  if (plan === undefined) throw new Error("no plan");
  const data = Buffer.from('{"body":{}}');
  const event: Event = {
    id: "e",
    source: "web",
    type: "webhook",
    subject: "a",
    time: "2026-01-01T00:00:00Z",
    datacontenttype: "application/json",
    data,
    extensions: {},
  };
  const evaluation = createEvaluation({ plan, sources, render: () => Promise.reject(new Error("not called")) });
  const { triggers, dependencies } = await evaluation.feed({ event, nowMs: 0 });
  expect(triggers[0]).toEqual({
    name: "t",
    fires: false,
    reason: "a dead letter at once: body.sku: is missing (schema inline)",
  });
  expect(dependencies[0]).toMatchObject({
    passed: false,
    clauses: [{ kind: "schema", reason: "body.sku: is missing (schema inline)" }],
  });
});
