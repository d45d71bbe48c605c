import { TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import type { SqlConfig } from "./config.ts";
import type { SqlKind } from "./statement.ts";

/** What the drivers take, and the databases understand. */
export type SqlValue = string | number | bigint | null;

/** The values of one row, by column. */
export type Row = ReadonlyMap<string, unknown>;

/** Fixed values, and over them those of the payload. Integers keep all their digits. Throws MESSAGE_INVALID. */
export function rowOf({ columns = {} }: SqlConfig, payload: Uint8Array | undefined): Row {
  const row = new Map<string, unknown>(Object.entries(columns));
  if (payload === undefined || payload.byteLength === 0) return row;
  const read = exactJson(new TextDecoder().decode(payload));
  if (!isRecord(read)) throw new TideError("MESSAGE_INVALID", "the payload is no row: no JSON object");
  for (const [column, value] of Object.entries(read)) row.set(column, value);
  return row;
}

function exactJson(text: string): unknown {
  const exact = (_: string, value: unknown, { source = "" }: { readonly source?: string } = {}): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
  try {
    return JSON.parse(text, exact);
  } catch (cause) {
    throw new TideError("MESSAGE_INVALID", "the payload is no JSON", { cause });
  }
}

type Type = NonNullable<SqlConfig["types"]>[string];

/** A value as the database takes it. Throws MESSAGE_INVALID where it is none of its type. */
export function sqlValue(column: string, value: unknown, { type, kind }: { type: Type | undefined; kind: SqlKind }) {
  if (value === null || value === undefined) return null;
  if (type === "json") return jsonText(value);
  if (type === "timestamp") return timestamp(column, value, kind);
  if (type === "number") return numberOf(column, value);
  if (type === "boolean") return booleanOf(column, value, kind);
  if (type === "text") return typeof value === "object" ? jsonText(value) : String(value);
  return plain(column, value, kind);
}

function plain(column: string, value: unknown, kind: SqlKind): SqlValue {
  if (typeof value === "boolean") return booleanOf(column, value, kind);
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  return jsonText(value);
}

/** With all digits of integers. */
function jsonText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value ?? null);
  const members = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${jsonText(one)}`);
  return `{${members.join(",")}}`;
}

function numberOf(column: string, value: unknown): SqlValue {
  if (typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  const text = typeof value === "string" ? value.trim() : "";
  if (/^-?\d{1,40}$/.test(text)) {
    const whole = BigInt(text);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  }
  // decimals as text: a column of type DECIMAL takes all of its digits
  if (/^-?(?:\d{1,100}\.?\d{0,100}|\.\d{1,100})(?:[eE][+-]?\d{1,3})?$/.test(text)) return text;
  throw invalid(column, value, "no number");
}

function booleanOf(column: string, value: unknown, kind: SqlKind): SqlValue {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false, "1": true, "0": false };
  const word = String(value);
  const read = Object.hasOwn(words, word) ? words[word] : undefined;
  if (read === undefined) throw invalid(column, value, "neither true nor false");
  if (kind === "postgres") return String(read);
  return read ? 1 : 0;
}

/** Unix time is told apart by its size: seconds until the year 5138, milliseconds until then, microseconds above. */
function timestamp(column: string, value: unknown, kind: SqlKind): SqlValue {
  const us = microseconds(value);
  if (us === undefined) throw invalid(column, value, "no time");
  const ms = Math.floor(us / 1000);
  const iso = new Date(ms).toISOString();
  const text = `${iso.slice(0, 19)}.${String(Math.round(us - Math.floor(us / 1e6) * 1e6)).padStart(6, "0")}`;
  // MySQL takes no Z; the session's zone is UTC
  return kind === "mysql" ? text.replace("T", " ") : `${text}Z`;
}

const lastSecond = 1e11;

function microseconds(value: unknown): number | undefined {
  const given = typeof value === "bigint" ? Number(value) : value;
  const numeric = typeof given === "string" && /^\d{9,16}(?:\.\d+)?$/.test(given) ? Number(given) : given;
  if (typeof numeric === "number") {
    if (!(numeric >= 0) || numeric >= 253_402_300_800e6) return undefined;
    if (numeric < lastSecond) return Math.round(numeric * 1e6);
    return numeric < lastSecond * 1000 ? Math.round(numeric * 1000) : Math.round(numeric);
  }
  if (typeof numeric !== "string") return undefined;
  const [, , fraction = ""] =
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:?\d\d)$/i.exec(numeric) ?? [];
  const ms = Date.parse(numeric.replace(" ", "T"));
  if (Number.isNaN(ms) || !/^\d{4}-/.test(numeric) || !/(?:Z|[+-]\d\d:?\d\d)$/i.test(numeric)) return undefined;
  return Math.floor(ms / 1000) * 1e6 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function invalid(column: string, value: unknown, why: string): TideError {
  const shown = typeof value === "object" ? "it" : JSON.stringify(String(value)).slice(0, 100);
  return new TideError("MESSAGE_INVALID", `column ${column}: ${shown} is ${why}`);
}
