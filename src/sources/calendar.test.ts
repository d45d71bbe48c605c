import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../test/until.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { calendar } from "./calendar.ts";

describe("calendar", () => {
  let running: AsyncDisposableStack;
  let clock: VirtualClock;

  beforeEach(() => {
    running = new AsyncDisposableStack();
    clock = new VirtualClock(Date.UTC(2026, 0, 5, 9, 0, 0, 250));
  });
  afterEach(() => running.disposeAsync());

  const start = (config: object, options: TrialOptions = {}): Trial =>
    running.use(trial(calendar, config, { clock, ...options }));
  /** Lets the time pass, as far as the source waits for it. */
  async function pass(source: Trial, ms: number): Promise<void> {
    await source.ready();
    for (let leftMs = ms; leftMs > 0; ) {
      await until("the source waits", () => clock.sleeping > 0);
      const step = Math.min(leftMs, (clock.nextMs ?? clock.nowMs()) - clock.nowMs());
      await clock.advance(step);
      leftMs -= Math.max(step, 1);
    }
    await until("the source waits", () => clock.sleeping > 0);
  }
  const times = (source: Trial) => source.taken.map((one) => (dataOf(one).json as { eventTime: string }).eventTime);
  const ids = (source: Trial) => source.taken.map(({ draft }) => new Date(Number(draft.upstreamId)).toISOString());
  const findings = (config: object) =>
    [...(calendar.lint?.(calendar.config.parse(config)) ?? [])].map(
      ({ severity, path, message }) => `${severity} ${path.join(".")}: ${message}`,
    );

  it("ticks at the schedule's times, with the time as Go prints it", async () => {
    const source = start({ schedule: "*/30 * * * *", metadata: { team: "x" } });
    await pass(source, 3_600_000);
    expect(source.taken.map((one) => dataOf(one).text)).toEqual([
      '{"eventTime":"2026-01-05 09:30:00 +0000 UTC m=+1799.750000000","metadata":{"team":"x"}}',
      '{"eventTime":"2026-01-05 10:00:00 +0000 UTC m=+3599.750000000","metadata":{"team":"x"}}',
    ]);
    expect(ids(source)).toEqual(["2026-01-05T09:30:00.000Z", "2026-01-05T10:00:00.000Z"]);
  });

  it("ticks by an interval of whole seconds, without drifting", async () => {
    const source = start({ interval: "1500ms" });
    await pass(source, 5_000);
    expect(ids(source).map((id) => id.slice(17, 23))).toEqual(["01.000", "02.000", "03.000", "04.000", "05.000"]);
    const slow = start({ interval: "90s" });
    await slow.ready();
    await pass(slow, 180_000);
    expect(ids(slow)).toEqual(["2026-01-05T09:01:35.000Z", "2026-01-05T09:03:05.000Z"]);
  });

  it("counts in its zone, leaves out the excluded days, and takes the schedule where an interval is given too", async () => {
    const source = start({
      schedule: "0 6 * * *",
      interval: "1s",
      timezone: "Europe/Berlin",
      exclusionDates: ["EXDATE:20260107T000000Z,20260108T120000Z", "RDATE:20260109T000000Z"],
    });
    await pass(source, 4 * 86_400_000);
    expect(ids(source)).toEqual(["2026-01-06T05:00:00.000Z", "2026-01-09T05:00:00.000Z"]);
  });

  it("emits what was missed, in order and with the schedule's time, where catch-up is on", async () => {
    const config = { schedule: "0 * * * *", persistence: { catchup: { enabled: true } } };
    const first = start(config);
    await pass(first, 3_600_000);
    await first.stop();
    await clock.advance(3 * 3_600_000);
    const second = start(config, { checkpoint: first.checkpoint });
    await second.until((one) => one.taken.length === 3);
    expect(times(second)).toEqual([
      "2026-01-05 11:00:00 +0000 UTC",
      "2026-01-05 12:00:00 +0000 UTC",
      "2026-01-05 13:00:00 +0000 UTC",
    ]);
    await second.stop();
    await clock.advance(10 * 3_600_000);
    const capped = { ...config, persistence: { catchup: { enabled: true, maxDuration: "2h" } } };
    const third = start(capped, { checkpoint: first.checkpoint });
    await third.until((one) => one.taken.length === 2);
    expect(ids(third)).toEqual(["2026-01-05T22:00:00.000Z", "2026-01-05T23:00:00.000Z"]);
  });

  it("begins at now without catch-up", async () => {
    const first = start({ schedule: "0 * * * *" });
    await pass(first, 3_600_000);
    await first.stop();
    await clock.advance(3 * 3_600_000);
    const second = start({ schedule: "0 * * * *" }, { checkpoint: first.checkpoint });
    await pass(second, 3_600_000);
    expect(ids(second)).toEqual(["2026-01-05T14:00:00.000Z"]);
  });

  it("holds a tick that the bus does not take, and loses none", async () => {
    const source = start({ interval: "10s" });
    await source.ready();
    source.break();
    await until("it waits", () => clock.sleeping > 0);
    await clock.advance(10_000);
    await source.until((one) => typeof one.status === "object");
    expect(source.taken).toEqual([]);
    source.mend();
    await until("it waits", () => clock.sleeping > 0);
    await clock.advance(60_000);
    await source.until((one) => one.taken.length >= 6);
    expect(ids(source).slice(0, 3)).toEqual([
      "2026-01-05T09:00:10.000Z",
      "2026-01-05T09:00:20.000Z",
      "2026-01-05T09:00:30.000Z",
    ]);
  });

  it("goes on from now when the clock is set back by hours, and waits when it is minutes", async () => {
    let shiftMs = 0;
    const wall = { nowMs: () => clock.nowMs() + shiftMs, sleep: clock.sleep.bind(clock) };
    const source = start({ schedule: "*/10 * * * *" }, { clock: wall });
    await pass(source, 600_000);
    shiftMs = -300_000;
    await pass(source, 900_000);
    expect(ids(source)).toEqual(["2026-01-05T09:10:00.000Z", "2026-01-05T09:20:00.000Z"]);
    shiftMs = -5 * 3_600_000;
    await pass(source, 1_200_000);
    expect(ids(source).slice(2)).toEqual(["2026-01-05T04:30:00.000Z", "2026-01-05T04:40:00.000Z"]);
  });

  it("brings the ticks of a time that the clock jumped over, in order", async () => {
    let shiftMs = 0;
    const wall = { nowMs: () => clock.nowMs() + shiftMs, sleep: clock.sleep.bind(clock) };
    const source = start({ schedule: "0 * * * *" }, { clock: wall });
    await source.ready();
    shiftMs = 3 * 3_600_000;
    await pass(source, 60_000);
    expect(ids(source)).toEqual(["2026-01-05T10:00:00.000Z", "2026-01-05T11:00:00.000Z", "2026-01-05T12:00:00.000Z"]);
  });

  it("has no tick at a time that daylight saving skips, as upstream", async () => {
    clock = new VirtualClock(Date.UTC(2026, 2, 28, 12));
    const spring = start({ schedule: "30 2 * * *", timezone: "Europe/Berlin" });
    await pass(spring, 2 * 86_400_000);
    expect(ids(spring)).toEqual(["2026-03-30T00:30:00.000Z"]);
  });

  it("says that there is no tick, and stays", async () => {
    const source = start({ schedule: "0 0 31 2 *" });
    await source.until((one) => typeof one.status === "object");
    expect(source.status).toEqual({ waiting: "the schedule has no tick within five years" });
  });

  it("is checked at load", () => {
    expect(findings({})).toEqual(["error : one of schedule, interval is needed"]);
    expect(findings({ schedule: "* * * * * *" })[0]).toMatch(/^error schedule: five fields/);
    expect(findings({ schedule: "0 6 * * *", timezone: "Mars" })).toEqual([
      'error timezone: there is no time zone "Mars"',
    ]);
    expect(findings({ interval: "10" })).toEqual(['error interval: "10" is no duration']);
    expect(findings({ interval: "10s", schedule: "0 6 * * *" })).toEqual([
      "warning interval: interval has no effect beside schedule",
    ]);
    for (const line of ["20260101", "EXDATE:20260230T000000Z", "EXDATE:20260101T000000Z,soon"])
      expect(findings({ interval: "10s", exclusionDates: [line] })[0]).toMatch(/^warning exclusionDates.0: /);
    expect(findings({ interval: "10s", exclusionDates: ["EXDATE:20260101T000000Z,20260102T000000Z"] })).toEqual([]);
    expect(findings({ interval: "10s", persistence: { catchup: { maxDuration: "x" } } })).toHaveLength(1);
  });
});
