import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { replayPlan } from "../console/answers/replay.ts";
import { nowUs } from "../lib/clock.ts";
import type { Event } from "../lib/event.ts";
import { placeOf, traceIdOf } from "../lib/trace.ts";
import { spanIds } from "../telemetry/span-place.ts";
import { type Bench, openBench, postTrigger, sensorOf } from "./dead-letter-testing.ts";
import type { Operation } from "./operations.ts";
import { endOfNow, planReplay, type ReplaySpec } from "./replay.ts";
import { replayOf } from "./replay-event.ts";
import { trace } from "./trace-answer.ts";
import { why } from "./why.ts";

let bench: Bench;
let folder: string | undefined;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

const two = () => sensorOf("s", postTrigger("t", `${bench.address}/t`) + postTrigger("u", `${bench.address}/u`));
const spec = (more: Partial<ReplaySpec> = {}): ReplaySpec => ({
  ...{ fromUs: 0, toUs: endOfNow(bench.run), sources: [], derived: false, config: "current", replayId: "r_1" },
  ...more,
});

/** As the API begins one. */
async function begin(asked: ReplaySpec, perSecond?: number): Promise<Operation> {
  const plan = await planReplay(bench.run, asked);
  return bench.run.operations.start({ kind: "replay", title: "test", total: plan.count, perSecond, spec: plan.spec });
}

async function replay(asked: ReplaySpec): Promise<Operation> {
  const { id } = await begin(asked);
  const ended = await bench.ended(id);
  await bench.quiet();
  return ended;
}

test("what is repeated is named by its first span: what a trigger or a replay put was not received", () => {
  const event: Event = {
    ...{ id: "7".repeat(32), source: "web", subject: "a", type: "webhook", time: "2026-01-01T00:00:00Z" },
    ...{ datacontenttype: "application/json", data: Buffer.from("{}"), extensions: {} },
  };
  const mark = { namespace: "default", bus: "default", replayId: "r_1" };
  const again = (of: Event) => replayOf({ event: of }, mark, { receivedUs: 1 }).event;
  const named = (of: Event) => placeOf(again(of).extensions.originaltraceparent ?? "")?.spanId;
  expect(named(event)).toBe(spanIds.receive(event.id));
  expect(named({ ...event, type: "tidemill" })).toBe(spanIds.send(event.id));
  expect(named(again(event))).toBe(spanIds.send(again(event).id));
});

/** All that the bus holds, in its order. */
async function log() {
  const entries = await bench.run.buses[0]?.bus.entries({ afterSeq: 0, max: 10_000 });
  return (entries ?? []).map(({ event }) => event);
}

const bodies = (path: string) => bench.calls.filter((call) => call.path === path).map(({ body }) => body);

describe("a replay", () => {
  test("puts events again as new occurrences with the same data, linked to the original, in a trace of their own", async () => {
    await bench.start(two());
    const first = await bench.send({ nr: 1 });
    await bench.quiet();
    expect(await replay(spec())).toMatchObject({ state: "done", done: 1, failed: 0 });
    const [original, again] = await log();
    expect(again).toMatchObject({ source: "web", subject: "a", time: original?.time, data: original?.data });
    expect(again?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(again?.id).not.toBe(first);
    const { replayid, originalid, originaltraceparent = "" } = again?.extensions ?? {};
    expect({ replayid, originalid }).toEqual({ replayid: "r_1", originalid: first });
    expect(placeOf(originaltraceparent)).toMatchObject({ traceId: traceIdOf(first), spanId: spanIds.receive(first) });
    expect(again?.extensions.traceparent).toBeUndefined();
    expect(bodies("/t")).toEqual(['{"nr":1}', '{"nr":1}']);
    const keys = bench.calls.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(4);
    const traces = bench.calls.map(({ headers }) => placeOf(String(headers.traceparent))?.traceId);
    expect(new Set(traces)).toEqual(new Set([traceIdOf(first), traceIdOf(again?.id ?? "")]));
    expect(await bench.run.record?.event(again?.id ?? "")).toMatchObject({ reason: `replay r_1 of ${first}` });
    expect((await why(bench.run, again?.id ?? "")).event).toMatchObject({ replay: { id: "r_1", of: first } });
    const told = await trace(bench.run, { id: again?.id ?? "", limit: 9, nowUs: nowUs(bench.clock) });
    expect(told.spans.filter(({ parentId }) => parentId === undefined)).toMatchObject([
      { name: "send default", links: [{ traceId: traceIdOf(first), spanId: spanIds.receive(first) }] },
    ]);
    expect(await bench.run.record?.audit({})).toMatchObject({
      receipts: { stored: 2 },
      decisions: { fired: 4, filtered: 0 },
      missing: [],
    });
  });

  test("of the same id makes duplicates and no new events; one of another id makes new ones", async () => {
    await bench.start(two());
    await bench.send({ nr: 1 });
    await bench.quiet();
    await replay(spec());
    const again = await replay(spec());
    expect(again).toMatchObject({ state: "done", done: 1, notes: [expect.stringContaining("duplicates")] });
    expect(await log()).toHaveLength(2);
    expect(bench.calls).toHaveLength(4);
    expect(await planReplay(bench.run, spec())).toMatchObject({ count: 1, skipped: { replayed: 1 } });
    await replay(spec({ replayId: "r_2" }));
    expect(await log()).toHaveLength(3);
    await replay(spec({ replayId: "r_3", derived: true }));
    expect(await log()).toHaveLength(6);
    expect((await bench.run.record?.audit({}))?.missing).toEqual([]);
  });

  test("takes what its range, sources and expression mean, and says what it would do before", async () => {
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`), "ab"));
    for (const nr of [1, 2, 3]) {
      await bench.send({ nr });
      await bench.send({ nr: nr * 10 }, "b");
      await bench.quiet();
      await bench.pass(60_000);
    }
    const fromUs = Math.round((bench.clock.nowMs() - 130_000) * 1000);
    const plan = await planReplay(bench.run, spec({ fromUs, where: "data.nr < 30" }));
    expect(replayPlan.parse(plan)).toEqual(plan);
    expect(plan).toMatchObject({
      count: 3,
      bySource: [
        { source: "web", subject: "a", count: 2 },
        { subject: "b", count: 1 },
      ],
      kept: [{ namespace: "default", bus: "default", cut: false }],
    });
    expect(plan.sample.map(({ subject }) => subject)).toEqual(["a", "b", "a"]);
    const count = async (more: Partial<ReplaySpec>) => (await planReplay(bench.run, spec(more))).count;
    expect(await count({ sources: ["web/b"] })).toBe(3);
    expect(await count({ sources: ["w*"] })).toBe(6);
    expect(await count({ sources: ["other", "*/a"] })).toBe(3);
    expect(await count({ toUs: fromUs })).toBe(2);
    await expect(count({ where: "data." })).rejects.toMatchObject({ code: "USAGE" });
    expect(bench.calls).toHaveLength(3);
    expect(await log()).toHaveLength(6);
  });

  test("to one trigger reaches just that, and the others say why not", async () => {
    await bench.start(two() + sensorOf("other", postTrigger("v", `${bench.address}/v`)));
    await bench.send({ nr: 1 });
    await bench.quiet();
    bench.calls.length = 0;
    await replay(spec({ toTrigger: "s/u" }));
    expect(bench.calls.map(({ path }) => path)).toEqual(["/u"]);
    const again = (await log())[1]?.id ?? "";
    const told = await why(bench.run, again);
    const decisions = told.sensors.flatMap(({ sensor, triggers }) =>
      triggers.map(({ name, decision, reason }) => [`${sensor}/${name}`, decision, reason]),
    );
    const reason = "the replay is for s/u alone";
    expect(new Map(decisions.map(([name, ...rest]) => [name, rest]))).toEqual(
      new Map([
        ["other/v", ["filtered", reason]],
        ["s/t", ["filtered", reason]],
        ["s/u", ["fired", undefined]],
      ]),
    );
    expect(await bench.run.record?.audit({})).toMatchObject({ decisions: { fired: 4, filtered: 2 }, missing: [] });
    await expect(planReplay(bench.run, spec({ toTrigger: "s/uu" }))).rejects.toThrow(
      /no trigger s\/uu; did you mean s\/u/,
    );
    await expect(planReplay(bench.run, spec({ toTrigger: "u" }))).rejects.toMatchObject({ code: "ENTRY_UNKNOWN" });
  });

  test("of named events takes those, also by a random id, and says which are gone", async () => {
    await bench.start(two());
    const ids = [await bench.send({ nr: 1 }), await bench.send({ nr: 2 }), await bench.send({ nr: 3 })];
    await bench.quiet();
    const asked = spec({ eventIds: [ids[1] ?? "", "gone"] });
    expect(await planReplay(bench.run, asked)).toMatchObject({ count: 1, missing: ["gone"] });
    expect(await replay(asked)).toMatchObject({ state: "done", done: 1, failed: 1 });
    expect((await log()).slice(3).map(({ extensions }) => extensions.originalid)).toEqual([ids[1]]);
  });

  test("keeps to its rate, and ends where it is cancelled", async () => {
    await bench.start(sensorOf("s", postTrigger("t", `${bench.address}/t`)));
    for (let nr = 0; nr < 40; nr++) await bench.send({ nr });
    await bench.quiet();
    const { id } = await begin(spec(), 2);
    for (let step = 0; step < 50; step++) await bench.pass(100);
    expect(bench.calls.length - 40).toBeGreaterThanOrEqual(10);
    expect(bench.calls.length - 40).toBeLessThanOrEqual(11);
    const cancelled = await bench.run.operations.cancel(id);
    await bench.pass(30_000);
    expect(cancelled).toMatchObject({ state: "cancelled", done: bench.calls.length - 40 });
    expect(bodies("/t").slice(40)).toEqual(Array.from({ length: cancelled.done }, (_, nr) => `{"nr":${nr}}`));
  });

  test("goes on after a restart where it was", async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-replay-"));
    await bench.start(two(), folder);
    for (let nr = 0; nr < 40; nr++) await bench.send({ nr });
    await bench.quiet();
    const { id } = await begin(spec(), 10);
    while ((await log()).length < 50) await bench.pass(100);
    await bench.stop();
    await bench.start(two(), folder);
    while (bench.run.operations.get(id)?.state === "running") await bench.pass(100);
    await bench.quiet();
    expect(bench.run.operations.get(id)).toMatchObject({ state: "done", total: 40, failed: 0 });
    const originals = (await log()).slice(40).map(({ extensions }) => extensions.originalid);
    expect(originals).toEqual((await log()).slice(0, 40).map((event) => event.id));
    expect((await bench.run.record?.audit({}))?.missing).toEqual([]);
  });

  test("with the original config is decided by the plans of then, and fired by them", async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-replay-"));
    await bench.start(two(), folder);
    await bench.send({ nr: 1 });
    await bench.quiet();
    await bench.stop();
    const changed = postTrigger("t", `${bench.address}/new`).replace("dest: nr", "dest: number");
    await bench.start(sensorOf("s", changed), folder);
    bench.calls.length = 0;
    const original = spec({ config: "original" });
    const plan = await planReplay(bench.run, original);
    expect(plan.notes).toEqual([]);
    await replay(original);
    expect(bench.calls.map(({ path, body }) => [path, body]).sort()).toEqual([
      ["/t", '{"nr":1}'],
      ["/u", '{"nr":1}'],
    ]);
    const again = (await log()).at(-1)?.id ?? "";
    expect((await why(bench.run, again)).sensors[0]?.triggers).toMatchObject([
      { name: "t", decision: "fired", firings: [{ state: "done" }] },
      { name: "u", decision: "fired", firings: [{ state: "done" }] },
    ]);
    bench.calls.length = 0;
    await replay(spec({ replayId: "r_now" }));
    expect(bench.calls.map(({ path, body }) => [path, body])).toEqual([["/new", '{"number":1}']]);
    expect((await bench.run.record?.audit({}))?.missing).toEqual([]);
  });

  test("with the original config leaves out triggers of several events, and says so", async () => {
    const both = postTrigger("t", `${bench.address}/t`) + postTrigger("c", `${bench.address}/c`, "conditions: a && b");
    await bench.start(sensorOf("s", both, "ab").replace("name: t\n", "name: t\n        conditions: a\n"));
    await bench.send({ nr: 1 });
    await bench.send({ nr: 2 }, "b");
    await bench.quiet();
    expect(bench.calls).toHaveLength(2);
    const original = spec({ config: "original" });
    const { notes } = await planReplay(bench.run, original);
    expect(notes).toEqual([expect.stringContaining("s/c")]);
    await replay(original);
    expect(bodies("/t")).toHaveLength(2);
    expect(bodies("/c")).toHaveLength(1);
    expect((await bench.run.record?.audit({}))?.missing).toEqual([]);
  });
});

test("nobody but a replay says which sensors an event reaches", async () => {
  await bench.start(two());
  const [source] = bench.run.sources;
  const extensions = { replayto: "s/u", replayid: "r_x", replayplan: "0", other: "kept" };
  await source?.emit([{ data: Buffer.from('{"nr":1}'), extensions }]);
  await bench.quiet();
  expect(bench.calls.map(({ path }) => path).sort()).toEqual(["/t", "/u"]);
  expect((await log())[0]?.extensions).toEqual({ other: "kept" });
});
