import { parseFloat64 } from "../go-number.ts";
import { unquoteText } from "../go-quote.ts";
import type { NumberNode } from "./nodes.ts";

const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);

/** A number or character literal; a string says what is wrong with it. */
export function numberNode(text: string, pos: number): NumberNode | string {
  if (text.startsWith("'")) return charNode(text, pos);
  if (text.endsWith("i") && !/^[+-]?0[xX]/.test(text)) return `complex numbers are not supported: ${text}`;
  const whole = parseInteger(text);
  if (whole !== undefined) {
    if (whole > (1n << 64n) - 1n || whole < MIN_INT) return `integer overflow: "${text}"`;
    const fits = whole <= MAX_INT;
    return {
      kind: "number",
      pos,
      text,
      int: fits ? whole : undefined,
      float: Number(whole),
      ideal: fits ? "int" : "overflow",
    };
  }
  const float = parseFloat64(text);
  if (float === undefined || !/[.eEpP]/.test(text)) return `illegal number syntax: "${text}"`;
  const isInt = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { kind: "number", pos, text, int: isInt ? BigInt(float) : undefined, float, ideal: "float" };
}

function charNode(text: string, pos: number): NumberNode | string {
  const rune = unquoteText(text);
  if (rune === undefined || Array.from(rune).length !== 1) return `malformed character constant: ${text}`;
  const code = rune.codePointAt(0) ?? 0;
  return { kind: "number", pos, text, int: BigInt(code), float: code, ideal: "int" };
}

/**
 * `strconv.ParseInt` with base 0, without the range check: prefixes, leading-zero octal, underscores between digits.
 * Undefined when it is not an integer.
 */
function parseInteger(text: string): bigint | undefined {
  const parts = /^([+-]?)(0[xX]_?|0[oO]_?|0[bB]_?|0_?(?=[0-9]))?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)$/.exec(text);
  if (parts === null) return undefined;
  const [, sign = "", prefix = "", grouped = ""] = parts;
  const digits = grouped.replaceAll("_", "");
  const base = /^0[xX]/.test(prefix) ? "0x" : /^0[bB]/.test(prefix) ? "0b" : prefix === "" ? "" : "0o";
  const allowed =
    base === "0x" ? /^[0-9a-fA-F]+$/ : base === "0b" ? /^[01]+$/ : base === "0o" ? /^[0-7]+$/ : /^[0-9]+$/;
  if (!allowed.test(digits)) return undefined;
  const value = BigInt(base + digits);
  return sign === "-" ? -value : value;
}
