import { describe, expect, it } from "vitest";
import { compileMaintenance } from "./maintenance.ts";
import type { Report } from "./report.ts";

const faults: unknown[] = [];
const report = {
  error: (path: unknown) => void faults.push(path),
  warn: () => undefined,
  expression<T>(path: unknown, make: () => T): T | undefined {
    try {
      return make();
    } catch {
      faults.push(path);
      return undefined;
    }
  },
} as unknown as Report;

type Specs = Parameters<typeof compileMaintenance>[0];
const at = (specs: Specs, time: string) => {
  const found = compileMaintenance(specs, { path: ["maintenance"], report })?.(Date.parse(time));
  const say = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 16));
  return [say(found?.untilMs), say(found?.beginsMs)];
};

describe("windows of maintenance", () => {
  const nightly = [{ cron: "0 2 * * *", duration: "90m" }];

  it("begin at the tick and are over at their end", () => {
    expect(at(nightly, "2026-01-05T01:59:59.999Z")).toEqual([undefined, "2026-01-05T02:00"]);
    expect(at(nightly, "2026-01-05T02:00:00Z")).toEqual(["2026-01-05T03:30", undefined]);
    expect(at(nightly, "2026-01-05T03:29:59.999Z")).toEqual(["2026-01-05T03:30", undefined]);
    expect(at(nightly, "2026-01-05T03:30:00Z")).toEqual([undefined, "2026-01-06T02:00"]);
  });

  it("that touch or overlap are one", () => {
    const two = [...nightly, { cron: "30 3 * * *", duration: "1h" }, { cron: "0 3 * * *", duration: "10m" }];
    expect(at(two, "2026-01-05T02:10:00Z")).toEqual(["2026-01-05T04:30", undefined]);
  });

  it("that never end are told piece by piece, and cost no endless search", () => {
    const [until] = at([{ cron: "* * * * *", duration: "1m" }], "2026-01-05T02:00:10Z");
    expect(Date.parse(`${until}Z`)).toBeGreaterThan(Date.parse("2026-01-05T02:01Z"));
  });

  it("go by their time zone, and last real time over a change of clocks", () => {
    const berlin = [{ cron: "0 1 * * *", duration: "3h", timezone: "Europe/Berlin" }];
    expect(at(berlin, "2026-03-29T00:30:00Z")).toEqual(["2026-03-29T03:00", undefined]);
  });

  it("with a fault are none, and the fault has a place", () => {
    faults.length = 0;
    expect(at([...nightly, { cron: "0 25 * * *", duration: "1 hour" }], "2026-01-05T02:10:00Z")).toEqual([
      undefined,
      undefined,
    ]);
    expect(faults).toEqual([
      ["maintenance", 1, "cron"],
      ["maintenance", 1, "duration"],
    ]);
  });
});
