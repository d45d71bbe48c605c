import { CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipSpace } from "./scan.ts";

/** gjson.Valid: is the text one JSON value and nothing else. Linear, any depth of nesting, allocates only the nesting. */
export function isValid(json: string): boolean {
  const closers: number[] = [];
  let i = skipSpace(json, 0);
  for (;;) {
    i = openings(json, i, closers);
    if (i < 0) return false;
    i = endings(json, i, closers);
    if (i < 0) return false;
    if (closers.length === 0) return i === json.length;
  }
}

/** From the begin of a value to behind the first value that has an end: opens blocks on the way. -1: invalid. */
function openings(json: string, start: number, closers: number[]): number {
  let i = start;
  for (;;) {
    const code = json.charCodeAt(i);
    if (code === OPEN_BRACE) {
      i = skipSpace(json, i + 1);
      if (json.charCodeAt(i) === CLOSE_BRACE) return i + 1;
      closers.push(CLOSE_BRACE);
      i = keyAndColon(json, i);
      if (i < 0) return -1;
    } else if (code === OPEN_BRACKET) {
      i = skipSpace(json, i + 1);
      if (json.charCodeAt(i) === CLOSE_BRACKET) return i + 1;
      closers.push(CLOSE_BRACKET);
    } else {
      return scalarEnd(json, i);
    }
  }
}

/** From behind a value to the begin of the next one, or to the end of the text: closes blocks on the way. -1: invalid. */
function endings(json: string, start: number, closers: number[]): number {
  let i = start;
  for (;;) {
    i = skipSpace(json, i);
    const closer = closers.at(-1);
    if (closer === undefined) return i;
    const code = json.charCodeAt(i);
    if (code === 0x2c) {
      i = skipSpace(json, i + 1);
      return closer === CLOSE_BRACE ? keyAndColon(json, i) : i;
    }
    if (code !== closer) return -1;
    closers.pop();
    i++;
  }
}

function keyAndColon(json: string, start: number): number {
  if (json.charCodeAt(start) !== QUOTE) return -1;
  let i = validStringEnd(json, start + 1);
  if (i < 0) return -1;
  i = skipSpace(json, i);
  return json.charCodeAt(i) === 0x3a ? skipSpace(json, i + 1) : -1;
}

function scalarEnd(json: string, i: number): number {
  switch (json.charCodeAt(i)) {
    case QUOTE:
      return validStringEnd(json, i + 1);
    case 0x74:
      return json.startsWith("true", i) ? i + 4 : -1;
    case 0x66:
      return json.startsWith("false", i) ? i + 5 : -1;
    case 0x6e:
      return json.startsWith("null", i) ? i + 4 : -1;
    default:
      return validNumberEnd(json, i);
  }
}

function validStringEnd(json: string, start: number): number {
  for (let i = start; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code < 0x20) return -1;
    if (code === QUOTE) return i + 1;
    if (code !== 0x5c) continue;
    i++;
    const letter = json.charAt(i);
    if (letter === "u") {
      for (let digit = 0; digit < 4; digit++) {
        i++;
        if (!isHexDigit(json.charCodeAt(i))) return -1;
      }
    } else if (letter === "" || !'"\\/bfnrt'.includes(letter)) {
      return -1;
    }
  }
  return -1;
}

function isHexDigit(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
}

function validNumberEnd(json: string, start: number): number {
  let i = json.charCodeAt(start) === 0x2d ? start + 1 : start;
  const whole = digitsEnd(json, i);
  if (whole === i) return -1;
  i = json.charCodeAt(i) === 0x30 ? i + 1 : whole;
  if (json.charCodeAt(i) === 0x2e) {
    const end = digitsEnd(json, i + 1);
    if (end === i + 1) return -1;
    i = end;
  }
  const code = json.charCodeAt(i);
  if (code !== 0x65 && code !== 0x45) return i;
  const sign = json.charCodeAt(i + 1);
  i += sign === 0x2b || sign === 0x2d ? 2 : 1;
  const end = digitsEnd(json, i);
  return end === i ? -1 : end;
}

function digitsEnd(json: string, start: number): number {
  let i = start;
  for (; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code < 0x30 || code > 0x39) break;
  }
  return i;
}
