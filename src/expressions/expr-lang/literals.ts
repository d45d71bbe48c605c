import { invalid } from "../pratt.ts";
import type { ExprToken } from "./lexer.ts";
import type { Node } from "./nodes.ts";

const MAX_INT = 2n ** 63n - 1n;

/** A number's node: int (a bigint, 64 bits) or float. */
export function readNumber({ text, at }: ExprToken): Node {
  const plain = text.replaceAll("_", "");
  if (plain.includes("x")) return readInt(/^0x[\da-fA-F]+$/.test(plain) ? BigInt(plain) : undefined, text, at);
  if (!/[.eE]/.test(plain)) return readInt(/^\d+$/.test(plain) ? BigInt(plain) : undefined, text, at);
  const value = parseFloatText(plain);
  if (value === undefined) throw invalid(`not a number: ${text}`, at);
  return { kind: "float", at, value };
}

function readInt(value: bigint | undefined, text: string, at: number): Node {
  if (value === undefined || value > MAX_INT) throw invalid(`not an integer of 64 bits: ${text}`, at);
  return { kind: "int", at, value };
}

/** `strconv.ParseFloat` for decimal numbers, infinities and NaN. */
export function parseFloatText(text: string): number | undefined {
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word !== null) {
    if (word[2]?.toLowerCase() === "nan") return word[1] === "" ? Number.NaN : undefined;
    return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** `strconv.Atoi`. */
export function parseIntText(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return value > MAX_INT || value < -MAX_INT - 1n ? undefined : value;
}
