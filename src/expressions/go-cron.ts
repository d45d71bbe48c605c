import { ExpressionError } from "./fault.ts";
import { type Civil, civilOf, loadZone, offsetOfWall, secondsOf, UTC, type Zone } from "./go-time.ts";

/** A schedule of five cron fields in a time zone. */
export interface GoCron {
  /** The first tick after a moment, both Unix milliseconds; undefined when there is none within five years. */
  next(afterMs: number): number | undefined;
}

/** One field: which numbers it holds, and whether it was written `*` or `?`. */
interface Field {
  readonly holds: ReadonlySet<number>;
  readonly any: boolean;
}

interface Schedule {
  readonly minute: Field;
  readonly hour: Field;
  readonly day: Field;
  readonly month: Field;
  readonly weekday: Field;
  readonly zone: Zone;
}

const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const dayNames = "SUN MON TUE WED THU FRI SAT".split(" ");

/** How a field is read: its name, least and greatest number, and the words for numbers. */
const kinds = [
  { name: "minute", low: 0, high: 59, words: [] },
  { name: "hour", low: 0, high: 23, words: [] },
  { name: "day of the month", low: 1, high: 31, words: [] },
  { name: "month", low: 1, high: 12, words: monthNames },
  { name: "day of the week", low: 0, high: 6, words: dayNames },
] as const;

/**
 * Reads `minute hour day month weekday` as robfig/cron 3.0.1 does, which Argo Events schedules with (reference 1.6,
 * calendar, and 3.5): lists, ranges, steps, names of months and days, `?` for `*`, and a zone in front (`TZ=` or `CRON_TZ=`),
 * which wins over `timezone`. A day must match both day fields if either is `*`, else one of them is enough. Nothing else:
 * no seconds, no `@daily`, no 7 for Sunday. Throws EXPRESSION_INVALID with a position.
 */
export function compileCron(text: string, timezone = ""): GoCron {
  const [, lead = "", prefix = "", prefixed] = /^(\s*)((?:CRON_)?TZ=(\S*)\s*)?/.exec(text) ?? [];
  const zone = loadZone(prefixed ?? timezone);
  if (zone === undefined) {
    const name = JSON.stringify(prefixed ?? timezone);
    throw invalid(`there is no time zone ${name}`, prefixed === undefined ? undefined : lead.length);
  }
  const words = [...text.slice(lead.length + prefix.length).matchAll(/\S+/g)];
  if (words.length !== kinds.length)
    throw invalid(`five fields are needed (minute, hour, day, month, weekday); there are ${words.length}`);
  const at = lead.length + prefix.length;
  const fields = kinds.map((kind, i) => fieldOf(words[i]?.[0] ?? "", kind, at + (words[i]?.index ?? 0)));
  const [minute, hour, day, month, weekday] = fields as [Field, Field, Field, Field, Field];
  const schedule: Schedule = { minute, hour, day, month, weekday, zone };
  return { next: (afterMs) => nextTick(schedule, afterMs) };
}

function fieldOf(text: string, { name, low, high, words }: (typeof kinds)[number], at: number): Field {
  const holds = new Set<number>();
  let any = false;
  const wrong = (part: string): ExpressionError =>
    invalid(`${JSON.stringify(part)} is no ${name} (${low}-${high})`, at);
  const number = (word: string, part: string): number => {
    const named = (words as readonly string[]).indexOf(word.toUpperCase());
    if (named >= 0) return named + low;
    if (!/^\d{1,9}$/.test(word)) throw wrong(part);
    return Number(word);
  };
  for (const part of text.split(",")) {
    const found = /^(?:([*?])|([A-Za-z0-9]+))(?:-([A-Za-z0-9]+))?(?:\/(\d{1,9}))?$/.exec(part);
    if (found === null) throw wrong(part);
    const [, star, first = "", last, stepText] = found;
    const step = stepText === undefined ? 1 : Number(stepText);
    if (step === 0) throw invalid(`the step of ${JSON.stringify(part)} is 0`, at);
    const from = star === undefined ? number(first, part) : low;
    // `5/10` runs to the end of the range, and so does a star, whatever stands behind its `-`
    const to =
      star !== undefined || (last === undefined && stepText !== undefined) ? high : number(last ?? first, part);
    if (from < low || to > high || from > to) throw wrong(part);
    for (let value = from; value <= to; value += step) holds.add(value);
    any ||= star !== undefined && step === 1;
  }
  return { holds, any };
}

/** A tick further away than this is none: 29 February on a weekday that it does not meet. */
const mostYears = 5;

/**
 * Field by field from the longest to the shortest: steps to the next unit until the field matches, and starts again at the
 * month whenever a step reached the next unit above. Steps of hours and minutes are of real time, those of days and months
 * are of the wall clock: so a time that the change of clocks skips has no tick that day, and one that comes twice has two.
 */
function nextTick(schedule: Schedule, afterMs: number): number | undefined {
  const { zone } = schedule;
  const wallOf = (seconds: number): Civil => civilOf(seconds, zone.at(seconds).offset);
  let at = Math.floor(afterMs / 1000) + 1;
  const lastYear = wallOf(at).year + mostYears;
  let cut = false;
  /** The first step of a search goes to the beginning of its unit. */
  const begin = (of: (seconds: number) => number): void => {
    if (!cut) at = of(at);
    cut = true;
  };
  again: for (;;) {
    let wall = wallOf(at);
    if (wall.year > lastYear) return undefined;
    while (!schedule.month.holds.has(wall.month)) {
      begin(() => onWall(zone, { ...wall, day: 1, hour: 0, minute: 0, second: 0 }));
      at = onWall(zone, { ...wallOf(at), month: wallOf(at).month + 1 });
      wall = wallOf(at);
      if (wall.month === 1) continue again;
    }
    while (!dayMatches(schedule, wall)) {
      begin(() => onWall(zone, { ...wall, hour: 0, minute: 0, second: 0 }));
      at = onWall(zone, { ...wallOf(at), day: wallOf(at).day + 1 });
      wall = wallOf(at);
      // there is no midnight where clocks are changed at that hour
      if (wall.hour !== 0) at += (wall.hour > 12 ? 24 - wall.hour : -wall.hour) * 3600;
      wall = wallOf(at);
      if (wall.day === 1) continue again;
    }
    while (!schedule.hour.holds.has(wall.hour)) {
      begin(() => onWall(zone, { ...wall, minute: 0, second: 0 }));
      at += 3600;
      wall = wallOf(at);
      if (wall.hour === 0) continue again;
    }
    while (!schedule.minute.holds.has(wall.minute)) {
      begin((seconds) => Math.floor(seconds / 60) * 60);
      at += 60;
      wall = wallOf(at);
      if (wall.minute === 0) continue again;
    }
    if (wall.second === 0) return at * 1000;
    cut = true;
    at += 60 - wall.second;
  }
}

function dayMatches({ day, weekday }: Schedule, wall: Civil): boolean {
  const inMonth = day.holds.has(wall.day);
  const inWeek = weekday.holds.has(wall.weekday);
  return day.any || weekday.any ? inMonth && inWeek : inMonth || inWeek;
}

function onWall(zone: Zone, wall: Parameters<typeof secondsOf>[0]): number {
  const seconds = secondsOf(wall);
  return zone === UTC ? seconds : seconds - offsetOfWall(zone, seconds);
}

function invalid(message: string, position?: number): ExpressionError {
  return new ExpressionError("EXPRESSION_INVALID", message, position === undefined ? {} : { position });
}
