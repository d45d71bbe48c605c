/**
 * Steps through JSON text by position, without reading more of it than needed and without allocating. Like gjson, they
 * believe that the text is valid: broken text gives some answer, never an exception, always in linear time.
 */

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

/** What a character begins: nothing of interest (space, comma, colon, a closer), or a value of a kind. */
export const OTHER = 0;
export const STRING = 1;
export const BLOCK = 2;
export const LITERAL = 3;
export const NUMBER = 4;

/** The kind of value that begins at `i`. gjson reads `nan`, `inf` and a leading `+` as numbers too. */
export function kindAt(json: string, i: number): number {
  const code = json.charCodeAt(i);
  if (code === QUOTE) return STRING;
  if (code === OPEN_BRACE || code === OPEN_BRACKET) return BLOCK;
  if ((code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2b) return NUMBER;
  if (code === 0x74 || code === 0x66) return LITERAL; // t f
  if (code === 0x6e) return i + 1 < json.length && json.charCodeAt(i + 1) !== 0x75 ? NUMBER : LITERAL; // nan or null
  return code === 0x69 || code === 0x49 || code === 0x4e ? NUMBER : OTHER; // inf Inf NaN
}

/** The position after the closing quote of the string whose content begins at `start`; -1 when it is not closed. */
export function stringEnd(json: string, start: number): number {
  let i = start;
  for (;;) {
    i = json.indexOf('"', i);
    if (i < 0) return -1;
    if (json.charCodeAt(i - 1) !== BACKSLASH) return i + 1;
    let before = i - 1;
    while (before >= start && json.charCodeAt(before) === BACKSLASH) before--;
    i++;
    if ((i - before) % 2 === 0) return i;
  }
}

/** The position after the bracket that closes the one at `start` (any closes any, as in gjson), or the end of the text. */
export function blockEnd(json: string, start: number): number {
  let depth = 1;
  let i = start + 1;
  while (i < json.length) {
    const code = json.charCodeAt(i);
    i++;
    if (code === QUOTE) {
      i = stringEnd(json, i);
      if (i < 0) return json.length;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET || code === 0x28) {
      depth++;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET || code === 0x29) {
      depth--;
      if (depth === 0) return i;
    }
  }
  return json.length;
}

/** How many blocks at most stand in one another. */
export function nesting(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i >= 0 && i < json.length; ) {
    const code = json.charCodeAt(i);
    i++;
    if (code === QUOTE) i = stringEnd(json, i);
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return deepest;
}

/** The end of a bracketed or quoted part of a path, whose first character is at `start`. */
export function partEnd(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) return blockEnd(text, start);
  const end = stringEnd(text, start + 1);
  return end < 0 ? text.length : end;
}

function numberEnd(json: string, start: number): number {
  let i = start + 1;
  for (; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code <= 0x20 || code === 0x2c || code === CLOSE_BRACKET || code === CLOSE_BRACE) break;
  }
  return i;
}

function literalEnd(json: string, start: number): number {
  let i = start + 1;
  for (; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code < 0x61 || code > 0x7a) break;
  }
  return i;
}

/** The position after the value of this kind at `start`; -1 for a string that is not closed. */
export function valueEnd(json: string, start: number, kind: number): number {
  if (kind === STRING) return stringEnd(json, start + 1);
  if (kind === BLOCK) return blockEnd(json, start);
  return kind === LITERAL ? literalEnd(json, start) : numberEnd(json, start);
}

/** The first position from `i` on that is not a space, tab or line end. */
export function skipSpace(json: string, start: number): number {
  let i = start;
  for (; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return i;
}

/** Without the characters up to the space at both ends. */
export function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

/** The first match of a global pattern from `start` on, or the end of the text. */
export function endBefore(text: string, start: number, stop: RegExp): number {
  stop.lastIndex = start;
  return stop.exec(text)?.index ?? text.length;
}

/** The position of the quote that closes the one at `start` in a path, or the end of the path. */
export function quotedPartEnd(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i;
}
