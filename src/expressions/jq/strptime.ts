import { civilOf, secondsOf } from "../go-time.ts";
import { COMPOUND, MONTHS, type Moment, WEEKDAYS } from "./strftime.ts";
import { Misfit, type Reading } from "./strptime-reading.ts";
import { zone, zoneName } from "./strptime-zone.ts";

/**
 * C's strptime as the peer has it (timefmt-go). Answers the reason where the text does not fit. The zones of `%Z` are
 * names without an offset, as for Go in UTC.
 */
export function strptime(source: string, format: string): Moment | string {
  const r: Reading = {
    source,
    at: 0,
    year: 1900,
    month: 1,
    day: 0,
    yearDay: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanos: 0,
    offset: 0,
    century: -1,
    pm: false,
    week: 0,
    weekStart: -1,
    weekday: 0,
    hasIsoYear: false,
  };
  try {
    for (let i = 0; i < format.length; i++) {
      if (format.charAt(i) !== "%") literal(r, format.charAt(i));
      else i = directive(r, format, i + 1);
    }
    if (r.at < source.length) throw new Misfit(`unparsed string ${JSON.stringify(source.slice(r.at))}`);
    return finished(r);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return `failed to parse ${JSON.stringify(source)} with ${JSON.stringify(format)}: ${error.reason}`;
  }
}

function literal(r: Reading, sign: string): void {
  if (r.source.charAt(r.at) !== sign) throw new Misfit(`expected '${sign}'`);
  r.at += 1;
}

/** Reads what the directive at `i` asks for; answers the place of its last letter. */
function directive(r: Reading, format: string, i: number): number {
  if (i >= format.length) throw new Misfit('stray "%"');
  const colons = /^:{1,3}(?=z)/.exec(format.slice(i))?.[0] ?? "";
  const letter = format.charAt(i + colons.length);
  if (letter === ":") {
    const given = /^:+/.exec(format.slice(i))?.[0].slice(0, 3) ?? ":";
    throw new Misfit(`expected 'z' after "%${given}"`);
  }
  const compound = COMPOUND.get(letter);
  if (letter === "z") zone(r, colons.length);
  else if (compound !== undefined) {
    for (const part of compound) if (!isField(r, part)) literal(r, part);
  } else if (letter === "%") literal(r, "%");
  else if (!isField(r, letter)) throw new Misfit(`unexpected format "%${letter}"`);
  return i + colons.length;
}

function isField(r: Reading, letter: string): boolean {
  return isDate(r, letter) || isWeek(r, letter) || isClock(r, letter);
}

interface Limits {
  readonly most: number;
  readonly least: number;
  readonly highest: number;
}

function number(r: Reading, letter: string, { most, least, highest }: Limits): number {
  let end = r.at;
  while (end < r.at + most && /^\d$/.test(r.source.charAt(end))) end += 1;
  const value = Number(r.source.slice(r.at, end));
  if (end === r.at || value < least || value > highest) throw new Misfit(`cannot parse "%${letter}"`);
  r.at = end;
  return value;
}

function sign(r: Reading): number {
  if (r.source.charAt(r.at) !== "-") return 1;
  r.at += 1;
  return -1;
}

function oneOf(r: Reading, letter: string, words: readonly string[]): number {
  const found = words.findIndex(
    (text) => r.source.slice(r.at, r.at + text.length).toLowerCase() === text.toLowerCase(),
  );
  const text = words[found];
  if (text === undefined) throw new Misfit(`cannot parse "%${letter}"`);
  r.at += text.length;
  return found + 1;
}

function short(words: readonly string[]): string[] {
  return words.map((text) => text.slice(0, 3));
}

function isDate(r: Reading, letter: string): boolean {
  switch (letter) {
    case "G":
    case "Y":
      r.hasIsoYear ||= letter === "G";
      r.year = sign(r) * number(r, letter, { most: 4, least: 0, highest: 9999 });
      return true;
    case "g":
    case "y": {
      r.hasIsoYear ||= letter === "g";
      const year = number(r, letter, { most: 2, least: 0, highest: 99 });
      r.year = year < 69 ? year + 2000 : year + 1900;
      return true;
    }
    case "C":
      if (sign(r) < 0) throw new Misfit('negative century is not supported for "%C"');
      r.century = number(r, letter, { most: 2, least: 0, highest: 99 });
      return true;
    case "m":
      r.month = number(r, letter, { most: 2, least: 1, highest: 12 });
      return true;
    case "B":
      r.month = oneOf(r, letter, MONTHS);
      return true;
    case "b":
    case "h":
      r.month = oneOf(r, letter, short(MONTHS));
      return true;
    case "e":
    case "d":
      if (letter === "e" && r.source.charAt(r.at) === " ") r.at += 1;
      r.day = number(r, letter, { most: 2, least: 1, highest: 31 });
      return true;
    case "j":
      r.yearDay = number(r, letter, { most: 3, least: 1, highest: 366 });
      return true;
    default:
      return false;
  }
}

function isWeek(r: Reading, letter: string): boolean {
  switch (letter) {
    case "A":
      r.weekday = oneOf(r, letter, WEEKDAYS);
      return true;
    case "a":
      r.weekday = oneOf(r, letter, short(WEEKDAYS));
      return true;
    case "w":
      r.weekday = number(r, letter, { most: 1, least: 0, highest: 6 }) + 1;
      return true;
    case "u":
      r.weekday = (number(r, letter, { most: 1, least: 1, highest: 7 }) % 7) + 1;
      return true;
    case "V":
      r.week = number(r, letter, { most: 2, least: 1, highest: 53 });
      r.weekStart = 4;
      r.weekday ||= 2;
      return true;
    case "U":
    case "W":
      r.week = number(r, letter, { most: 2, least: 0, highest: 53 });
      r.weekStart = letter === "U" ? 0 : 1;
      r.weekday ||= letter === "U" ? 1 : 2;
      return true;
    default:
      return false;
  }
}

function isClock(r: Reading, letter: string): boolean {
  switch (letter) {
    case "k":
    case "H":
      if (letter === "k" && r.source.charAt(r.at) === " ") r.at += 1;
      r.hour = number(r, letter, { most: 2, least: 0, highest: 23 });
      return true;
    case "l":
    case "I":
      if (letter === "l" && r.source.charAt(r.at) === " ") r.at += 1;
      r.hour = number(r, letter, { most: 2, least: 1, highest: 12 }) % 12;
      return true;
    case "P":
    case "p":
      r.pm = oneOf(r, letter, ["AM", "PM"]) === 2;
      return true;
    case "M":
      r.minute = number(r, letter, { most: 2, least: 0, highest: 59 });
      return true;
    case "S":
      r.second = number(r, letter, { most: 2, least: 0, highest: 60 });
      return true;
    case "s":
      epoch(r);
      return true;
    case "f": {
      const start = r.at;
      const value = number(r, letter, { most: 6, least: 0, highest: 999_999 });
      r.nanos = value * 10 ** (6 - (r.at - start)) * 1000;
      return true;
    }
    case "Z":
      zoneName(r);
      return true;
    case "t":
    case "n": {
      const start = r.at;
      while (/^[ \t\n\v\f\r]$/.test(r.source.charAt(r.at))) r.at += 1;
      if (start === r.at) throw new Misfit(`expected a space for "%${letter}"`);
      return true;
    }
    default:
      return false;
  }
}

function epoch(r: Reading): void {
  const seconds = sign(r) * number(r, "s", { most: 19, least: 0, highest: Number.POSITIVE_INFINITY });
  if (Math.abs(seconds) >= 2 ** 53) throw new Misfit('cannot parse "%s"');
  const { year, month, day, hour, minute, second } = civilOf(seconds);
  Object.assign(r, { year, month, day, hour, minute, second });
}

function finished(r: Reading): Moment {
  const hour = r.pm ? r.hour + 12 : r.hour;
  const year = r.century >= 0 ? r.century * 100 + (r.year % 100) : r.year;
  const clock = { hour, minute: r.minute, second: r.second };
  const at = (month: number, day: number): Moment => ({
    seconds: secondsOf({ year, month, day, ...clock }) - r.offset,
    nanos: r.nanos,
  });
  if (r.day > 0) return at(r.month, r.day);
  if (r.yearDay > 0) {
    if (r.hasIsoYear) throw new Misfit('use "%Y" to parse non-ISO year for "%j"');
    return at(1, r.yearDay);
  }
  if (r.weekStart < 0) return at(r.month, 1);
  if (r.weekStart === 4 && !r.hasIsoYear) throw new Misfit('use "%G" to parse ISO year for "%V"');
  if (r.weekStart !== 4 && r.hasIsoYear) throw new Misfit('use "%Y" to parse non-ISO year for "%U" or "%W"');
  const week = r.weekStart > 0 && r.weekday === 1 ? r.week + 1 : r.week;
  const base = civilOf(secondsOf({ year, month: 1, day: -r.weekStart }));
  return at(1, -r.weekStart + week * 7 - base.weekday + r.weekday - 1);
}
