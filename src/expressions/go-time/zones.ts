import { ZONE_NAMES } from "./zone-names.ts";

/** A `*time.Location`: what clocks show in a place. */
export interface Zone {
  readonly name: string;
  /** Seconds ahead of UTC at a moment, and the abbreviation then in use ("CEST"; "+03" where there is none). */
  at(seconds: number): { readonly offset: number; readonly abbreviation: string };
}

export const UTC: Zone = { name: "UTC", at: () => ({ offset: 0, abbreviation: "UTC" }) };

export function fixedZone(name: string, offset: number): Zone {
  return { name, at: () => ({ offset, abbreviation: name }) };
}

/**
 * `time.LoadLocation` on the time zones of Node's ICU; undefined for an unknown name. "" and "UTC" are UTC. Making one
 * costs tens of microseconds: keep it. Abbreviations of moments before about 1920 (LMT and the like) are offsets here.
 */
export function loadZone(name: string): Zone | undefined {
  if (name === "" || name === "UTC") return UTC;
  // ICU also takes "+03:00" and names in any case; Go wants a name of the database.
  if (!/^[A-Z][A-Za-z0-9_+\-/]*$/.test(name)) return undefined;
  const clock = formatter(name);
  if (clock === undefined) return undefined;
  const naming = NAMING_LOCALES.map(
    (locale) => new Intl.DateTimeFormat(locale, { timeZone: name, timeZoneName: "short" }),
  );
  return {
    name,
    at: (seconds) => {
      const offset = offsetAt(clock, seconds);
      return {
        offset,
        // asked for by few, and ten times as dear
        get abbreviation() {
          return abbreviationAt({ name, naming, offset, offsetOf: (s) => offsetAt(clock, s) }, seconds);
        },
      };
    },
  };
}

/** English ICU data name the zones of a reader's own region only. */
const NAMING_LOCALES: readonly string[] = ["en-US", "en-GB", "en-AU", "en-CA", "en-NZ"];

function formatter(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    return undefined;
  }
}

/** The years a Date can hold; beyond them the rule of the nearest end is used. */
const MAX_DATE_SECONDS = 8.6e12;

function dateOf(seconds: number): Date {
  return new Date(Math.max(-MAX_DATE_SECONDS, Math.min(MAX_DATE_SECONDS, seconds)) * 1000);
}

function offsetAt(clock: Intl.DateTimeFormat, seconds: number): number {
  const date = dateOf(seconds);
  const part = new Map<string, string>();
  for (const { type, value } of clock.formatToParts(date)) part.set(type, value);
  const number = (type: string): number => Number(part.get(type) ?? "0");
  const year = part.get("era") === "BC" ? 1 - number("year") : number("year");
  const shown = new Date(0);
  shown.setUTCFullYear(year, number("month") - 1, number("day"));
  shown.setUTCHours(number("hour"), number("minute"), number("second"));
  return Math.round(shown.getTime() / 1000 - Math.floor(date.getTime() / 1000));
}

interface Naming {
  readonly name: string;
  readonly naming: readonly Intl.DateTimeFormat[];
  readonly offset: number;
  readonly offsetOf: (seconds: number) => number;
}

/** ICU has names from 1970 on, and not for ever: outside, a name of the same offset is used (winter and summer of 2024, 1985). */
const NAMED_YEARS: readonly number[] = [1_705_276_800, 1_721_001_600, 474_595_200, 490_233_600];

function englishName(naming: readonly Intl.DateTimeFormat[], seconds: number): string | undefined {
  const date = dateOf(seconds);
  for (const format of naming) {
    const shown = format.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value ?? "";
    if (shown !== "" && !/^(GMT|UTC)./.test(shown)) return shown;
  }
  return undefined;
}

function abbreviationAt(zone: Naming, seconds: number): string {
  const known = ZONE_NAMES.get(zone.name);
  if (known === "") return offsetName(zone.offset);
  if (known !== undefined) {
    const half = 182 * 86_400;
    const winter = Math.min(zone.offsetOf(seconds - half), zone.offset, zone.offsetOf(seconds + half));
    const [standard = "", summer = standard] = known.split(" ");
    return zone.offset > winter ? summer : standard;
  }
  for (const at of [seconds, ...NAMED_YEARS]) {
    const shown = at === seconds || zone.offsetOf(at) === zone.offset ? englishName(zone.naming, at) : undefined;
    if (shown !== undefined) return shown;
  }
  return offsetName(zone.offset);
}

/** "+03", "+0545". */
function offsetName(offset: number): string {
  const size = Math.abs(offset);
  const sign = offset < 0 ? "-" : "+";
  const minutes = Math.floor(size / 60) % 60;
  return (
    sign + String(Math.floor(size / 3600)).padStart(2, "0") + (minutes === 0 ? "" : String(minutes).padStart(2, "0"))
  );
}
