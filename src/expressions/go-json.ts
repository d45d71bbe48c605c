import { CallFault, type GoValue, list, MAX_DATA_DEPTH, type Meter, mapOf } from "./go-value.ts";

const HTML = /[<>&\u2028\u2029]/g;

/** `encoding/json` Marshal: keys sorted, `<`, `>` and `&` escaped unless `raw`. `indent` per level, or none. */
export function marshalJson(
  value: GoValue,
  meter: Meter,
  form: { readonly raw?: boolean; readonly indent?: string } = {},
): string {
  return write(value, { meter, raw: form.raw ?? false, indent: form.indent ?? "", depth: 0 });
}

interface Writing {
  readonly meter: Meter;
  readonly raw: boolean;
  readonly indent: string;
  readonly depth: number;
}

function write(value: GoValue, w: Writing): string {
  if (w.depth > MAX_DATA_DEPTH) throw new CallFault("json: unsupported value: nested too deeply");
  w.meter.spend(8);
  if (value === undefined || value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string") {
    w.meter.spend(value.length);
    return stringText(value, w.raw);
  }
  if (value.go === "int") return value.value.toString();
  if (value.go === "object") return value.json();
  if (value.isNil) return "null";
  const inner = { ...w, depth: w.depth + 1 };
  if (value.go === "list")
    return group(
      "[]",
      value.items.map((item) => write(item, inner)),
      w,
    );
  const colon = w.indent === "" ? ":" : ": ";
  const parts = value.keys().map((key) => stringText(key, w.raw) + colon + write(value.get(key), inner));
  return group("{}", parts, w);
}

function group(ends: "[]" | "{}", parts: readonly string[], w: Writing): string {
  if (parts.length === 0) return ends;
  if (w.indent === "") return ends.charAt(0) + parts.join(",") + ends.charAt(1);
  w.meter.spend(parts.length * (w.depth + 1) * w.indent.length);
  const line = `\n${w.indent.repeat(w.depth)}`;
  return `${ends.charAt(0)}${line}${w.indent}${parts.join(`,${line}${w.indent}`)}${line}${ends.charAt(1)}`;
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) {
    throw new CallFault(`json: unsupported value: ${Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"}`);
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

/** JavaScript escapes what Go escapes, except for the HTML characters, U+2028, U+2029 and bytes that are not UTF-8. */
function stringText(value: string, raw: boolean): string {
  const text = JSON.stringify(value.replace(/\p{Cs}/gu, "\ufffd")).replaceAll("\ufffd", replacement(value));
  return text.replace(
    raw ? /[\u2028\u2029]/g : HTML,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Go writes invalid bytes as the escape \ufffd and a real U+FFFD as itself; only a string with both would differ. */
function replacement(value: string): string {
  return /\p{Cs}/u.test(value) ? "\\ufffd" : "\ufffd";
}

/** `json.Unmarshal` into an interface{}; throws a CallFault. Numbers become float64. */
export function unmarshalJson(text: string): GoValue {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new CallFault(text.trim() === "" ? "unexpected end of JSON input" : "invalid JSON");
  }
  return convert(parsed, 0);
}

function convert(raw: unknown, depth: number): GoValue {
  if (depth > MAX_DATA_DEPTH) throw new CallFault("json: exceeded max depth");
  switch (typeof raw) {
    case "number":
      if (!Number.isFinite(raw)) throw new CallFault("json: cannot unmarshal number into Go value of type float64");
      return raw;
    case "string":
      return raw.replace(/\p{Cs}/gu, "\ufffd");
    case "boolean":
      return raw;
    case "object":
      if (raw === null) return null;
      if (Array.isArray(raw)) return list(raw.map((item) => convert(item, depth + 1)));
      return mapOf(Object.entries(raw).map(([key, item]) => [key, convert(item, depth + 1)] as const));
    default:
      return null;
  }
}
