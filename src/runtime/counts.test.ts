import { expect, it } from "vitest";
import type { Claimed } from "../bus/bus.ts";
import type { AttemptFact } from "../lib/facts.ts";
import { Counts } from "./counts.ts";

const firing = { sensor: "s", trigger: "t", madeUs: 0 } as Claimed;
const attempt = (state: AttemptFact["state"], endedMs: number): AttemptFact => ({
  k: "attempt",
  firing: "f",
  n: 1,
  startedUs: 0,
  endedUs: endedMs * 1000,
  outcome: state === "done" ? "done" : "failed",
  state,
});

it("counts what became of calls, and the delays of the last minute alone", () => {
  const counts = new Counts();
  const { attempted } = counts.forBus({ namespace: "n" });
  for (let ms = 1; ms <= 100; ms++) attempted?.(firing, attempt("done", ms));
  attempted?.(firing, attempt("pending", 5));
  attempted?.(firing, attempt("dead", 5));
  const of = (nowMs: number) => counts.now(nowMs).triggers.get("n/s/t");
  expect(of(100)).toEqual({ done: 100, retries: 1, dead: 1, p50Ms: 51, p99Ms: 100 });
  expect(of(60_090)).toEqual({ done: 100, retries: 1, dead: 1, p50Ms: 95, p99Ms: 100 });
  expect(of(61_000)).toEqual({ done: 100, retries: 1, dead: 1 });
});

it("remembers the newest delays when there are many", () => {
  const counts = new Counts();
  const { attempted } = counts.forBus({ namespace: "n" });
  for (let ms = 1; ms <= 5_000; ms++) attempted?.(firing, attempt("done", ms));
  expect(counts.now(5_000).triggers.get("n/s/t")).toMatchObject({ done: 5_000, p50Ms: 4_489 });
});
