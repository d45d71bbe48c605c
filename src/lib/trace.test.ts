import { describe, expect, it } from "vitest";
import { attemptName, placeOf, spanIdOf, traceFrom, traceFromAws, traceIdOf, traceToAws } from "./trace.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${spanId}-01`;

describe("a trace context", () => {
  it("is read from a traceparent", () => {
    expect(placeOf(traceparent)).toEqual({ traceId, spanId, sampled: true });
    expect(placeOf(`00-${traceId}-${spanId}-00`)?.sampled).toBe(false);
    expect(placeOf(`cc-${traceId}-${spanId}-01-what-comes-later`)).toEqual({ traceId, spanId, sampled: true });
  });

  it.each([
    "",
    "00",
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
  ])("that is damaged is none: %s", (text) => {
    expect(placeOf(text)).toBeUndefined();
  });

  it("keeps its state, unless that is too long to pass on", () => {
    const from = (tracestate: string) =>
      traceFrom((name) => ({ traceparent, tracestate })[name as "traceparent" | "tracestate"]);
    expect(from("vendor=1")).toEqual({ traceparent, tracestate: "vendor=1" });
    expect(from("v".repeat(513))).toEqual({ traceparent });
  });

  it("goes through an X-Ray header and back", () => {
    const header = traceToAws({ traceparent });
    expect(header).toBe(`Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=${spanId};Sampled=1`);
    expect(traceFromAws(header)).toEqual({ traceparent });
  });

  it.each([undefined, "", "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736", "Root=2;Parent=x", ";;;="])(
    "of AWS without a parent or with a damaged root is none: %s",
    (header) => {
      expect(traceFromAws(header)).toBeUndefined();
    },
  );
});

describe("ids", () => {
  it("of a trace are the event's own where they can be", () => {
    expect(traceIdOf(traceId)).toBe(traceId);
    expect(traceIdOf("kafka:0:1")).toMatch(/^[\da-f]{32}$/);
    expect(traceIdOf("0".repeat(32))).not.toBe("0".repeat(32));
  });

  it("of a span are the same each time, and others for another kind", () => {
    expect(spanIdOf("attempt", "f/1")).toBe(spanIdOf("attempt", "f/1"));
    expect(spanIdOf("firing", "f/1")).not.toBe(spanIdOf("attempt", "f/1"));
  });

  it("of an attempt are others in each round of its firing, and those of the first need no round", () => {
    expect(attemptName("f", 1)).toBe("f/1");
    const names = [0, 1, 2].flatMap((round) => [1, 2].map((n) => attemptName("f", n, round)));
    expect(new Set([...names, ...[1, 2].map((n) => attemptName("f/1", n))]).size).toBe(8);
  });
});
