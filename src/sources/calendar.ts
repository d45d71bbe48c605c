import { ExpressionError } from "../expressions/fault.ts";
import { compileCron } from "../expressions/go-cron.ts";
import { civilOf, formatTime, loadZone, UTC, type Zone } from "../expressions/go-time.ts";
import { goString, metadataMember } from "../kit/go-json.ts";
import { handOver } from "../kit/hand-over.ts";
import { badValue, present, someOf } from "../kit/rules.ts";
import { type Draft, defineSource, type SourceContext } from "../kit/source.ts";
import { parseDurationMs } from "../lib/duration.ts";
import { TideError } from "../lib/errors.ts";
import type { Finding } from "../lib/finding.ts";
import { type CalendarConfig, calendarConfig } from "./calendar-config.ts";

/**
 * `calendar` (reference 1.6): ticks of a cron schedule as robfig/cron counts them, or of an interval in whole seconds. The
 * tick's time is the event's upstream id, so a tick that is emitted twice is one event. With `persistence.catchup` the last
 * tick is kept in the bus, and those that were missed come at the start. A tick waits for a bus that is down, and is not lost.
 */
export const calendar = defineSource<CalendarConfig>({
  kind: "calendar",
  title: "Calendar",
  summary: "Ticks by a cron schedule or an interval.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: clock
spec:
  calendar:
    every-morning:
      schedule: 0 6 * * *
      timezone: Europe/Berlin
`,
  config: calendarConfig,
  *lint(config) {
    yield* someOf(config, ["schedule", "interval"]);
    yield* scheduleRules(config);
    const longest = config.persistence?.catchup?.maxDuration;
    if (present(longest) && parseDurationMs(longest ?? "") === undefined) {
      const path = ["persistence", "catchup", "maxDuration"];
      yield badValue(path, `${JSON.stringify(longest)} is no duration`, "Write it as 24h.");
    }
    for (const [i, line] of (config.exclusionDates ?? []).entries()) {
      if (isExclusion(line)) continue;
      const message = `${JSON.stringify(line)} is no list of days: some of it excludes nothing`;
      const fix = "Write it as EXDATE:20260105T000000Z,20260106T000000Z.";
      yield { ...badValue(["exclusionDates", i], message, fix), severity: "warning" };
    }
  },
  async run(cx) {
    const state = new Ticker(cx);
    await state.begin();
    cx.ready();
    try {
      await state.run();
    } catch (error) {
      if (!cx.signal.aborted) throw error;
    }
  },
});

function* scheduleRules({ schedule, interval, timezone = "" }: CalendarConfig): Iterable<Finding> {
  if (loadZone(timezone) === undefined) {
    yield badValue(["timezone"], `there is no time zone ${JSON.stringify(timezone)}`, "Write it as Europe/Berlin.");
  }
  if (present(schedule)) {
    yield* cronRules(schedule ?? "");
    if (!present(interval)) return;
    const found = badValue(["interval"], "interval has no effect beside schedule", "Keep one of the two.");
    yield { ...found, severity: "warning" };
  } else if (present(interval) && Number.isNaN(secondsOfInterval(interval))) {
    yield badValue(["interval"], `${JSON.stringify(interval)} is no duration`, "Write it as 10s or 1h30m.");
  }
}

function* cronRules(schedule: string): Iterable<Finding> {
  try {
    compileCron(schedule);
  } catch (cause) {
    if (!(cause instanceof ExpressionError)) throw cause;
    const found: Finding = { severity: "error", code: cause.code, path: ["schedule"], message: cause.message };
    yield cause.position === undefined ? found : { ...found, offset: cause.position };
  }
}

/** An interval counts in whole seconds, at least one (robfig's ConstantDelay); NaN: it is none. */
function secondsOfInterval(text = ""): number {
  const ms = parseDurationMs(text);
  return ms === undefined || ms <= 0 ? Number.NaN : Math.max(1, Math.floor(ms / 1000));
}

/** The days of `EXDATE` lines, as `20260101`; other lines count for nothing (reference 1.6). */
function daysOf(lines: readonly string[]): ReadonlySet<string> {
  const dates = lines.flatMap((line) => /^EXDATE:(.*)$/.exec(line)?.[1]?.split(",") ?? []);
  return new Set(dates.flatMap((date) => /^(\d{8})T\d{6}Z$/.exec(date)?.[1] ?? []));
}

/** Days that the calendar has, and nothing else. */
function isExclusion(line: string): boolean {
  const dates = /^EXDATE:(.*)$/.exec(line)?.[1]?.split(",") ?? [""];
  return dates.every((date) => {
    const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
    if (parts === null) return false;
    const [, year, month, day, hour, minute, second] = parts;
    const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
    const atMs = Date.parse(iso);
    return !Number.isNaN(atMs) && new Date(atMs).toISOString() === iso;
  });
}

/** Where a clock that was set back is believed: up to here, ticks only pause until it has come as far again. */
const longestBackMs = 3_600_000;
/** A longer sleep would not see that the clock was set, or that the machine had slept. */
const longestSleepMs = 30_000;
const lastKey = "last";
const catchUpBatch = 100;

class Ticker {
  readonly #cx: SourceContext<CalendarConfig>;
  readonly #zone: Zone;
  readonly #excluded: ReadonlySet<string>;
  readonly #follow: (afterMs: number) => number | undefined;
  #beganMs: number;
  #lastMs: number;

  constructor(cx: SourceContext<CalendarConfig>) {
    const { schedule, interval, timezone = "", exclusionDates = [] } = cx.config;
    this.#cx = cx;
    this.#zone = loadZone(timezone) ?? UTC;
    this.#excluded = daysOf(exclusionDates);
    if (present(schedule)) {
      const cron = compileCron(schedule ?? "", timezone);
      this.#follow = (afterMs) => cron.next(afterMs);
    } else {
      const seconds = secondsOfInterval(interval);
      if (Number.isNaN(seconds)) throw new TideError("FIELD_VALUE", `interval ${interval} is no duration`);
      this.#follow = (afterMs) => (Math.floor(afterMs / 1000) + seconds) * 1000;
    }
    this.#beganMs = cx.clock.nowMs();
    this.#lastMs = this.#beganMs;
  }

  /** Goes on from the last tick of an earlier run, where that is asked for. */
  async begin(): Promise<void> {
    const { catchup } = this.#cx.config.persistence ?? {};
    if (catchup?.enabled !== true) return;
    const kept = await this.#cx.checkpoint.get(lastKey);
    const lastMs = kept === undefined ? Number.NaN : Number(Buffer.from(kept).toString());
    if (!(lastMs < this.#beganMs)) return;
    const longestMs = present(catchup.maxDuration) ? parseDurationMs(catchup.maxDuration ?? "") : undefined;
    this.#lastMs = Math.max(lastMs, this.#beganMs - (longestMs ?? Number.POSITIVE_INFINITY));
  }

  /** Until the abort, which rejects; resolves when the schedule has no further tick. */
  async run(): Promise<void> {
    for (;;) {
      const nextMs = this.#next(this.#lastMs);
      if (nextMs === undefined) {
        this.#cx.waiting("the schedule has no tick within five years");
        return await this.#cx.clock.sleep(Number.MAX_SAFE_INTEGER, this.#cx.signal);
      }
      if (nextMs < this.#beganMs) await this.#catchUp(nextMs);
      else await this.#tick(nextMs);
    }
  }

  /** The first tick after a time that is on no excluded day. */
  #next(afterMs: number): number | undefined {
    let atMs = this.#follow(afterMs);
    while (atMs !== undefined && this.#excluded.size > 0 && this.#excluded.has(this.#dayOf(atMs))) {
      atMs = this.#follow(atMs);
    }
    return atMs;
  }

  #dayOf(atMs: number): string {
    const seconds = Math.floor(atMs / 1000);
    const { year, month, day } = civilOf(seconds, this.#zone.at(seconds).offset);
    return `${String(year).padStart(4, "0")}${String(month).padStart(2, "0")}${String(day).padStart(2, "0")}`;
  }

  /** Ticks from before this run: at once, in order, with the schedule's time. */
  async #catchUp(firstMs: number): Promise<void> {
    const missed: number[] = [];
    let atMs: number | undefined = firstMs;
    for (; atMs !== undefined && atMs < this.#beganMs && missed.length < catchUpBatch; atMs = this.#next(atMs)) {
      missed.push(atMs);
    }
    await this.#emit(
      missed,
      missed.map((at) => this.#draft(at, goTime(at))),
    );
  }

  async #tick(atMs: number): Promise<void> {
    const { clock, signal } = this.#cx;
    for (let leftMs = atMs - clock.nowMs(); leftMs > 0; leftMs = atMs - clock.nowMs()) {
      if (leftMs > longestBackMs && clock.nowMs() < this.#lastMs - longestBackMs) {
        this.#cx.log.warn({ last: goTime(this.#lastMs) }, "the clock was set back: ticks begin again from now");
        this.#lastMs = clock.nowMs();
        this.#beganMs = this.#lastMs;
        return;
      }
      await clock.sleep(Math.min(leftMs, longestSleepMs), signal);
    }
    const nowMs = clock.nowMs();
    // Go's String() of a moment that was read from the clock also has the reading of the monotonic one
    const since = Math.max(0, nowMs - this.#beganMs) / 1000;
    await this.#emit([atMs], [this.#draft(atMs, `${goTime(nowMs)} m=+${since.toFixed(9)}`)]);
  }

  #draft(atMs: number, eventTime: string): Draft {
    const { metadata } = this.#cx.config;
    return {
      data: Buffer.from(`{"eventTime":${goString(eventTime)}${metadataMember(metadata)}}`),
      upstreamId: String(atMs),
      sentUs: atMs * 1000,
    };
  }

  async #emit(ticks: readonly number[], drafts: readonly Draft[]): Promise<void> {
    await handOver(this.#cx, { drafts });
    this.#lastMs = ticks.at(-1) ?? this.#lastMs;
    if (this.#cx.config.persistence?.catchup?.enabled === true)
      await this.#cx.checkpoint.put(lastKey, Buffer.from(String(this.#lastMs)));
  }
}

/** Go's `time.String()`, in UTC as in the stock image. */
function goTime(atMs: number): string {
  const seconds = Math.floor(atMs / 1000);
  const nanos = Math.round((atMs - seconds * 1000) * 1e6);
  return formatTime({ seconds, nanos }, UTC, "2006-01-02 15:04:05.999999999 -0700 MST");
}
