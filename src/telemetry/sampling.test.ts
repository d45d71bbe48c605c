import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSampler, samplerNames } from "./sampling.ts";
import { samplerOf } from "./sampling-options.ts";
import { TailSampling } from "./sampling-tail.ts";
import type { Span } from "./span.ts";

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(..."0123456789abcdef"), { minLength: length, maxLength: length })
    .map((digits) => digits.join(""));

describe("a sampler", () => {
  test("by its parent does what the parent says, whatever the root would do", () => {
    for (const name of samplerNames.filter((one) => one.startsWith("parentbased_")))
      fc.assert(
        fc.property(hex(32), fc.boolean(), (traceId, sampled) => {
          expect(createSampler(name, 0.5).keeps({ traceId, sampled })).toBe(sampled);
        }),
      );
  });

  test("without a parent does what its root says", () => {
    const traceId = "1".repeat(32);
    expect(createSampler("parentbased_always_on").keeps({ traceId })).toBe(true);
    expect(createSampler("parentbased_always_off").keeps({ traceId })).toBe(false);
    expect(createSampler("always_on").keeps({ traceId, sampled: false })).toBe(true);
    expect(createSampler("always_off").keeps({ traceId, sampled: true })).toBe(false);
    expect(createSampler("always_off").off).toBe(true);
  });

  test("by a ratio keeps its share, the same traces at each call, and with a larger ratio those and more", () => {
    const keptOf = (ratio: number) => {
      const sampler = createSampler("traceidratio", ratio);
      return (at: number): boolean =>
        sampler.keeps({ traceId: (BigInt(at) * 0x9e3779b97f4a7c15n).toString(16).padStart(32, "0").slice(-32) });
    };
    const [tenth, half, all, none] = [keptOf(0.1), keptOf(0.5), keptOf(1), keptOf(0)];
    const ids = Array.from({ length: 10_000 }, (_, at) => at + 1);
    expect(ids.filter(tenth).length).toBeGreaterThan(900);
    expect(ids.filter(tenth).length).toBeLessThan(1_100);
    expect(ids.filter(tenth).every(half)).toBe(true);
    expect(ids.every(all)).toBe(true);
    expect(ids.some(none)).toBe(false);
  });

  test("is read from the variables of the standard, and what they cannot mean is refused", () => {
    expect(samplerOf({}).keeps({ traceId: "1".repeat(32) })).toBe(true);
    expect(
      samplerOf({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }).keeps({
        traceId: "f".repeat(32),
      }),
    ).toBe(false);
    expect(() => samplerOf({ OTEL_TRACES_SAMPLER: "jaeger_remote" })).toThrow(/write one of parentbased_always_on/);
    expect(() => samplerOf({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "50%" })).toThrow(/0 to 1/);
  });
});

interface Item {
  readonly span: Span;
}

const limits = { slowUs: 1_000_000, waitMs: 30_000, maxWaiting: 100, maxKnown: 10 };

function item(trace: number, more: Partial<Span> = {}): Item {
  const traceId = String(trace).padStart(32, "0");
  return {
    span: {
      ...{ traceId, spanId: "1".repeat(16), name: "x", kind: "internal" },
      startUs: 0,
      endUs: 5,
      attributes: {},
      ...more,
    },
  };
}

const off = { head: false, nowMs: 0 };

describe("sampling by the tail of a trace", () => {
  test("lets out at once what the head keeps, and remembers nothing of it", () => {
    const tail = new TailSampling<Item>(limits);
    const one = item(1);
    expect(tail.add(one, { head: true, nowMs: 0 })).toEqual({ kept: [one], dropped: [] });
    expect(tail.waiting).toBe(0);
  });

  test("drops a trace when its last firing is settled without anything of interest", () => {
    const tail = new TailSampling<Item>(limits);
    const [a, b] = [item(1), item(1)];
    expect(tail.add(a, off)).toEqual({ kept: [], dropped: [] });
    expect(tail.settle(a.span.traceId, { opened: 2, closed: 0 })).toEqual({ kept: [], dropped: [] });
    tail.add(b, off);
    expect(tail.settle(a.span.traceId, { opened: 0, closed: 1 })).toEqual({ kept: [], dropped: [] });
    expect(tail.settle(a.span.traceId, { opened: 0, closed: 1 })).toEqual({ kept: [], dropped: [a, b] });
    const late = item(1);
    expect(tail.add(late, off)).toEqual({ kept: [], dropped: [late] });
  });

  test.each([
    ["an error", { error: "503" }],
    ["a span of a second", { endUs: 1_000_000 }],
  ])("%s lets out the whole trace, and what comes later of it", (_, more) => {
    const tail = new TailSampling<Item>(limits);
    const [a, b, c] = [item(1), item(1, more), item(1)];
    tail.add(a, off);
    expect(tail.add(b, off)).toEqual({ kept: [a, b], dropped: [] });
    expect(tail.add(c, off)).toEqual({ kept: [c], dropped: [] });
    expect(tail.waiting).toBe(0);
  });

  test("an error that comes after its trace was dropped is not lost, and what follows it neither", () => {
    const tail = new TailSampling<Item>(limits);
    tail.add(item(1), off);
    tail.settle(item(1).span.traceId, { opened: 0, closed: 0 });
    const [error, after] = [item(1, { error: "late" }), item(1)];
    expect(tail.add(error, off).kept).toEqual([error]);
    expect(tail.add(after, off).kept).toEqual([after]);
  });

  test("waits no longer than its limit, and with no more than its most", () => {
    const tail = new TailSampling<Item>({ ...limits, maxWaiting: 3 });
    const [a, b] = [item(1), item(2)];
    tail.add(a, off);
    tail.add(b, { head: false, nowMs: 10 });
    expect(tail.nextMs).toBe(30_000);
    expect(tail.expire(29_999)).toEqual({ kept: [], dropped: [] });
    expect(tail.expire(30_000)).toEqual({ kept: [], dropped: [a] });
    const more = [item(3), item(4), item(5)];
    expect(more.flatMap((one) => tail.add(one, { head: false, nowMs: 20 }).dropped)).toEqual([b]);
    expect(tail.waiting).toBe(3);
  });

  test("lets out or drops each span exactly once, in any order of what happens", () => {
    const step = fc.record({
      trace: fc.integer({ min: 1, max: 4 }),
      error: fc.boolean(),
      opened: fc.integer({ min: 0, max: 2 }),
      closed: fc.integer({ min: 0, max: 2 }),
      atMs: fc.integer({ min: 0, max: 90_000 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const tail = new TailSampling<Item>({ ...limits, maxWaiting: 5, maxKnown: 2 });
        const out: Item[] = [];
        const given = steps.map(({ trace, error, opened, closed, atMs }) => {
          const one = item(trace, error ? { error: "x" } : {});
          const sorted = [
            tail.add(one, { head: false, nowMs: atMs }),
            tail.settle(one.span.traceId, { opened, closed }),
            tail.expire(atMs),
          ];
          for (const { kept, dropped } of sorted) out.push(...kept, ...dropped);
          return one;
        });
        out.push(...tail.expire(Number.POSITIVE_INFINITY).dropped);
        expect(out.length).toBe(given.length);
        expect(new Set(out)).toEqual(new Set(given));
      }),
    );
  });
});
