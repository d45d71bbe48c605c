import { textFinder } from "../text-search.ts";

/** Tells whether a text is what is wanted. */
export type TextTest = (text: string) => boolean;

/** Code points in their two spellings; `ß` is also `SS`, so the two may differ in length. */
type Spelling = readonly [lower: string, upper: string];

function spellings(wanted: string): readonly Spelling[] {
  return Array.from(wanted, (sign) => [sign.toLowerCase(), sign.toUpperCase()] as const);
}

/** `equals-ignore-case`: each character in lower or upper case, as event-ruler compares; no other folding. */
export function equalsIgnoringCase(wanted: string): TextTest {
  const all = spellings(wanted);
  return (text) => spelledUntil(text, all) === text.length;
}

export function startsIgnoringCase(wanted: string): TextTest {
  const all = spellings(wanted);
  return (text) => spelledUntil(text, all) >= 0;
}

export function endsIgnoringCase(wanted: string): TextTest {
  const all = spellings(wanted).toReversed();
  return (text) => {
    let end = text.length;
    for (const [lower, upper] of all) {
      if (endsAt(text, lower, end)) end -= lower.length;
      else if (endsAt(text, upper, end)) end -= upper.length;
      else return false;
    }
    return true;
  };
}

function endsAt(text: string, part: string, end: number): boolean {
  return end >= part.length && text.startsWith(part, end - part.length);
}

/** Where the text stops being what is spelled; -1 when it is not. No spelling begins with the other, so nothing is tried twice. */
function spelledUntil(text: string, all: readonly Spelling[]): number {
  let at = 0;
  for (const [lower, upper] of all) {
    if (text.startsWith(lower, at)) at += lower.length;
    else if (text.startsWith(upper, at)) at += upper.length;
    else return -1;
  }
  return at;
}

/** A wildcard that cannot be read: what is wrong, and where in its text. */
export interface WildcardFault {
  readonly fault: string;
  readonly offset: number;
}

/**
 * `*` stands for any characters, also none; `\*` and `\\` for themselves. What is between two stars is searched from the
 * left, once: the first place is as good as any later one, so nothing is tried again.
 */
export function wildcard(pattern: string): TextTest | WildcardFault {
  const pieces = [""];
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern.charAt(at);
    if (sign === "*") {
      if (pattern[at + 1] === "*") return { fault: "two stars in a row", offset: at };
      pieces.push("");
      continue;
    }
    const next = pattern.charAt(at + 1);
    if (sign === "\\" && next !== "*" && next !== "\\") {
      return { fault: "a backslash stands only before a star or a backslash", offset: at };
    }
    if (sign === "\\") at++;
    pieces[pieces.length - 1] += sign === "\\" ? next : sign;
  }
  return piecesInOrder(pieces);
}

function piecesInOrder(pieces: readonly string[]): TextTest {
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return (text) => text === first;
  const last = pieces.at(-1) ?? "";
  const finders = pieces.slice(1, -1).map(textFinder);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const find of finders) {
      at = find(text, at);
      if (at < 0 || at > end) return false;
    }
    return true;
  };
}
