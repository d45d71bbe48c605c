import { compareText } from "../go-text.ts";
import { failed, MAX_DATA_DEPTH, tooDeep } from "../pratt.ts";
import { GoDuration, GoTime, isoTime } from "./times.ts";
import { AnyMap, FunctionValue, isMap, mapGet, mapKeys, NilList } from "./values.ts";

/** `json.Marshal`, or `json.MarshalIndent` where `indent` is not empty: keys in order, `<`, `>` and `&` escaped. */
export function toGoJson(value: unknown, indent: string): string {
  return write(value, indent, 0);
}

function write(value: unknown, indent: string, depth: number): string {
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (value === null || value === undefined || value instanceof NilList) return "null";
  if (typeof value === "string") return writeText(value);
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return writeFloat(value);
  if (Array.isArray(value)) {
    const items = Array.from(value, (item: unknown) => write(item, indent, depth + 1));
    return enclose(items, ["[", "]"], indent, depth);
  }
  if (value instanceof GoTime) return writeText(isoTime(value));
  if (value instanceof GoDuration) return String(value.ns);
  if (!isMap(value) || value instanceof AnyMap || value instanceof FunctionValue) {
    throw failed("JSON has no maps with keys that are not strings, and no functions");
  }
  const colon = indent === "" ? ":" : ": ";
  const keys = mapKeys(value).map(String).sort(compareText);
  const members = keys.map((key) => writeText(key) + colon + write(mapGet(value, key), indent, depth + 1));
  return enclose(members, ["{", "}"], indent, depth);
}

function enclose(
  parts: readonly string[],
  [open, close]: readonly [string, string],
  indent: string,
  depth: number,
): string {
  if (parts.length === 0) return open + close;
  if (indent === "") return open + parts.join(",") + close;
  const line = `\n${indent.repeat(depth + 1)}`;
  return `${open}${line}${parts.join(`,${line}`)}\n${indent.repeat(depth)}${close}`;
}

function writeFloat(value: number): string {
  if (!Number.isFinite(value)) throw failed("JSON has no infinite numbers and no NaN");
  return Object.is(value, -0) ? "-0" : String(value);
}

function writeText(text: string): string {
  // A byte that is not UTF-8 becomes the escape of U+FFFD, not the character.
  const quoted = text.isWellFormed()
    ? JSON.stringify(text)
    : `"${text
        .split(/\p{Cs}/u)
        .map(inner)
        .join("\\ufffd")}"`;
  return quoted.replaceAll(/[<>&\u2028\u2029]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function inner(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
