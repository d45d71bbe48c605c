import { isAscii as isAsciiBytes } from "node:buffer";

/**
 * Go strings in JavaScript. A Go string is bytes, usually UTF-8; `len`, `trunc`, `substr` and `slice` count bytes and may
 * cut a character in two. A byte that is not part of valid UTF-8 is kept as the lone surrogate U+DC00 + byte, so that
 * cutting, decoding base64 and hashing lose nothing; `wellFormed` turns what is left of them into U+FFFD at the very end.
 */

const BYTE_ESCAPE = 0xdc00;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
/** With the `u` flag a surrogate matches only where it is not half of a pair. */
const LONE = /\p{Cs}/u;
const ALL_LONE = /\p{Cs}/gu;

/** Whether every character is one byte. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** The byte that a lone surrogate stands for, if this code point is one. */
export function escapedByte(codePoint: number): number | undefined {
  return codePoint >= BYTE_ESCAPE + 0x80 && codePoint <= BYTE_ESCAPE + 0xff ? codePoint - BYTE_ESCAPE : undefined;
}

/** A string of one raw byte. */
export function byteText(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : BYTE_ESCAPE + byte);
}

/** The bytes that Go has for this string. */
export function toBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text);
  const bytes: number[] = [];
  for (const rune of text) {
    const byte = escapedByte(rune.codePointAt(0) ?? 0);
    if (byte !== undefined) bytes.push(byte);
    else bytes.push(...encoder.encode(rune));
  }
  return Uint8Array.from(bytes);
}

/** The string of these bytes; bytes that are not UTF-8 survive a later `toBytes`. */
export function fromBytes(bytes: Uint8Array): string {
  // mostly it is ASCII, and then a third of the work
  if (isAsciiBytes(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  try {
    return strict.decode(bytes);
  } catch {
    return decodeLossless(bytes);
  }
}

function decodeLossless(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; ) {
    const size = runeSize(bytes, i);
    parts.push(size === 0 ? byteText(bytes[i] ?? 0) : strict.decode(bytes.subarray(i, i + size)));
    i += Math.max(size, 1);
  }
  return parts.join("");
}

/** How many bytes the valid UTF-8 sequence at `at` has; 0 when it is not valid. */
function runeSize(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let k = 2; k < size; k++) if (((bytes[at + k] ?? 0) & 0xc0) !== 0x80) return 0;
  return size;
}

/** `len(text)`: the number of bytes. */
export function byteLength(text: string): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && text.charCodeAt(i + 1) >= 0xdc00 && text.charCodeAt(i + 1) < 0xe000) {
      length += 4;
      i += 1;
    } else length += escapedByte(unit) === undefined ? 3 : 1;
  }
  return length;
}

/** `text[start:end]` in bytes; the caller has checked the bounds. */
export function sliceBytes(text: string, start: number, end?: number): string {
  if (isAscii(text)) return text.slice(start, end);
  return fromBytes(toBytes(text).subarray(start, end));
}

/** Order of the bytes, which for UTF-8 is the order of the code points (JavaScript compares UTF-16 units). */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A byte of its own has no place among the code points.
    return escapedByte(x) === undefined && escapedByte(y) === undefined ? rank(x) - rank(y) : compareBytes(a, b);
  }
  return a.length - b.length;
}

function compareBytes(a: string, b: string): number {
  const [x, y] = [toBytes(a), toBytes(b)];
  const at = x.findIndex((byte, i) => byte !== y[i]);
  return at < 0 || at >= y.length ? x.length - y.length : (x[at] ?? 0) - (y[at] ?? 0);
}

/** Surrogates stand for code points above every other unit. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** What a reader of the bytes sees: each byte that is not UTF-8 becomes U+FFFD. */
export function wellFormed(text: string): string {
  return LONE.test(text) ? text.replace(ALL_LONE, "\ufffd") : text;
}

export function isSpace(rune: string): boolean {
  return /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/u.test(rune);
}
export function isUpper(rune: string): boolean {
  return /^\p{Lu}$/u.test(rune);
}
export function isLower(rune: string): boolean {
  return /^\p{Ll}$/u.test(rune);
}
export function isLetter(rune: string): boolean {
  return /^\p{L}$/u.test(rune);
}
export function isDigit(rune: string): boolean {
  return /^\p{Nd}$/u.test(rune);
}
export function isNumber(rune: string): boolean {
  return /^\p{N}$/u.test(rune);
}
export function isPunct(rune: string): boolean {
  return /^\p{P}$/u.test(rune);
}
/** Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrint(rune: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(rune);
}

/** Upper case rune by rune with the simple mapping, as Go has it: "ß" stays, no context. */
export function upperText(text: string): string {
  return isAscii(text) ? text.toUpperCase() : mapRunes(wellFormed(text), upperRune);
}

/** Lower case rune by rune: no final sigma. A byte that is not UTF-8 becomes U+FFFD here, as in Go. */
export function lowerText(text: string): string {
  return isAscii(text) ? text.toLowerCase() : mapRunes(wellFormed(text), lowerRune);
}

export function mapRunes(text: string, change: (rune: string) => string): string {
  let out = "";
  for (const rune of text) out += change(rune);
  return out;
}

export function upperRune(rune: string): string {
  const upper = rune.toUpperCase();
  if (upper === rune || Array.from(upper).length === 1) return upper;
  const code = rune.codePointAt(0) ?? 0;
  // The Greek letters with iota subscript have a one-letter capital, which the full mapping does not use.
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8);
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9);
  return rune;
}

export function lowerRune(rune: string): string {
  return rune === "İ" ? "i" : rune.toLowerCase();
}

/** Title case of one rune: differs from upper case for the Latin digraphs and Georgian. */
export function titleRune(rune: string): string {
  const code = rune.codePointAt(0) ?? 0;
  if (code >= 0x01c4 && code <= 0x01cc) return String.fromCodePoint(0x01c5 + 3 * Math.floor((code - 0x01c4) / 3));
  if (code >= 0x01f1 && code <= 0x01f3) return "\u01f2";
  if (code >= 0x10d0 && code <= 0x10ff) return rune;
  return upperRune(rune);
}

/** `strings.TrimSpace`. Walked by hand: `/\s+$/` is quadratic on a long run of spaces in the middle. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charAt(start))) start += 1;
  while (end > start && isSpace(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}
