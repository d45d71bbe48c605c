import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  civilOf,
  fixedZone,
  formatDuration,
  formatTime,
  loadZone,
  parseDuration,
  parseTime,
  secondsOf,
  UTC,
} from "./go-time.ts";

describe("durations", () => {
  it.each([
    ["1h", 3_600_000_000_000n, "1h0m0s"],
    ["-1.5h", -5_400_000_000_000n, "-1h30m0s"],
    [".5s", 500_000_000n, "500ms"],
    ["1h2m3s4ms5us6ns", 3_723_004_005_006n, "1h2m3.004005006s"],
    ["9223372036854775807ns", 9_223_372_036_854_775_807n, "2562047h47m16.854775807s"],
    ["0", 0n, "0s"],
    ["1µs", 1000n, "1µs"],
  ])("%s is read and written as Go does", (text, nanos, shown) => {
    expect(parseDuration(text)).toBe(nanos);
    expect(formatDuration(nanos)).toBe(shown);
  });

  it.each(["", "1", "1x", "-", "1e3s", ".s", "9223372036854775808ns", "1h x"])("%j is no duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it("a written duration reads back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n) + 1n, max: (1n << 63n) - 1n }), (nanos) => {
        expect(parseDuration(formatDuration(nanos))).toBe(nanos);
      }),
    );
  });
});

describe("calendar", () => {
  it("agrees with Date for every year a Date has", () => {
    fc.assert(
      fc.property(fc.integer({ min: -8e9, max: 8e9 }), (seconds) => {
        const date = new Date(seconds * 1000);
        const civil = civilOf(seconds);
        expect([civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second, civil.weekday]).toEqual([
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
          date.getUTCHours(),
          date.getUTCMinutes(),
          date.getUTCSeconds(),
          date.getUTCDay(),
        ]);
        expect(secondsOf(civil)).toBe(seconds);
      }),
    );
  });
});

describe("layouts", () => {
  it("what is written with a full layout reads back", () => {
    const layout = "Mon, 02 Jan 2006 15:04:05.000000000 -07:00";
    fc.assert(
      fc.property(
        fc.integer({ min: -6e10, max: 2.5e11 }),
        fc.integer({ min: 0, max: 999_999_999 }),
        fc.integer({ min: -23 * 60, max: 23 * 60 }),
        (seconds, nanos, offsetMinutes) => {
          const text = formatTime({ seconds, nanos }, fixedZone("", offsetMinutes * 60), layout);
          const read = parseTime(layout, text, UTC);
          expect(read.ok && read.instant).toEqual({ seconds, nanos });
        },
      ),
    );
  });

  it("text that does not fit is told with its reason", () => {
    expect(parseTime("2006-01-02", "2024-02-30", UTC)).toEqual({
      ok: false,
      reason: 'parsing time "2024-02-30": day out of range',
    });
    expect(parseTime("2006-01-02", "2024-02-03x", UTC)).toMatchObject({ ok: false });
    expect(parseTime("15:04", "25:00", UTC)).toMatchObject({ ok: false });
  });

  it("a zone's clock is read with Go's choice in a gap and in an overlap", () => {
    const berlin = loadZone("Europe/Berlin");
    const at = (text: string): string => {
      const read = berlin === undefined ? undefined : parseTime("2006-01-02 15:04", text, berlin);
      return read?.ok ? formatTime(read.instant, read.zone, "15:04 MST -0700") : "";
    };
    expect(at("2024-03-31 02:30")).toBe("03:30 CEST +0200");
    expect(at("2024-10-27 02:30")).toBe("02:30 CET +0100");
    expect(at("2024-07-01 12:00")).toBe("12:00 CEST +0200");
  });
});

describe("zones", () => {
  it.each([
    ["Europe/Berlin", "CEST"],
    ["America/New_York", "EDT"],
    ["Asia/Kolkata", "IST"],
    ["Asia/Dubai", "+04"],
    ["Asia/Kathmandu", "+0545"],
    ["Europe/London", "BST"],
    ["Africa/Kampala", "EAT"],
    ["America/Sao_Paulo", "-03"],
  ])("%s has the abbreviation of the time zone database", (name, abbreviation) => {
    expect(loadZone(name)?.at(1_720_000_000).abbreviation).toBe(abbreviation);
  });

  it("a name that is not in the database is unknown", () => {
    expect(loadZone("Nope/Zone")).toBeUndefined();
    expect(loadZone("+03:00")).toBeUndefined();
    expect(loadZone("")).toBe(UTC);
  });
});
