import { quoteText } from "../go-quote.ts";
import { toBytes } from "../go-text.ts";
import {
  CallFault,
  type GoInt,
  type GoList,
  type GoMap,
  type GoValue,
  MAX_DATA_DEPTH,
  type Meter,
  typeName,
} from "../go-value.ts";
import { type Flags, PLAIN, pad } from "./flags.ts";
import { formatDouble, formatInt } from "./numbers.ts";

interface Verb {
  readonly verb: string;
  readonly flags: Flags;
  readonly meter: Meter;
}

/** One operand under one verb, as `fmt.Printf` does it. */
export function printArg(value: GoValue, as: Verb): string {
  if (value === undefined || value === null) {
    return as.verb === "v" || as.verb === "T" ? pad("<nil>", as.flags) : badVerb(value, as);
  }
  if (as.verb === "T") return printString(typeName(value), "s", as.flags) ?? "";
  return printValue(value, as, 0);
}

function printValue(value: GoValue, as: Verb, depth: number): string {
  if (depth > MAX_DATA_DEPTH) throw new CallFault("data nested too deeply to print");
  const { verb, flags, meter } = as;
  meter.spend(8);
  if (value === undefined || value === null) return flags.sharpV ? "interface {}(nil)" : "<nil>";
  if (typeof value === "string") {
    meter.spend(value.length);
    return printString(value, verb, flags) ?? badVerb(value, as);
  }
  if (typeof value === "number") return printNumber(value, as);
  if (typeof value === "boolean") {
    return verb === "t" || verb === "v" ? pad(String(value), flags) : badVerb(value, as);
  }
  if (value.go === "list") return printList(value, as, depth);
  if (value.go === "map") return printMap(value, as, depth);
  if (value.go === "object") return printString(value.print(), verb, flags) ?? badVerb(value, as);
  return printInt(value, as);
}

function printNumber(value: number, as: Verb): string {
  if (as.flags.sharpV) return formatDouble(value, "g", PLAIN) ?? "";
  return formatDouble(value, as.verb, as.flags) ?? badVerb(value, as);
}

function printInt(value: GoInt, as: Verb): string {
  const named = value.text !== undefined && !as.flags.sharpV ? printString(value.text, as.verb, as.flags) : undefined;
  if (named !== undefined) return named;
  const flags = as.flags.sharpV ? { ...as.flags, sharp: value.type.startsWith("uint") } : as.flags;
  const verb = as.flags.sharpV && value.type.startsWith("uint") ? "x" : as.verb;
  return formatInt(value.value, verb, flags) ?? badVerb(value, as);
}

/** A string under a verb; undefined when the verb is not one for strings. */
function printString(text: string, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case "v":
      return flags.sharpV ? quoted(text, flags) : pad(cut(text, flags), flags);
    case "s":
      return pad(cut(text, flags), flags);
    case "q":
      return quoted(text, flags);
    case "x":
    case "X":
      return hexText(text, verb, flags);
    default:
      return undefined;
  }
}

/** The precision of a string counts characters. */
function cut(text: string, flags: Flags): string {
  if (flags.precision === undefined || text.length <= flags.precision) return text;
  return Array.from(text).slice(0, flags.precision).join("");
}

function quoted(text: string, flags: Flags): string {
  const shown = cut(text, flags);
  const backquotable = flags.sharp && !/[`\p{Cs}\u007f\ufeff]/u.test(shown) && !hasControl(shown);
  return pad(backquotable ? `\`${shown}\`` : quoteText(shown, flags.plus), flags);
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20 && text.charAt(i) !== "\t") return true;
  return false;
}

function hexText(text: string, verb: string, flags: Flags): string {
  const bytes = toBytes(text).subarray(0, flags.precision);
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  const prefix = flags.sharp && digits.length > 0 ? "0x" : "";
  const out = prefix + digits.join(flags.space ? ` ${prefix}` : "");
  const cased = verb === "X" ? out.toUpperCase() : out;
  return pad(cased, flags);
}

function printList(value: GoList, as: Verb, depth: number): string {
  const items = value.items.map((item) => printValue(item, as, depth + 1));
  if (!as.flags.sharpV) return `[${items.join(" ")}]`;
  return value.isNil ? `${typeName(value)}(nil)` : `${typeName(value)}{${items.join(", ")}}`;
}

function printMap(value: GoMap, as: Verb, depth: number): string {
  const entries = value.keys().map((key) => {
    const shown = printValue(key, as, depth + 1);
    return `${shown}:${printValue(value.get(key) ?? null, as, depth + 1)}`;
  });
  if (!as.flags.sharpV) return `map[${entries.join(" ")}]`;
  return value.isNil ? `${typeName(value)}(nil)` : `${typeName(value)}{${entries.join(", ")}}`;
}

function badVerb(value: GoValue, as: Verb): string {
  if (value === undefined || value === null) return `%!${as.verb}(<nil>)`;
  return `%!${as.verb}(${typeName(value)}=${printValue(value, { ...as, verb: "v", flags: { ...as.flags, sharpV: false } }, 0)})`;
}

/** `%v` without flags: what an action prints. */
export function printPlain(value: GoValue, meter: Meter): string {
  if (typeof value === "string") return value;
  return printArg(value, { verb: "v", flags: PLAIN, meter });
}
