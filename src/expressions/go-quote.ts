import { byteText, escapedByte, isPrint } from "./go-text.ts";

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [7, "\\a"],
  [8, "\\b"],
  [9, "\\t"],
  [10, "\\n"],
  [11, "\\v"],
  [12, "\\f"],
  [13, "\\r"],
  [92, "\\\\"],
]);
const UNESCAPES: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["\\", "\\"],
]);

/** `strconv.Quote`, with `'` as quote for a rune; `asciiOnly` is `QuoteToASCII`. */
export function quoteText(text: string, asciiOnly = false, quote: '"' | "'" = '"'): string {
  let out: string = quote;
  for (const rune of text) {
    const code = rune.codePointAt(0) ?? 0;
    const byte = escapedByte(code);
    const known = ESCAPES.get(code);
    if (byte !== undefined) out += `\\x${hex(byte, 2)}`;
    else if (rune === quote) out += `\\${quote}`;
    else if (known !== undefined) out += known;
    else if (code < 0x20 || code === 0x7f) out += `\\x${hex(code, 2)}`;
    else if (code >= 0xd800 && code < 0xe000) out += "\\ufffd";
    else if (code < 0x7f || (!asciiOnly && isPrint(rune))) out += rune;
    else out += code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  }
  return out + quote;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}

/** `strconv.Unquote` of a Go string or character literal with its quotes; undefined when it is not one. */
export function unquoteText(literal: string): string | undefined {
  const quote = literal.charAt(0);
  const body = literal.slice(1, -1);
  if (quote === "`") return body.replaceAll("\r", "");
  let out = "";
  for (let i = 0; i < body.length; i++) {
    const unit = body.charAt(i);
    if (unit === quote || unit === "\n") return undefined;
    if (unit !== "\\") {
      out += unit;
      continue;
    }
    const found = readEscape(body, i + 1, quote);
    if (found === undefined) return undefined;
    out += found.text;
    i += found.length;
  }
  return out;
}

interface Escape {
  readonly text: string;
  /** Units after the backslash. */
  readonly length: number;
}

function readEscape(body: string, at: number, quote: string): Escape | undefined {
  const letter = body.charAt(at);
  const plain = UNESCAPES.get(letter) ?? (letter === quote ? letter : undefined);
  if (plain !== undefined) return { text: plain, length: 1 };
  if (/[0-7]/.test(letter)) {
    const digits = body.slice(at, at + 3);
    const code = Number.parseInt(digits, 8);
    if (!/^[0-7]{3}$/.test(digits) || code > 255) return undefined;
    return { text: quote === "'" ? String.fromCodePoint(code) : byteText(code), length: 3 };
  }
  const width = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : 0;
  const digits = body.slice(at + 1, at + 1 + width);
  if (width === 0 || digits.length < width || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  const code = Number.parseInt(digits, 16);
  if (letter === "x" && quote === '"') return { text: byteText(code), length: 3 };
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
  return { text: String.fromCodePoint(code), length: width + 1 };
}
