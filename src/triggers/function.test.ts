import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BatchItem, ChildSpan } from "../kit/trigger.ts";
import { spanIdOf } from "../lib/trace.ts";
import type { FunctionConfig } from "./function/config.ts";
import { functionTrial, traceparent } from "./function/trial-function.ts";
import { functionTrigger } from "./function.ts";
import { eventOf } from "./trial.ts";

test("a function gets the event's data, and what it returns is the next event", async () => {
  await using trial = await functionTrial(
    { module: "./price.ts", emit: { event: "priced" } },
    {
      "price.ts": `import { twice } from "./twice.ts";
type Order = { n: number };
export function handler(order: Order, context: unknown) { return { n: twice(order.n) }; }`,
      "twice.ts": "export const twice = (n: number): number => 2 * n;",
    },
  );
  expect(await trial.fire({ n: 21 })).toEqual({ said: "done, put 1 event" });
  expect(trial.put).toEqual([{ source: "shop", subject: "priced", data: { n: 42 } }]);
});

test("a list makes several events, undefined and null make none, emit() comes first", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs", export: "make", emit: { source: "jobs", event: "made" } },
    {
      "m.mjs": `export function make(what, context) {
  if (what === "nothing") return undefined;
  if (what === "null") return null;
  if (what === "list") return [1, "two", { three: 3 }, null];
  context.emit("first");
  context.emit("second", { source: "else", event: "where" });
  if (what === "throw") throw new Error("no");
  return "last";
}`,
    },
  );
  expect((await trial.fire("nothing")).said).toBe("done");
  expect((await trial.fire("null")).said).toBe("done");
  await expect(trial.fire("throw")).rejects.toThrow("no");
  expect(trial.put).toEqual([]);
  expect((await trial.fire("list")).said).toBe("done, put 4 events");
  expect(trial.put.map(({ data }) => data)).toEqual([1, "two", { three: 3 }, null]);
  await trial.fire("all");
  expect(trial.put.slice(4)).toEqual([
    { source: "jobs", subject: "made", data: "first" },
    { source: "else", subject: "where", data: "second" },
    { source: "jobs", subject: "made", data: "last" },
  ]);
});

test("without emit the returned value is shown, and what cannot be is no failure", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs" },
    {
      "m.mjs": `export default (what, context) => what === "junk" ? { big: 1n } : what === "emit" ? context.emit(1) : { got: what }`,
    },
  );
  expect(await trial.fire("x")).toEqual({ said: "done", body: '{"got":"x"}' });
  expect((await trial.fire("junk")).body).toContain('not shown: it has a bigint at "big"');
  await expect(trial.fire("emit")).rejects.toThrow("emit() needs an event: the trigger has no `emit`");
});

test("the context: events, attempt, deadline, key, environment", async () => {
  process.env.TIDEMILL_TEST_PASSED = "passed on";
  process.env.TIDEMILL_TEST_KEPT = "kept back";
  await using trial = await functionTrial(
    {
      module: "m.mjs",
      env: { A: "a" },
      secretEnv: { TOKEN: { name: "shop", key: "token" } },
      passEnv: ["TIDEMILL_TEST_PASSED", "TIDEMILL_TEST_ABSENT"],
    },
    {
      "m.mjs": `export function handler(input, c) {
  const { event, events } = c;
  return { input, event: event.id, data: event.data, text: event.text, both: Object.keys(events), ext: event.extensions,
    attempt: c.attempt, left: c.remainingMs(), until: c.deadline.getTime() - Date.now(), key: c.idempotencyKey, names: [c.namespace, c.sensor, c.trigger],
    env: { ...process.env }, traceparent: c.traceparent, aborted: c.signal.aborted };
}`,
    },
  );
  const order = { ...eventOf('{"n":1}'), id: "1".repeat(32), time: "2026-01-05T09:00:02Z", extensions: { hops: "2" } };
  const stock = { ...eventOf("[2]"), id: "2".repeat(32), time: "2026-01-05T09:00:01Z" };
  const events = new Map([
    ["__proto__", order],
    ["stock", stock],
  ]);
  const outcome = await trial.fire(undefined, { events, attempt: 3, deadlineMs: Date.now() + 5_000 });
  const told = JSON.parse(outcome.body ?? "") as Record<string, never>;
  expect(told).toMatchObject({
    event: order.id,
    data: { n: 1 },
    text: '{"n":1}',
    both: ["stock", "__proto__"],
    ext: { hops: "2" },
    attempt: 3,
    key: `${"0".repeat(31)}1`,
    names: ["default", "shop", "act"],
    env: { A: "a", TOKEN: "s3cret", TIDEMILL_TEST_PASSED: "passed on", TRACEPARENT: told.traceparent },
    aborted: false,
  });
  expect(Object.keys(told.env ?? {})).toHaveLength(4);
  expect(outcome.body).toContain('"input":{"__proto__":{"n":1},"stock":[2]}');
  expect(told.left).toBeGreaterThan(3_000);
  expect(told.until).toBeLessThanOrEqual(5_000);
});

test("a function's spans have ids of their own in each round of its firing", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs" },
    { "m.mjs": `export const handler = (_, c) => { c.tracer.startSpan("step").end(); c.progress("half"); };` },
  );
  const key = "f".repeat(32);
  const spans: ChildSpan[] = [];
  for (const round of [undefined, 1, 2]) {
    const trace = { context: { traceparent }, round, span: (span: ChildSpan) => void spans.push(span) };
    await trial.fire({}, { key, attempt: 1, trace });
  }
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [own, steps] = [named("function handler"), named("step")];
  expect(own[0]?.spanId).toBe(spanIdOf("function", `${key}/1`));
  expect(new Set([...own, ...steps].map(({ spanId }) => spanId)).size).toBe(6);
  for (const name of ["step", "half"])
    expect(named(name).map(({ parentId }) => parentId)).toEqual(own.map(({ spanId }) => spanId));
});

test("spans and lines of a function are parts of its attempt", async () => {
  await using trial = await functionTrial(
    { module: "m.ts" },
    {
      "m.ts": `import { trace, SpanStatusCode } from "@opentelemetry/api";
import type { FunctionHandler } from "tidemill/function";
export const handler: FunctionHandler = async (_, { tracer, log, progress, traceparent }) => {
  log.info({ n: 1, err: new TypeError("bad") }, "began");
  log.warn("careful");
  console.log("plain");
  await tracer.startActiveSpan("outer", { attributes: { a: 1 } }, async (outer) => {
    await new Promise((passed) => setTimeout(passed, 2));
    const inner = trace.getTracer("a library").startSpan("inner");
    inner.addEvent("half", { done: 1 });
    inner.setStatus({ code: SpanStatusCode.ERROR, message: "inner broke" });
    inner.end();
    outer.end();
  });
  progress("written", 0.5);
  return traceparent;
};`,
    },
  );
  const { body } = await trial.fire(1);
  const spans = new Map(trial.spans.map((span) => [span.name, span]));
  const own = spans.get("function handler");
  expect(body).toBe(`"00-${"a".repeat(32)}-${own?.spanId}-01"`);
  expect(own).toMatchObject({ attributes: { "faas.name": "shop/act", "faas.coldstart": true } });
  expect(own?.parentId).toBeUndefined();
  expect(spans.get("outer")).toMatchObject({ parentId: own?.spanId, attributes: { a: 1 } });
  expect(spans.get("inner")).toMatchObject({ parentId: spans.get("outer")?.spanId, error: "inner broke" });
  expect(spans.get("half")).toMatchObject({ parentId: spans.get("inner")?.spanId, attributes: { done: 1 } });
  expect(spans.get("written")).toMatchObject({ parentId: own?.spanId, attributes: { "tidemill.progress": 0.5 } });
  for (const { startUs, endUs } of trial.spans) {
    expect(endUs).toBeGreaterThanOrEqual(startUs);
    expect(Math.abs(startUs - Date.now() * 1000)).toBeLessThan(60e6);
  }
  const about = { firing: `${"0".repeat(31)}1`, eventId: "0".repeat(32), traceId: "a".repeat(32) };
  const said = trial.lines.filter(({ message }) => message !== "plain");
  expect(said).toMatchObject([
    { level: "info", message: "began", fields: { n: 1, err: { type: "TypeError", message: "bad" }, ...about } },
    { level: "warn", message: "careful", fields: about },
    { level: "info", message: "written", fields: { fraction: 0.5, ...about } },
  ]);
  await expect
    .poll(() => trial.lines.find(({ message }) => message === "plain"))
    .toMatchObject({ fields: { stream: "stdout" } });
});

test("without a trace that is kept no span is told", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs" },
    {
      "m.mjs":
        "export const handler = (_, { tracer }) => tracer.startActiveSpan('s', (span) => { span.end(); return span.isRecording(); })",
    },
  );
  const context = { traceparent: traceparent.replace(/01$/, "00") };
  const names: string[] = [];
  const outcome = await trial.fire(1, { trace: { context, span: ({ name }) => void names.push(name) } });
  expect([outcome.body, names]).toEqual(["false", ["function handler"]]);
});

const items = ["a", "b", "c"].map(
  (key): BatchItem<FunctionConfig> => ({
    key,
    config: { module: "m.mjs" },
    payload: undefined,
    trace: { traceparent },
    events: new Map([["order", { ...eventOf(`{"n":"${key}"}`), id: `event ${key}` }]]),
  }),
);

test("with batch the input is the list, and an answer as of Lambda names what failed", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs", emit: { event: "made" } },
    {
      "m.mjs": `export function handler(orders, { batch, emit }) {
  if (orders[0].n === "junk") return 7n;
  for (const item of batch.items) if (item.event.data.n !== "b") emit(item.event.data, { item: item.key });
  return { batchItemFailures: batch.items.filter((item) => item.event.data.n === "b").map((item) => ({ itemIdentifier: item.event.id })) };
}`,
    },
  );
  const batch = { size: 3, keys: ["a", "b", "c"], items };
  const outcome = await trial.fire(undefined, { batch });
  expect(outcome).toMatchObject({ said: "done, put 2 events", failedItems: ["event b"] });
  expect(trial.put).toMatchObject([
    { item: "a", subject: "made", data: { n: "a" } },
    { item: "c", subject: "made", data: { n: "c" } },
  ]);
  const junk = [{ ...items[0]!, payload: Buffer.from('{"n":"junk"}') }];
  await expect(trial.fire(undefined, { batch: { size: 1, keys: ["a"], items: junk } })).rejects.toMatchObject({
    code: "FUNCTION_ANSWER_INVALID",
  });
});

test("a changed file of the module is in the next call; a call that runs ends on the old one", async () => {
  const text = (n: number) => `import { n } from "./n.mjs";
export async function handler(what, { progress, signal }) {
  if (what !== "wait") return n + ${n};
  progress("waiting");
  for (;;) { const { goOn } = await import("./go-" + "on.mjs?" + Math.random()).catch(() => ({})); if (goOn) return n + ${n}; }
}`;
  await using trial = await functionTrial({ module: "m.mjs" }, { "m.mjs": text(10), "n.mjs": "export const n = 1;" });
  const result = async (what = "") => (await trial.fire(what)).body;
  expect(await result()).toBe("11");
  const waiting = result("wait");
  await expect.poll(() => trial.lines.some(({ message }) => message === "waiting")).toBe(true);
  trial.write("n.mjs", "export const n = 200;");
  expect(await result()).toBe("210");
  trial.write("m.mjs", text(3_000));
  expect(await result()).toBe("3200");
  trial.write("go-on.mjs", "export const goOn = true;");
  expect(await waiting).toBe("11");
  trial.write("m.mjs", "export const handler = (");
  await expect(result()).rejects.toMatchObject({
    code: "FUNCTION_UNLOADABLE",
    message: expect.stringContaining("SyntaxError"),
  });
  trial.write("m.mjs", text(1));
  expect(await result()).toBe("201");
});

test.each([
  ["is not there", { module: "absent.mjs" }, /Cannot find module .*absent\.mjs/],
  ["does not parse", { module: "syntax.ts" }, /SyntaxError/],
  ["throws", { module: "throws.mjs" }, /Error: not today, at .*throws\.mjs:1/],
  ["imports what is not there", { module: "imports.mjs" }, /Cannot find package 'no-such-package'/],
  ["lacks the export", { module: "two.mjs", export: "three" }, /exports no function three; its functions: one, two/],
  ["has no handler", { module: "two.mjs" }, /no function handler, and none as default/],
  ["ends its thread", { module: "exits.mjs" }, /ended its thread or process while it was loaded: process\.exit\(3\)/],
  ["has an export that is no function", { module: "value.mjs" }, /exports no function handler/],
])("a module that %s is told, each time", async (_, config, said) => {
  await using trial = await functionTrial(config, {
    "syntax.ts": "export const handler = ( => 1",
    "throws.mjs": "throw new Error('not today')",
    "imports.mjs": "import 'no-such-package'",
    "two.mjs": "export const one = () => 1; export function two() {}",
    "exits.mjs": "process.exit(3)",
    "value.mjs": "export const handler = 1",
  });
  for (const _ of [1, 2])
    await expect(trial.fire(1)).rejects.toMatchObject({
      code: "FUNCTION_UNLOADABLE",
      message: expect.stringMatching(said),
    });
});

test("modules of all kinds", async () => {
  const modules = {
    "a.cjs": "exports.handler = (x) => 'cjs' + x",
    "b.cjs": "module.exports = (x) => 'whole' + x",
    "c.mts": "export default (x: number): string => 'mts' + x",
    "d.js": "export const handler = (x) => 'js' + x",
    "e.cts": "exports.handler = (x: number): string => 'cts' + x",
  };
  for (const [module, says] of [
    ["a.cjs", "cjs"],
    ["b.cjs", "whole"],
    ["c.mts", "mts"],
    ["d.js", "js"],
    ["e.cts", "cts"],
  ] as const) {
    await using trial = await functionTrial({ module }, modules);
    expect((await trial.fire(1)).body).toBe(`"${says}1"`);
  }
});

test("a process may read its own folder, and nothing else: no files, no programs, no threads", async () => {
  const tries = `import { readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { Worker } from "node:worker_threads";
const attempt = (work) => { try { work(); return "did"; } catch (error) { return error.code; } };
export const handler = (path) => ({
  own: attempt(() => readFileSync(new URL("m.mjs", import.meta.url))),
  given: attempt(() => readFileSync(path + "/given/a")),
  other: attempt(() => readFileSync("/etc/passwd")),
  write: attempt(() => writeFileSync(new URL("written", import.meta.url), "")),
  out: attempt(() => writeFileSync(path + "/out/b", "")),
  spawn: attempt(() => spawnSync("true")),
  thread: attempt(() => new Worker("1", { eval: true })),
});`;
  await using where = await functionTrial({ module: "m.mjs" }, {});
  const permissions = { read: [join(where.folder, "given")], write: [join(where.folder, "out")] };
  await using trial = await functionTrial({ module: "m.mjs", isolation: "process", permissions }, { "m.mjs": tries });
  const { mkdirSync, writeFileSync } = await import("node:fs");
  for (const name of ["given", "out"]) mkdirSync(join(where.folder, name));
  writeFileSync(join(where.folder, "given", "a"), "");
  const told = JSON.parse((await trial.fire(where.folder)).body ?? "") as object;
  const denied = "ERR_ACCESS_DENIED";
  expect(told).toEqual({
    own: "did",
    given: "did",
    other: denied,
    write: denied,
    out: "did",
    spawn: denied,
    thread: denied,
  });
  expect(existsSync(join(where.folder, "out", "b"))).toBe(true);
  expect(readdirSync(trial.folder)).toEqual(["m.mjs"]);
});

test.runIf(existsSync("/proc"))("the memory of a process counts whole, buffers too", async () => {
  await using trial = await functionTrial(
    { module: "m.mjs", isolation: "process", memoryLimit: 64 },
    {
      "m.mjs":
        "const kept = []; export const handler = async () => { for (;;) { kept.push(Buffer.alloc(8_000_000, 1)); await new Promise((passed) => setTimeout(passed, 5)); } }",
    },
  );
  await expect(trial.fire(1)).rejects.toMatchObject({ code: "FUNCTION_MEMORY" });
});

test("what it would be called with is shown, and nothing runs", async () => {
  const call = { config: { module: "m.mjs" }, events: items[0]!.events, payload: undefined };
  const render = (more: object): unknown => functionTrigger.render?.({ ...call, ...more } as never);
  expect(render({})).toEqual({ module: "m.mjs", export: "handler", input: { n: "a" } });
  expect(render({ payload: Buffer.from('{"b":1}') })).toMatchObject({ input: { b: 1 } });
  expect(render({ batch: { size: 3, keys: [], items } })).toMatchObject({
    input: [{ n: "a" }, { n: "b" }, { n: "c" }],
  });
});

test("settings that a parameter made wrong are told, and nothing runs", async () => {
  await using trial = await functionTrial({ module: "m.mjs" }, { "m.mjs": "export const handler = () => 1" });
  const config = { module: "m.mjs", env: { A: 1 } } as never;
  await expect(trial.fire(1, { config })).rejects.toMatchObject({ code: "MESSAGE_INVALID", retry: "never" });
});
