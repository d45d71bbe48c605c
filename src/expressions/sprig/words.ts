import {
  byteLength,
  fromBytes,
  isAscii,
  isLower,
  isSpace,
  isUpper,
  lowerRune,
  mapRunes,
  sliceBytes,
  titleRune,
  toBytes,
  upperRune,
} from "../go-text.ts";
import { fn, type GoFunction, type Meter } from "../go-value.ts";
import { checkedLength } from "./values.ts";
import { camelCase, separatedCase } from "./word-case.ts";

/** Words: wrapping, shortening, initials, the cases of identifiers. */
export const words: readonly (readonly [string, GoFunction])[] = [
  ["abbrev", fn(["int", "string"], ([width, text]) => (width < 4 ? text : abbreviate(text, 0, width)))],
  [
    "abbrevboth",
    fn(["int", "int", "string"], ([left, right, text]) =>
      right < 4 || (left > 0 && right < 7) ? text : abbreviate(text, left, right),
    ),
  ],
  ["untitle", fn(["string"], ([text]) => untitle(text))],
  ["nospace", fn(["string"], ([text]) => withoutSpace(text))],
  ["initials", fn(["string"], ([text]) => initials(text))],
  ["swapcase", fn(["string"], ([text]) => swapCase(text))],
  ["camelcase", fn(["string"], ([text]) => camelCase(text))],
  ["snakecase", fn(["string"], ([text]) => separatedCase(text, "_"))],
  ["kebabcase", fn(["string"], ([text]) => separatedCase(text, "-"))],
  ["wrap", fn(["int", "string"], ([width, text], cx) => wrapText(text, { width, line: "\n", cuts: false }, cx.meter))],
  [
    "wrapWith",
    fn(["int", "string", "string"], ([width, line, text], cx) =>
      wrapText(text, { width, line: line === "" ? "\n" : line, cuts: true }, cx.meter),
    ),
  ],
];

/** To `width` bytes with "..." in place of what is left out, after `offset` bytes from the left if that is far enough. */
function abbreviate(text: string, offset: number, width: number): string {
  const length = byteLength(text);
  if (length <= width) return text;
  const room = width - 3;
  let from = Math.min(offset, length);
  if (length - from < room) from = length - room;
  if (from <= 4) return `${sliceBytes(text, 0, room)}...`;
  if (width < 7) return "";
  // The middle is shortened again, to what is left; too little of it gives nothing.
  if (from + room < length) return `...${room < 4 ? "" : abbreviate(sliceBytes(text, from), 0, room)}`;
  return `...${sliceBytes(text, length - room)}`;
}

function untitle(text: string): string {
  let atStart = true;
  return mapRunes(text, (rune) => {
    if (isSpace(rune)) atStart = true;
    else if (atStart) {
      atStart = false;
      return lowerRune(rune);
    }
    return rune;
  });
}

/**
 * Goutils looks at bytes here and writes each as a character of its own when anything is left out, so "é é" comes out as
 * "Ã©Ã©". Kept: a target sees it.
 */
function withoutSpace(text: string): string {
  const bytes = Array.from(toBytes(text), (byte) => String.fromCharCode(byte));
  const kept = bytes.filter((unit) => !isSpace(unit));
  return kept.length === bytes.length ? text : kept.join("");
}

/** Byte by byte too, with the same effect. */
function initials(text: string): string {
  let out = "";
  let afterGap = true;
  for (const byte of toBytes(text)) {
    const unit = String.fromCharCode(byte);
    if (isSpace(unit)) afterGap = true;
    else if (afterGap) {
      out += unit;
      afterGap = false;
    }
  }
  return out;
}

/** Upper to lower; lower to upper, or to title case at the start of a word. */
function swapCase(text: string): string {
  let afterGap = true;
  return mapRunes(text, (rune) => {
    if (isUpper(rune) || /^\p{Lt}$/u.test(rune)) {
      afterGap = false;
      return lowerRune(rune);
    }
    if (isLower(rune)) {
      if (!afterGap) return upperRune(rune);
      afterGap = false;
      return titleRune(rune);
    }
    afterGap = isSpace(rune);
    return rune;
  });
}

interface Wrapping {
  /** In bytes. */
  readonly width: number;
  /** What is put at the end of a line. */
  readonly line: string;
  /** Whether a word longer than a line is cut. */
  readonly cuts: boolean;
}

/** Breaks lines at spaces; spaces at the start of a line are dropped. Works on bytes, as goutils does. */
function wrapText(text: string, how: Wrapping, meter: Meter): string {
  const width = Math.max(1, how.width);
  const units = isAscii(text) ? text : Array.from(toBytes(text), (byte) => String.fromCharCode(byte)).join("");
  checkedLength(Math.ceil(units.length / width) * how.line.length, meter);
  const lines: string[] = [];
  let at = 0;
  while (units.length - at > width) {
    if (units.charAt(at) === " ") {
      at += 1;
      continue;
    }
    let end = units.lastIndexOf(" ", at + width);
    let skipped = 1;
    if (end < at) {
      end = how.cuts ? at + width : units.indexOf(" ", at + width);
      skipped = how.cuts ? 0 : 1;
    }
    if (end < 0) break;
    lines.push(units.slice(at, end));
    at = end + skipped;
  }
  const last = units.slice(at);
  const shown = [...lines, last].map((line) => (units === text ? line : fromUnits(line)));
  return shown.join(how.line);
}

function fromUnits(units: string): string {
  return fromBytes(Uint8Array.from(units, (unit) => unit.charCodeAt(0)));
}
