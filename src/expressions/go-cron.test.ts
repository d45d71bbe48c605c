import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileCron } from "./go-cron.ts";

const ms = (text: string): number => Date.parse(text);

/** Ticks after a moment, as local times of the zone. */
function ticks(cron: string, zone: string, from: string, count: number): readonly string[] {
  const compiled = compileCron(cron, zone);
  const shown: string[] = [];
  let at: number | undefined = ms(from);
  for (let i = 0; i < count; i++) {
    at = compiled.next(at);
    if (at === undefined) break;
    shown.push(
      new Date(at)
        .toLocaleString("sv-SE", { timeZone: zone || "UTC", timeZoneName: "longOffset" })
        .replace("GMT", "")
        .replace("\u2212", "-"),
    );
  }
  return shown;
}

/** All answers of this file are those of robfig/cron 3.0.1. */
describe("a cron schedule", () => {
  it.each([
    ["*/15 * * * *", "2026-01-01T00:07:30Z", "2026-01-01T00:15:00Z"],
    ["0 0 1 1 *", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"],
    ["5/20 3 * * *", "2026-01-01T03:25:00Z", "2026-01-01T03:45:00Z"],
    ["0 12 ? * MON-FRI", "2026-01-02T12:00:00Z", "2026-01-05T12:00:00Z"],
    ["0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["0 0 */13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
    ["0 0 * * fri", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"],
    ["0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["59 23 31 12 ?", "2026-12-31T23:59:00.500Z", "2027-12-31T23:59:00Z"],
    ["CRON_TZ=Asia/Tokyo 0 6 * * *", "2026-01-01T00:00:00Z", "2026-01-01T21:00:00Z"],
  ])("%s after %s ticks at %s", (cron, from, next) => {
    expect(new Date(compileCron(cron).next(ms(from)) ?? 0)).toEqual(new Date(next));
  });

  it("has no tick on a day that never comes", () => {
    expect(compileCron("0 0 31 2 *").next(0)).toBeUndefined();
    expect(compileCron("0 0 30 2 *", "Europe/Berlin").next(0)).toBeUndefined();
  });

  it("leaves out a time that clocks skip, and ticks twice at one that comes twice", () => {
    expect(ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 2)).toEqual([
      "2026-03-28 02:30:00 +01:00",
      "2026-03-30 02:30:00 +02:00",
    ]);
    expect(ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25 02:30:00 +02:00",
      "2026-10-25 02:30:00 +01:00",
    ]);
    expect(ticks("0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4)).toEqual([
      "2026-10-25 02:00:00 +02:00",
      "2026-10-25 02:00:00 +01:00",
      "2026-10-25 03:00:00 +01:00",
      "2026-10-25 04:00:00 +01:00",
    ]);
    expect(ticks("0 0 * * *", "America/Sao_Paulo", "2018-11-03T00:00:00Z", 3)).toEqual([
      "2018-11-03 00:00:00 -03:00",
      "2018-11-05 00:00:00 -02:00",
      "2018-11-06 00:00:00 -02:00",
    ]);
  });

  it.each([
    ["* * * *", undefined],
    ["* * * * * *", undefined],
    ["", undefined],
    ["@daily", undefined],
    ["60 * * * *", 0],
    ["* 24 * * *", 2],
    ["* * 0 * *", 4],
    ["* *  * 13 *", 7],
    ["* * * * 7", 8],
    ["5-3 * * * *", 0],
    ["*/0 * * * *", 0],
    ["* * * * MONDAY", 8],
    ["* * L * *", 4],
    ["1,,2 * * * *", 0],
    ["-1 * * * *", 0],
    ["TZ=Mars/Base * * * * *", 0],
  ])("%j is refused", (cron, position) => {
    expect(() => compileCron(cron)).toThrow(expect.objectContaining({ code: "EXPRESSION_INVALID", position }));
  });

  it("ticks later than it is asked for, at a whole minute, whatever the fields", () => {
    const field = (low: number, high: number) =>
      fc.oneof(fc.constant("*"), fc.integer({ min: low, max: high }).map(String));
    const fields = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6));
    const zone = fc.constantFrom("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");
    fc.assert(
      fc.property(fields, zone, fc.integer({ min: 0, max: 4e12 }), (parts, at, afterMs) => {
        const next = compileCron(parts.join(" "), at).next(afterMs);
        if (next === undefined) return;
        expect(next).toBeGreaterThan(afterMs);
        expect(next % 60_000).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("is read or refused, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789*/-,? MONTZ=") }), (text) => {
        try {
          compileCron(text).next(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
    );
  });
});
