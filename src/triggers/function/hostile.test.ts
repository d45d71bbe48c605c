import { expect, test } from "vitest";
import { isTide } from "../../lib/errors.ts";
import { functionTrial } from "./trial-function.ts";

/** What functions do that they should not; each is told by the input. */
const misdeeds = `
import { NonRetryableError } from "tidemill/function";
const never = () => new Promise(() => {});
const cyclic = {}; cyclic.self = cyclic;
export async function handler(what, context) {
  if (what === "well") return { ok: true };
  if (what === "throw") throw new TypeError("it broke");
  if (what === "throw a text") throw "just a text";
  if (what === "throw nothing") throw undefined;
  if (what === "throw for ever") throw new NonRetryableError("no customer 7");
  if (what === "throw for a while") throw Object.assign(new Error("busy"), { retryAfterMs: 5000 });
  if (what === "throw a trap") throw Object.defineProperty(new Error(), "message", { get() { throw new Error("got"); } });
  if (what === "exit") process.exit(7);
  if (what === "leak") { const kept = []; for (;;) kept.push(new Array(100_000).fill({ n: kept.length })); }
  if (what === "leak keys") { const kept = {}; for (let i = 0; ; i++) kept["key" + i] = i; }
  if (what === "leak text") { let text = "x"; const kept = []; for (;;) { text += text.slice(0, 10_000_000); kept.push(Buffer.from(text).toString("latin1")); } }
  if (what === "leak buffers") { const kept = []; for (;;) { kept.push(Buffer.alloc(1_000_000, 1)); } }
  if (what === "leak at once") { const kept = new Array(30_000_000).fill(1.5); for (;;) kept[0] += 1; }
  if (what === "reject alone") { Promise.reject(new Error("left alone")); await never(); }
  if (what === "reject alone, then return") { Promise.reject(new Error("left alone")); return 1; }
  if (what === "throw in a timer") { setTimeout(() => { throw new RangeError("in a timer"); }, 1); await never(); }
  if (what === "loop") for (;;);
  if (what === "hang") await never();
  if (what === "hang, but listen") await new Promise((_, no) => context.signal.addEventListener("abort", () => no(context.signal.reason)));
  if (what === "ignore, but finish") { await new Promise((yes) => context.signal.addEventListener("abort", () => setTimeout(yes, 50))); return { ok: "late" }; }
  if (what === "return a function") return () => 1;
  if (what === "return a function inside") return { a: [{ run() {} }] };
  if (what === "return a bigint") return { n: 10n };
  if (what === "return a cycle") return cyclic;
  if (what === "return a symbol") return Symbol("s");
  if (what === "return undefined in a list") return [1, undefined];
  if (what === "return too much") return "x".repeat(17 * 1024 * 1024);
  if (what === "return too many") return new Array(1001).fill(1);
  if (what === "return a depth") { let at = {}; const top = at; for (let i = 0; i < 100_000; i++) at = at.in = {}; return top; }
  if (what === "emit junk") context.emit({ n: 1n });
  if (what === "say junk") { process.send?.({ k: "done", call: 99, result: 7 }); process.send?.("x"); process.send?.(null); return { ok: true }; }
  throw new Error("what is " + what);
}`;

const failures: readonly (readonly [what: string, code: string, said: RegExp])[] = [
  ["throw", "FUNCTION_THREW", /^TypeError: it broke, at (async )?(Module\.)?handler \(bad\.mjs:7:\d+\)$/],
  ["throw a text", "FUNCTION_THREW", /no Error: 'just a text'/],
  ["throw nothing", "FUNCTION_THREW", /no Error: undefined/],
  ["throw for ever", "FUNCTION_THREW", /^NonRetryableError: no customer 7/],
  ["throw for a while", "FUNCTION_THREW", /busy/],
  ["throw a trap", "FUNCTION_THREW", /cannot be read/],
  ["exit", "FUNCTION_ENDED", /7/],
  ["leak", "FUNCTION_MEMORY", /more than 64 MiB/],
  ["leak keys", "FUNCTION_MEMORY", /more than 64 MiB/],
  ["leak text", "FUNCTION_MEMORY", /more than 64 MiB/],
  ["leak buffers", "FUNCTION_MEMORY", /more than 64 MiB/],
  ["leak at once", "FUNCTION_MEMORY", /more than 64 MiB/],
  ["reject alone", "FUNCTION_UNCAUGHT", /left alone/],
  ["reject alone, then return", "FUNCTION_UNCAUGHT", /left alone/],
  ["throw in a timer", "FUNCTION_UNCAUGHT", /RangeError: in a timer/],
  ["return a function", "FUNCTION_ANSWER_INVALID", /the returned value is a function/],
  ["return a function inside", "FUNCTION_ANSWER_INVALID", /has a function at "run"/],
  ["return a bigint", "FUNCTION_ANSWER_INVALID", /has a bigint at "n"/],
  ["return a cycle", "FUNCTION_ANSWER_INVALID", /circular/],
  ["return a symbol", "FUNCTION_ANSWER_INVALID", /is a symbol/],
  ["return undefined in a list", "FUNCTION_ANSWER_INVALID", /item 1 of the returned list is undefined/],
  ["return too much", "FUNCTION_ANSWER_INVALID", /too many/],
  ["return too many", "FUNCTION_ANSWER_INVALID", /1001 events/],
  ["return a depth", "FUNCTION_ANSWER_INVALID", /call stack/],
  ["emit junk", "FUNCTION_THREW", /TypeError: what emit\(\) was given has a bigint/],
];

test.each(["worker", "process"] as const)(
  "whatever a function does ends its own call alone, with its code (%s)",
  async (isolation) => {
    const config = { module: "bad.mjs", isolation, memoryLimit: 64, emit: { event: "made" } };
    await using trial = await functionTrial(config, { "bad.mjs": misdeeds });
    for (const [what, code, said] of failures) {
      // beside each, a call that behaves: it goes well
      const [bad, well] = await Promise.allSettled([trial.fire(what), trial.fire("well")]);
      expect(well, what).toMatchObject({ status: "fulfilled", value: { said: "done, put 1 event" } });
      const error: unknown = bad.status === "rejected" ? bad.reason : undefined;
      expect([what, isTide(error) ? error.code : bad]).toEqual([what, code]);
      expect(isTide(error) ? error.message : "").toMatch(said);
    }
    expect((await trial.fire("say junk")).said).toBe("done, put 1 event");
    expect(trial.put.every(({ data }) => JSON.stringify(data) === '{"ok":true}')).toBe(true);
  },
  60_000,
);

test.each(["worker", "process"] as const)(
  "at its deadline a function is told, and ended a second later (%s)",
  async (isolation) => {
    const config = { module: "bad.mjs", isolation, emit: { event: "made" } };
    await using trial = await functionTrial(config, { "bad.mjs": misdeeds });
    await trial.fire("well");
    for (const what of ["loop", "hang", "hang, but listen", "ignore, but finish"]) {
      const late = new AbortController();
      const reason = new Error("too late");
      const call = trial.fire(what, { signal: late.signal, deadlineMs: Date.now() + 100 });
      const timer = setTimeout(() => late.abort(reason), 100);
      const startedMs = performance.now();
      if (what === "ignore, but finish") expect((await call).said).toBe("done, put 1 event");
      else await expect(call, what).rejects.toBe(reason);
      expect(performance.now() - startedMs).toBeLessThan(3_000);
      clearTimeout(timer);
      // the next call finds a thread that works
      expect((await trial.fire("well")).said).toBe("done, put 1 event");
    }
  },
);

test("what many short calls leave behind ends the thread, not tidemill, and none of the calls for another's fault", async () => {
  const growing =
    "const kept = []; export const handler = () => { kept.push(new Array(10_000).fill(0.5)); return kept.length; }";
  await using trial = await functionTrial({ module: "m.mjs", memoryLimit: 32 }, { "m.mjs": growing });
  let longest = 0;
  let ended = 0;
  for (let n = 0, last = 0; n < 5_000 && ended < 2; n++) {
    const length = Number((await trial.fire(1)).body);
    if (length < last) ended += 1;
    longest = Math.max(longest, length);
    last = length;
  }
  expect(ended).toBe(2);
  expect(longest).toBeLessThan(4_000);
});

test("garbage is not held against a function", async () => {
  const wasteful = `const kept = new Array(2_000_000).fill(0).map((_, n) => n + 0.5);
export const handler = async (_, { remainingMs }) => {
  const until = performance.now() + 1_500;
  let sum = 0;
  while (performance.now() < until) {
    for (let n = 0; n < 200; n++) sum += JSON.parse(JSON.stringify(kept.slice(n, n + 2_000))).length;
    if (sum % 3 === 0) await new Promise((passed) => setImmediate(passed));
  }
  return sum > 0;
};`;
  await using trial = await functionTrial({ module: "m.mjs", memoryLimit: 96 }, { "m.mjs": wasteful });
  expect((await trial.fire(1)).body).toBe("true");
});

test("what an error says of retries is obeyed", async () => {
  await using trial = await functionTrial({ module: "bad.mjs" }, { "bad.mjs": misdeeds });
  await expect(trial.fire("throw for ever")).rejects.toMatchObject({ retry: "never" });
  await expect(trial.fire("throw for a while")).rejects.toMatchObject({ retry: { afterMs: 5000 } });
  await expect(trial.fire("throw")).rejects.toMatchObject({ retry: "backoff" });
});
