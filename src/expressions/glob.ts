import { ExpressionError } from "./fault.ts";
import { compileRegexp } from "./go-regexp.ts";

/** A name in which `*`, `?`, `[…]` or `{…}` stand for others. */
export interface Glob {
  test(name: string): boolean;
}

/** Whether a name has a meaning beyond itself. */
export function isGlob(text: string): boolean {
  return /[*?[{\\]/.test(text);
}

/**
 * Reads a glob as gobwas/glob without separators reads it, which Argo Events' STAN bus matches names with (reference 3.1):
 * `*` and `**` any text, `?` one character, `[abc]`, `[a-c]` and `[!a-c]` one of them or none of them, `{one,two}` either,
 * `\` takes the next character as it is. Matching takes time linear in the name. Throws EXPRESSION_INVALID with a position.
 */
export function compileGlob(text: string): Glob {
  const found = /^([^*?[\]{}\\]*)\*+([^*?[\]{}\\]*)$/.exec(text);
  if (found !== null) {
    const [, start = "", end = ""] = found;
    const shortest = start.length + end.length;
    return { test: (name) => name.length >= shortest && name.startsWith(start) && name.endsWith(end) };
  }
  const characters = [...text];
  const { regexp, at } = translate(characters, 0, 0);
  if (at < characters.length) throw invalid(`a ${characters[at]} that nothing opens`, characters, at);
  // s: a name may hold a line break
  return compileRegexp(`^(?s:${regexp})$`);
}

const deepest = 20;

/** Up to the end, or inside braces up to what ends an alternative. */
function translate(characters: readonly string[], from: number, depth: number): { regexp: string; at: number } {
  let regexp = "";
  let at = from;
  for (; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") regexp += ".*";
    else if (character === "?") regexp += ".";
    else if (character === "\\") {
      at += 1;
      if (at >= characters.length) throw invalid("nothing follows the \\", characters, at - 1);
      regexp += quoted(characters[at] ?? "");
    } else if (character === "[") {
      const end = characters.indexOf("]", at + 1);
      regexp += oneOf(characters, at, end);
      at = end;
    } else if (character === "{") {
      const either = alternatives(characters, at, depth);
      regexp += either.regexp;
      at = either.at;
    } else if (depth > 0 && (character === "," || character === "}")) return { regexp, at };
    else if (character === "}" || character === "]") return { regexp, at };
    else regexp += quoted(character);
  }
  return { regexp, at };
}

function alternatives(characters: readonly string[], from: number, depth: number): { regexp: string; at: number } {
  if (depth >= deepest) throw invalid(`more than ${deepest} braces inside each other`, characters, from);
  const parts: string[] = [];
  for (let at = from; ; ) {
    const part = translate(characters, at + 1, depth + 1);
    parts.push(part.regexp);
    at = part.at;
    if (characters[at] === "}") return { regexp: `(?:${parts.join("|")})`, at };
    if (characters[at] !== ",") throw invalid("nothing closes the {", characters, from);
  }
}

function oneOf(characters: readonly string[], from: number, end: number): string {
  if (end < 0) throw invalid("nothing closes the [", characters, from);
  const inside = characters.slice(from + 1, end);
  const not = inside[0] === "!";
  const members = not ? inside.slice(1) : inside;
  if (members.length === 0) throw invalid("nothing is in the brackets", characters, from);
  const range = members.length === 3 && members[1] === "-";
  if (range && (members[0] ?? "") > (members[2] ?? ""))
    throw invalid("the range is the wrong way round", characters, from);
  const set = range ? `${inSet(members[0])}-${inSet(members[2])}` : members.map(inSet).join("");
  return `[${not ? "^" : ""}${set}]`;
}

function inSet(character = ""): string {
  return /[\w\s]/.test(character) ? character : `\\x{${character.codePointAt(0)?.toString(16)}}`;
}

function quoted(character: string): string {
  return /[\\.+*?()|[\]{}^$]/.test(character) ? `\\${character}` : character;
}

function invalid(what: string, characters: readonly string[], at: number): ExpressionError {
  const position = characters.slice(0, at).join("").length;
  return new ExpressionError("EXPRESSION_INVALID", what, { position });
}
