import { daysIn, type Instant, isLeap, MONTHS, secondsOf, WEEKDAYS } from "./civil.ts";
import { type Chunk, chunksOf, type Field } from "./layout.ts";
import { fixedZone, UTC, type Zone } from "./zones.ts";

/** A time read from text, or what is wrong with the text. */
export type ParsedTime =
  | { readonly ok: true; readonly instant: Instant; readonly zone: Zone }
  | { readonly ok: false; readonly reason: string };

interface Reading {
  rest: string;
  year: number;
  month: number;
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanos: number;
  half: "AM" | "PM" | undefined;
  zone: Zone | undefined;
  offset: number | undefined;
  zoneName: string;
}

/** What a field is out of: a fault that names the range, unlike text that does not fit. */
class OutOfRange {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}
const MISFIT = Symbol("misfit");

/** `time.ParseInLocation`: a text without a zone is in `zone`. */
export function parseTime(layout: string, text: string, zone: Zone): ParsedTime {
  const reading: Reading = {
    rest: text,
    year: 0,
    month: -1,
    day: -1,
    yearDay: -1,
    hour: 0,
    minute: 0,
    second: 0,
    nanos: 0,
    half: undefined,
    zone: undefined,
    offset: undefined,
    zoneName: "",
  };
  try {
    const chunks = chunksOf(layout);
    chunks.forEach((chunk, i) => {
      readChunk(reading, chunk, chunks[i + 1]);
    });
    if (reading.rest !== "") return fault(text, `: extra text: ${JSON.stringify(reading.rest)}`);
    return { ok: true, ...resolve(reading, zone) };
  } catch (cause) {
    if (cause instanceof OutOfRange) return fault(text, `: ${cause.what} out of range`);
    if (cause === MISFIT) {
      return fault(text, ` as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(reading.rest)}`);
    }
    throw cause;
  }
}

function fault(text: string, why: string): ParsedTime {
  return { ok: false, reason: `parsing time ${JSON.stringify(text)}${why}` };
}

function readChunk(r: Reading, chunk: Chunk, next: Chunk | undefined): void {
  skip(r, chunk.prefix);
  if (chunk.field === undefined) return;
  readField(r, chunk.field);
  // A fraction is accepted after the seconds even when the layout has none.
  const more = next?.prefix === "" ? next.field?.name : undefined;
  if ((chunk.field.name === "5" || chunk.field.name === "05") && more !== "frac0" && more !== "frac9") {
    const digits = /^[.,][0-9]+/.exec(r.rest)?.[0];
    if (digits !== undefined) r.nanos = takeFraction(r, digits.length);
  }
}

/** Literal text must match; a space in the layout stands for any number of spaces. */
function skip(r: Reading, prefix: string): void {
  let left = prefix;
  while (left !== "") {
    if (left.startsWith(" ")) {
      if (r.rest !== "" && !r.rest.startsWith(" ")) throw MISFIT;
      left = left.replace(/^ +/, "");
      r.rest = r.rest.replace(/^ +/, "");
    } else {
      if (r.rest === "" || r.rest.charAt(0) !== left.charAt(0)) throw MISFIT;
      left = left.slice(1);
      r.rest = r.rest.slice(1);
    }
  }
}

/** Takes what the pattern matches at the front. */
function take(r: Reading, pattern: RegExp): string {
  const found = pattern.exec(r.rest)?.[0];
  if (found === undefined) throw MISFIT;
  r.rest = r.rest.slice(found.length);
  return found;
}

function takeNumber(r: Reading, fixed: boolean): number {
  return Number(take(r, fixed ? /^[0-9]{2}/ : /^[0-9]{1,2}/));
}

function within(value: number, from: number, to: number, what: string): number {
  if (value < from || value > to) throw new OutOfRange(what);
  return value;
}

function takeName(r: Reading, names: readonly string[]): number {
  const index = names.findIndex((name) => r.rest.slice(0, name.length).toLowerCase() === name.toLowerCase());
  if (index < 0) throw MISFIT;
  r.rest = r.rest.slice(names[index]?.length ?? 0);
  return index;
}

const shortNames = (names: readonly string[]): readonly string[] => names.map((name) => name.slice(0, 3));

function readField(r: Reading, field: Field): void {
  switch (field.name) {
    case "06": {
      const year = Number(take(r, /^[0-9]{2}/));
      r.year = year >= 69 ? 1900 + year : 2000 + year;
      return;
    }
    case "2006":
      r.year = Number(take(r, /^[0-9]{4}/));
      return;
    case "Jan":
      r.month = takeName(r, shortNames(MONTHS)) + 1;
      return;
    case "January":
      r.month = takeName(r, MONTHS) + 1;
      return;
    case "1":
    case "01":
      r.month = within(takeNumber(r, field.name === "01"), 1, 12, "month");
      return;
    case "Mon":
      takeName(r, shortNames(WEEKDAYS));
      return;
    case "Monday":
      takeName(r, WEEKDAYS);
      return;
    case "2":
    case "_2":
    case "02":
      if (field.name === "_2" && r.rest.startsWith(" ")) r.rest = r.rest.slice(1);
      r.day = takeNumber(r, field.name === "02");
      return;
    case "__2":
    case "002":
      if (field.name === "__2") r.rest = r.rest.replace(/^ {1,2}/, "");
      r.yearDay = Number(take(r, field.name === "002" ? /^[0-9]{3}/ : /^[0-9]{1,3}/));
      return;
    default:
      readClock(r, field);
  }
}

function readClock(r: Reading, field: Field): void {
  switch (field.name) {
    case "15":
      r.hour = within(takeNumber(r, false), 0, 23, "hour");
      return;
    case "3":
    case "03":
      r.hour = within(takeNumber(r, field.name === "03"), 0, 12, "hour");
      return;
    case "4":
    case "04":
      r.minute = within(takeNumber(r, field.name === "04"), 0, 59, "minute");
      return;
    case "5":
    case "05":
      r.second = within(takeNumber(r, field.name === "05"), 0, 59, "second");
      return;
    case "PM":
      r.half = take(r, /^[AP]M/) === "PM" ? "PM" : "AM";
      return;
    case "pm":
      r.half = take(r, /^[ap]m/) === "pm" ? "PM" : "AM";
      return;
    case "frac0":
      if (!/^[.,][0-9]/.test(r.rest) || r.rest.length < field.text.length) throw MISFIT;
      r.nanos = takeFraction(r, field.text.length);
      return;
    case "frac9": {
      const digits = /^[.,][0-9]+/.exec(r.rest)?.[0];
      if (digits !== undefined) r.nanos = takeFraction(r, digits.length);
      return;
    }
    case "MST":
      readZoneName(r);
      return;
    default:
      readOffset(r, field.name);
  }
}

/** `length` counts the point; digits beyond nanoseconds are dropped. */
function takeFraction(r: Reading, length: number): number {
  const text = r.rest.slice(0, length);
  if (!/^[.,][0-9]+$/.test(text)) throw MISFIT;
  r.rest = r.rest.slice(length);
  return Number(text.slice(1, 10).padEnd(9, "0"));
}

function readOffset(r: Reading, field: string): void {
  if (field.startsWith("Z") && r.rest.startsWith("Z")) {
    r.rest = r.rest.slice(1);
    r.zone = UTC;
    return;
  }
  const shape = field.slice(1).replace(/0[07]/g, "[0-9]{2}");
  const text = take(r, new RegExp(`^[+-]${shape}`));
  const [hours = 0, minutes = 0, seconds = 0] = (text.match(/[0-9]{2}/g) ?? []).map(Number);
  within(hours, 0, 24, "time zone offset hour");
  within(minutes, 0, 60, "time zone offset minute");
  within(seconds, 0, 60, "time zone offset second");
  r.offset = (text.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
}

/** An abbreviation: three or four capitals (or five ending in T), "GMT+3", "+03", "ChST", "MeST". */
function readZoneName(r: Reading): void {
  if (r.rest.startsWith("UTC")) {
    r.rest = r.rest.slice(3);
    r.zone = UTC;
    return;
  }
  const special =
    /^(?:ChST|MeST)/.exec(r.rest) ?? /^GMT(?:[+-][0-9]{1,2})?/.exec(r.rest) ?? /^[+-][0-9]{1,2}/.exec(r.rest);
  const capitals = /^[A-Z]*/.exec(r.rest)?.[0] ?? "";
  const fits =
    capitals.length === 3 ||
    (capitals.length === 4 && (capitals.endsWith("T") || capitals === "WITA")) ||
    (capitals.length === 5 && capitals.endsWith("T"));
  const name = special?.[0] ?? (fits ? capitals : undefined);
  if (name === undefined) throw MISFIT;
  r.zoneName = name;
  r.rest = r.rest.slice(name.length);
}

function resolve(r: Reading, local: Zone): { instant: Instant; zone: Zone } {
  if (r.half === "PM" && r.hour < 12) r.hour += 12;
  else if (r.half === "AM" && r.hour === 12) r.hour = 0;
  resolveDay(r);
  const wall = secondsOf(r);
  const at = (seconds: number, zone: Zone): { instant: Instant; zone: Zone } => ({
    instant: { seconds, nanos: r.nanos },
    zone,
  });
  if (r.zone !== undefined) return at(wall - offsetOfWall(r.zone, wall), r.zone);
  if (r.offset !== undefined) {
    const seconds = wall - r.offset;
    const here = local.at(seconds);
    const isHere = here.offset === r.offset && (r.zoneName === "" || r.zoneName === here.abbreviation);
    return at(seconds, isHere ? local : fixedZone(r.zoneName, r.offset));
  }
  if (r.zoneName !== "") {
    const known = offsetOfName(local, r.zoneName, wall);
    if (known !== undefined) return at(wall - known, local);
    // An unknown abbreviation is a name only: the clock is read as UTC. Of "GMT+3" Go knows the offset, and shows the time
    // in it, but reads the clock as UTC all the same.
    const offset = /^GMT[+-]/.test(r.zoneName) ? Number(r.zoneName.slice(3)) * 3600 : 0;
    return at(wall, fixedZone(r.zoneName, offset));
  }
  return at(wall - offsetOfWall(local, wall), local);
}

function resolveDay(r: Reading): void {
  if (r.yearDay >= 0) {
    within(r.yearDay, 1, isLeap(r.year) ? 366 : 365, "day-of-year");
    let month = 1;
    let day = r.yearDay;
    for (; day > daysIn(month, r.year); month++) day -= daysIn(month, r.year);
    if ((r.month >= 0 && r.month !== month) || (r.day >= 0 && r.day !== day)) {
      throw new OutOfRange(
        r.month >= 0 && r.month !== month ? "day-of-year does not match month" : "day-of-year does not match day",
      );
    }
    r.month = month;
    r.day = day;
  }
  if (r.month < 0) r.month = 1;
  if (r.day < 0) r.day = 1;
  within(r.day, 1, daysIn(r.month, r.year), "day");
}

/** The offset of a wall clock reading; in a gap or an overlap, Go's choice. */
export function offsetOfWall(zone: Zone, wall: number): number {
  const { offset } = zone.at(wall);
  return offset === 0 ? 0 : zone.at(wall - offset).offset;
}

function offsetOfName(zone: Zone, name: string, wall: number): number | undefined {
  const half = 182 * 86_400;
  for (const seconds of [wall, wall - half, wall + half]) {
    const there = zone.at(seconds);
    if (there.abbreviation === name) return there.offset;
  }
  return undefined;
}
