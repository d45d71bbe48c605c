import { Misfit, type Reading } from "./strptime-reading.ts";

/** What Go takes for the abbreviation of a zone. */
const ZONE = /^(?:[A-Z]{3}|[A-Z]{3}T|WITA|[A-Z]{4}T)$/;

/** Reads `%Z`. */
export function zoneName(r: Reading): void {
  const name = /^[A-Z]*/.exec(r.source.slice(r.at, r.at + 8))?.[0] ?? "";
  const isGmt = name.startsWith("GMT");
  if (!ZONE.test(name) || (isGmt && name !== "GMT")) throw new Misfit(`cannot parse ${JSON.stringify(name)} with "%Z"`);
  r.at += name.length;
}

/** `+hhmm`, `+hh:mm`, `+hh`; with colons in the format those must be there, with three the minutes need not. */
export function zone(r: Reading, colons: number): void {
  const rest = r.source.slice(r.at, r.at + 10);
  const asked = `%${":".repeat(colons)}z`;
  if (rest.startsWith("Z")) {
    r.offset = 0;
    r.at += 1;
    return;
  }
  const hours = /^[+-]([01]\d|2[0-3])/.exec(rest);
  if (hours === null) throw new Misfit(`cannot parse "${asked}"`);
  const found = zoneRest(rest.slice(3), colons, asked);
  const size = (Number(hours[1]) * 60 + found.minutes) * 60 + found.seconds;
  r.offset = rest.startsWith("-") ? -size : size;
  r.at += 3 + found.length;
}

function zoneRest(rest: string, colons: number, asked: string): { minutes: number; seconds: number; length: number } {
  const hasColon = rest.startsWith(":");
  if (!hasColon && (colons === 1 || colons === 2)) throw new Misfit(`expected ':' for "${asked}"`);
  const from = hasColon ? 1 : 0;
  const minutes = /^[0-5]\d/.exec(rest.slice(from))?.[0];
  if (minutes === undefined) {
    if (colons === 1 || colons === 2 || (hasColon && colons === 0)) throw new Misfit(`cannot parse "${asked}"`);
    return { minutes: 0, seconds: 0, length: from };
  }
  const length = from + 2;
  const wantsSeconds = colons > 1 || (colons === 0 && hasColon);
  const seconds = wantsSeconds ? /^:([0-5]\d)/.exec(rest.slice(length))?.[1] : undefined;
  if (seconds !== undefined) return { minutes: Number(minutes), seconds: Number(seconds), length: length + 3 };
  if (colons === 2) throw new Misfit(`${rest.charAt(length) === ":" ? "cannot parse" : "expected ':' for"} "${asked}"`);
  return { minutes: Number(minutes), seconds: 0, length };
}
