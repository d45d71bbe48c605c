import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import type { AttemptFact, Fact } from "../lib/facts.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { handIn } from "./hand-in.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type Asked, type HttpTarget, openHttpTarget } from "./target-testing.ts";
import { why } from "./why.ts";

interface Call extends Asked {
  /** By the virtual clock. */
  readonly atMs: number;
}

let target: HttpTarget;
let address = "";
let calls: Call[] = [];
let answer: (call: Call, response: ServerResponse) => void;
const ok = (_: Call, response: ServerResponse): void => void response.end();
const status = (response: ServerResponse, code: number, headers: Record<string, string> = {}): void =>
  void response.writeHead(code, headers).end();

let clock: VirtualClock;
let run: StandardRun | undefined;
let folder: string | undefined;
/** The facts of this start and those before it. */
let seen: Fact[] = [];

beforeAll(async () => {
  target = await openHttpTarget((asked, response) => {
    const call = { ...asked, atMs: clock.nowMs() };
    calls.push(call);
    answer(call, response);
  });
  address = target.address;
});
afterAll(() => target[Symbol.asyncDispose]());
beforeEach(() => {
  clock = new VirtualClock();
  calls = [];
  seen = [];
  answer = ok;
});
afterEach(async () => {
  target.dropConnections();
  await end();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

/** What runs ends, and the clock stands still: the record catches up at the next start. */
async function end(): Promise<void> {
  await run?.stop();
  run = undefined;
}

/** Starts a sensor whose trigger posts `{"nr": …}`; `trigger` is what stands beside the template. */
async function start(trigger: string, more: { readonly conditions?: string; readonly keep?: boolean } = {}) {
  if (more.keep === true) folder ??= await mkdtemp(join(tmpdir(), "tidemill-flow-"));
  const port = await freePort();
  const conditions = more.conditions ?? "a";
  const dependency = conditions.startsWith("b") ? "b" : "a";
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    a: {endpoint: /a, method: POST, port: "${port}"}
    b: {endpoint: /b, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: a, eventSourceName: web, eventName: a}
    - {name: b, eventSourceName: web, eventName: b}
  triggers:
    - template:
        name: t
        conditions: ${conditions}
        http:
          url: ${address}/t
          payload: [{src: {dependencyName: ${dependency}, dataKey: nr, useRawData: true}, dest: nr}]
${trigger.replace(/^/gm, "      ")}
`;
  const planned = planTexts([{ file: "flow.yaml", folder: ".", named: true, text: manifest }], lists);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  run = await standardRun({ manifests: { ...planned, files: [] }, dataDir: folder, clock, drainTimeoutMs: 20 });
  await run.buses[0]?.bus.facts("test").begin("oldest");
}

async function send(data: unknown, event = "a"): Promise<string> {
  if (run === undefined) throw new Error("nothing runs");
  const text = JSON.stringify(typeof data === "number" ? { nr: data } : data);
  const request = { namespace: "default", eventSource: "web", event, data: Buffer.from(text) };
  const { receipt } = await handIn(run, { ...request, signal: AbortSignal.timeout(10_000) });
  expect(receipt.outcome).toBe("stored");
  return receipt.id;
}

async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 15_000; !(await so()); ) {
    if (Date.now() > deadline) throw new Error(`not within 15 s; calls: ${JSON.stringify(calls)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Everything that can happen now without waiting for the target has happened. */
async function quiet(): Promise<void> {
  const bus = run?.buses[0]?.bus;
  if (bus === undefined) throw new Error("nothing runs");
  for (let calm = 0; calm < 20; calm++) {
    if ((await bus.events("sensors").lag()).entries > 0) calm = 0;
    await clock.advance(0);
  }
}

/** The record has read all facts. It gathers them for 50 ms of the clock, and works in a thread: that takes turns. */
async function recorded(): Promise<void> {
  await quiet();
  const behind = async () => ((await run?.buses[0]?.bus.facts("record").lag())?.entries ?? 0) > 0;
  while (await behind()) {
    await clock.advance(50);
    for (let turn = 0; turn < 3_000 && (await behind()); turn++) await clock.advance(0);
  }
}

async function facts(): Promise<readonly Fact[]> {
  await quiet();
  const log = run?.buses[0]?.bus.facts("test");
  if (log === undefined) throw new Error("nothing runs");
  const signal = AbortSignal.timeout(10_000);
  while ((await log.lag()).entries > 0) {
    for await (const batch of log.batches({ max: 1_000, signal })) {
      for (const { json } of batch.entries) seen.push(...(JSON.parse(json) as Fact[]));
      await batch.commit({});
      break;
    }
  }
  return seen;
}

/** The attempts about an event, in order. */
async function attemptsOf(event: string): Promise<readonly AttemptFact[]> {
  const all = await facts();
  const fired = all.flatMap((fact) => (fact.k === "decided" ? (fact.fired ?? []) : []));
  const ids = fired.filter(({ events }) => events.some(([, id]) => id === event)).map(({ firing }) => firing);
  return all.filter((fact) => fact.k === "attempt").filter(({ firing }) => ids.includes(firing));
}

/** The last decision about an event. */
async function decisionOf(event: string): Promise<{ readonly decision: string; readonly reason?: string } | undefined> {
  let last: { readonly decision: string; readonly reason?: string } | undefined;
  const tell = (decision: string, { reason }: { readonly reason?: string }): void => {
    last = { decision, ...(reason === undefined ? {} : { reason }) };
  };
  for (const fact of await facts()) {
    if (fact.k !== "decided") continue;
    for (const one of fact.waiting ?? []) if ((one.event ?? fact.event) === event) tell("waiting", one);
    for (const one of fact.superseded ?? []) if (one.event === event) tell("superseded", one);
    for (const one of fact.ended ?? []) if (one.event === event) tell(one.decision, one);
    for (const one of fact.fired ?? []) if (one.events.some(([, id]) => id === event)) tell("fired", one);
  }
  return last;
}

/** Time passes, and what it starts may finish. */
async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await quiet();
}

const bodies = () => calls.map(({ body }) => body);
test("3 per minute lets three through at once, and never more in any minute, also after a restart", async () => {
  const limited = "rateLimit: {unit: Minute, requestsPerUnit: 3}";
  await start(limited, { keep: true });
  for (let n = 0; n < 8; n++) await send(n);
  await until(() => calls.length === 3);
  await pass(59_999);
  expect(calls).toHaveLength(3);
  await end();
  await start(limited, { keep: true });
  await quiet();
  expect(calls).toHaveLength(3);
  await pass(1);
  await until(() => calls.length === 6);
  await pass(59_999);
  expect(calls).toHaveLength(6);
  await pass(1);
  await until(() => calls.length === 8);
  const times = calls.map(({ atMs }) => atMs);
  for (const from of times) expect(times.filter((at) => at >= from && at < from + 60_000).length).toBeLessThan(4);
});

test("an attempt that takes longer than the timeout fails, runs again as retryStrategy says, then its dlqTrigger", async () => {
  answer = (call, response) => {
    if (call.path === "/dlq") response.end();
  };
  await start(`timeout: 5s
atLeastOnce: true
retryStrategy: {steps: 2, duration: 1s, jitter: 0}
dlqTrigger:
  atLeastOnce: true
  template: {name: dead, http: {url: "${address}/dlq"}}`);
  const event = await send(1);
  await until(() => calls.length === 1);
  await pass(4_999);
  expect(await attemptsOf(event)).toEqual([]);
  await pass(1);
  await until(async () => (await attemptsOf(event)).length === 1);
  await pass(1_000);
  await until(() => calls.length === 2);
  await pass(5_000);
  await until(() => calls.length === 3);
  expect(await attemptsOf(event)).toMatchObject([
    { code: "TM4011", state: "pending", error: "no end within 5.0 s" },
    { code: "TM4011", state: "dead" },
  ]);
  expect(calls.map(({ path }) => path)).toEqual(["/t", "/t", "/dlq"]);
  expect(calls[0]?.headers["idempotency-key"]).toBe(calls[1]?.headers["idempotency-key"]);
  expect(calls[2]?.headers["idempotency-key"]).toBe(`${calls[0]?.headers["idempotency-key"]}/dlq`);
});

test("firings of one key run in order, a failing one holds up its own key alone, and a dead one lets the next go", async () => {
  answer = (call, response) => status(response, call.body.includes("bad") ? 500 : 200);
  const ordered = `orderBy: key
retryStrategy: {steps: 2, duration: 10s, jitter: 0}`;
  await start(ordered, { keep: true });
  const first = await send({ nr: "bad 1", key: "x" });
  await send({ nr: "2", key: "x" });
  await send({ nr: "1", key: "y" });
  await send({ nr: "2", key: "y" });
  await send({ nr: "no key" });
  await send({ nr: "no key" });
  await until(() => calls.length === 5);
  expect(bodies().filter((body) => body === '{"nr":"no key"}')).toHaveLength(2);
  expect(bodies().filter((body) => /"[12]"/.test(body))).toEqual(['{"nr":"1"}', '{"nr":"2"}']);
  await until(async () => (await attemptsOf(first)).length === 1);
  await pass(9_999);
  expect(calls).toHaveLength(5);
  await end();
  calls = [];
  await start(ordered, { keep: true });
  await quiet();
  expect(calls).toEqual([]);
  await pass(1);
  await until(() => calls.length === 2);
  expect(bodies()).toEqual(['{"nr":"bad 1"}', '{"nr":"2"}']);
  await until(async () => (await attemptsOf(first)).length === 2);
  expect(await attemptsOf(first)).toMatchObject([{ state: "pending" }, { state: "dead", n: 2 }]);
  await recorded();
  if (run === undefined) throw new Error("nothing runs");
  expect((await why(run, first)).sensors[0]?.triggers[0]).toMatchObject({
    decision: "fired",
    reason: 'orderBy: in order with others of "x"',
    firings: [{ state: "dead", attempts: [{ status: "500" }, { status: "500" }] }],
  });
});

test("of events in quick succession the last one fires; the others are superseded, over a restart too", async () => {
  await start("debounce: 90s", { keep: true });
  const ids = [await send(1), await send(2)];
  await pass(30_000);
  ids.push(await send(3));
  const reason = "debounce: a newer one came within 1 min 30 s";
  expect(await decisionOf(ids[0] ?? "")).toEqual({ decision: "superseded", reason });
  expect(await decisionOf(ids[1] ?? "")).toEqual({ decision: "superseded", reason });
  const waiting = "debounce: fires at 2026-01-05T09:02:00.000Z unless another comes";
  expect(await decisionOf(ids[2] ?? "")).toEqual({ decision: "waiting", reason: waiting });
  await end();
  await start("debounce: 90s", { keep: true });
  await pass(89_999);
  expect(calls).toEqual([]);
  await pass(1);
  await until(() => calls.length === 1);
  expect(bodies()).toEqual(['{"nr":3}']);
  await recorded();
  if (run === undefined) throw new Error("nothing runs");
  expect((await why(run, ids[0] ?? "")).sensors[0]?.triggers[0]).toMatchObject({ decision: "superseded", reason });
  expect((await why(run, ids[2] ?? "")).sensors[0]?.triggers[0]).toMatchObject({
    decision: "fired",
    firings: [{ state: "done" }],
  });
  expect(await run.record?.audit({})).toMatchObject({
    decisions: { fired: 1, superseded: 2, waiting: 0, undecided: 0 },
    firings: { done: 1, pending: 0 },
    missing: [],
  });
});

test("a condition of several events is debounced whole, and each of its events says so", async () => {
  await start("debounce: 10m", { conditions: "a && b" });
  const [first, second] = [await send(1), await send({}, "b")];
  const reason = "debounce: fires at 2026-01-05T09:10:00.000Z unless another comes";
  for (const id of [first, second]) expect(await decisionOf(id)).toEqual({ decision: "waiting", reason });
  await recorded();
  if (run === undefined) throw new Error("nothing runs");
  for (const id of [first, second])
    expect((await why(run, id)).sensors[0]?.triggers[0]).toMatchObject({ decision: "waiting", reason });
  expect(await run.record?.audit({})).toMatchObject({ decisions: { waiting: 2 }, missing: [] });
  await pass(600_000);
  await until(() => calls.length === 1);
  await recorded();
  expect(await run.record?.audit({})).toMatchObject({ decisions: { waiting: 0, fired: 2 }, missing: [] });
});

test("what was debounced while nothing ran fires at the start", async () => {
  await start("debounce: 90s", { keep: true });
  await send(1);
  await quiet();
  await end();
  await clock.advance(600_000);
  await start("debounce: 90s", { keep: true });
  await until(() => calls.length === 1);
});

test("an event that waits longer than its ttl is expired, at its time and not by the next event", async () => {
  await start("ttl: 1m", { conditions: "a && b" });
  const old = await send(1);
  await pass(59_999);
  expect((await decisionOf(old))?.decision).toBe("waiting");
  await pass(1);
  expect(await decisionOf(old)).toEqual({ decision: "expired", reason: "its time to live is over" });
  await send(2, "b");
  await quiet();
  expect(calls).toEqual([]);
  await send(3);
  await until(() => calls.length === 1);
  expect(bodies()).toEqual(['{"nr":3}']);
  await recorded();
  expect(await run?.record?.audit({})).toMatchObject({ decisions: { fired: 2, expired: 1 }, missing: [] });
});

test("a target that is gone, or wants no more, gets no second call", async () => {
  await start("retryStrategy: {steps: 5, duration: 1s}");
  answer = (_, response) => status(response, 410);
  const gone = await send(1);
  await until(async () => (await attemptsOf(gone)).length === 1);
  answer = (_, response) => status(response, 500, { "Webhook-Delivery": "abort-message" });
  const refused = await send(2);
  await until(async () => (await attemptsOf(refused)).length === 1);
  expect(await attemptsOf(gone)).toMatchObject([{ status: "410", code: "TM4010", state: "dead" }]);
  expect(await attemptsOf(refused)).toMatchObject([{ status: "500", code: "TM4010", state: "dead" }]);
});

test("the next try is at the later of the backoff and what the target asked for", async () => {
  await start("retryStrategy: {steps: 3, duration: 10s, jitter: 0, cap: 15s, factor: 100}");
  answer = (_, response) => status(response, 503, calls.length === 1 ? { "Retry-After": "30" } : {});
  const event = await send(1);
  await until(async () => (await attemptsOf(event)).length === 1);
  await pass(29_999);
  expect(calls).toHaveLength(1);
  await pass(1);
  await until(async () => (await attemptsOf(event)).length === 2);
  await pass(14_999);
  expect(calls).toHaveLength(2);
  await pass(1);
  await until(() => calls.length === 3);
});

const batched = "batch: {size: 3, window: 10s}\nretryStrategy: {steps: 2, duration: 1s, jitter: 0}";

test("a batch goes when it is full, or when its first one has waited for the window", async () => {
  await start(batched);
  const ids: string[] = [];
  for (const n of [1, 2, 3, 4]) ids.push(await send(n));
  await until(() => calls.length === 1);
  expect(bodies()).toEqual(['[{"nr":1},{"nr":2},{"nr":3}]']);
  expect(calls[0]?.headers).toMatchObject({ "content-type": "application/json", "tidemill-batch-size": "3" });
  await pass(9_999);
  expect(calls).toHaveLength(1);
  await pass(1);
  await until(() => calls.length === 2);
  expect(bodies()[1]).toBe('[{"nr":4}]');
  await until(async () => (await attemptsOf(ids[3] ?? "")).length === 1);
  await recorded();
  if (run === undefined) throw new Error("nothing runs");
  const id = calls[0]?.headers["idempotency-key"];
  expect((await why(run, ids[0] ?? "")).sensors[0]?.triggers[0]?.firings).toMatchObject([
    { state: "done", attempts: [{ status: "200", batch: { id, size: 3 } }] },
  ]);
  expect(await run.record?.audit({})).toMatchObject({ decisions: { fired: 4 }, firings: { done: 4 }, missing: [] });
});

test("of a batch the items that the target names fail, and are tried again together", async () => {
  await start(batched);
  const ids: string[] = [];
  answer = (_, response) => {
    const failures = calls.length === 1 ? [{ itemIdentifier: 0 }, { itemIdentifier: ids[1] }] : [];
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ batchItemFailures: failures }));
  };
  for (const n of [1, 2, 3]) ids.push(await send(n));
  await until(async () => (await attemptsOf(ids[2] ?? "")).length === 1);
  expect(await attemptsOf(ids[2] ?? "")).toMatchObject([{ state: "done" }]);
  for (const at of [0, 1])
    expect(await attemptsOf(ids[at] ?? "")).toMatchObject([{ state: "pending", code: "TM4012" }]);
  await pass(1_000);
  await pass(10_000);
  await until(() => calls.length === 2);
  expect(bodies()[1]).toBe('[{"nr":1},{"nr":2}]');
  expect(calls[1]?.headers["idempotency-key"]).not.toBe(calls[0]?.headers["idempotency-key"]);
});

test("a failed call, or an answer that names a stranger, fails the whole batch", async () => {
  await start(batched);
  answer = (_, response) => {
    if (calls.length === 1) return status(response, 500);
    response.end('{"batchItemFailures":[{"itemIdentifier":"nobody"}]}');
  };
  const ids = [await send(1), await send(2), await send(3)];
  await until(async () => (await attemptsOf(ids[0] ?? "")).length === 1);
  await pass(1_000);
  await until(async () => (await attemptsOf(ids[0] ?? "")).length === 2);
  expect(bodies()[1]).toBe(bodies()[0]);
  expect(calls[1]?.headers["idempotency-key"]).toBe(calls[0]?.headers["idempotency-key"]);
  for (const id of ids)
    expect(await attemptsOf(id)).toMatchObject([{ code: "TM4009" }, { code: "TM4013", status: "200", state: "dead" }]);
});

test("an item whose body cannot be made fails alone; the others go", async () => {
  await start("batch: {size: 3, window: 10s}");
  const bad = await send({ other: 1 });
  await send(2);
  await send(3);
  await until(() => calls.length === 1);
  expect(bodies()).toEqual(['[{"nr":2},{"nr":3}]']);
  await until(async () => (await attemptsOf(bad)).length === 1);
  expect(await attemptsOf(bad)).toMatchObject([{ code: "TM2006", state: "dead" }]);
});

test("a batch holds one firing of each order key at most", async () => {
  await start("batch: {size: 10, window: 1s}\norderBy: key\natLeastOnce: true");
  let last = "";
  for (const [n, key] of ["x", "x", "y", "x"].entries()) last = await send({ nr: n, key });
  await quiet();
  expect(calls).toEqual([]);
  await pass(1_000);
  await until(async () => (await attemptsOf(last)).length === 1);
  expect(bodies()).toEqual(['[{"nr":0},{"nr":2}]', '[{"nr":1}]', '[{"nr":3}]']);
});

test("what a batch has gathered is there again after a stop", async () => {
  await start(batched, { keep: true });
  await send(1);
  await send(2);
  await quiet();
  await end();
  expect(calls).toEqual([]);
  await start(batched, { keep: true });
  await pass(10_000);
  await until(() => calls.length === 1);
  expect(bodies()).toEqual(['[{"nr":1},{"nr":2}]']);
});
