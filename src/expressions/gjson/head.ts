import { modifiers } from "./modifiers.ts";
import { type Head, type Route, route } from "./route.ts";
import { blockEnd, endBefore, partEnd, quotedPartEnd } from "./scan.ts";
import { quoteJson } from "./text.ts";
import { isValid } from "./valid.ts";

/** How a path begins: with a modifier, a literal, a multipath, or plainly. */
export function headOf(path: Route): Head {
  path.head ??= readHead(path.text);
  return path.head;
}

function readHead(text: string): Head {
  if (text.length > 1) {
    if (text.startsWith("@")) return readModifier(text) ?? searchHead(text);
    if (text.startsWith("!")) return readLiteral(text) ?? searchHead(text);
    if (text.startsWith("[") || text.startsWith("{")) return readMultipath(text);
  }
  return searchHead(text);
}

function searchHead(text: string): Head {
  const lines = text.startsWith("..");
  return { kind: "search", lines, route: route(lines ? text.slice(2) : text) };
}

/** What follows a modifier, a literal or a multipath: a path behind `.` or `|`. gjson drops anything else. */
function restOf(text: string): Route | undefined {
  return text.startsWith(".") || text.startsWith("|") ? route(text.slice(1)) : undefined;
}

function readModifier(text: string): Head | undefined {
  const nameEnd = endBefore(text, 1, /[.|:]/g);
  const run = modifiers.get(text.slice(1, nameEnd));
  if (run === undefined) return undefined;
  if (text[nameEnd] !== ":") return { kind: "modifier", run, arg: "", rest: restOf(text.slice(nameEnd)) };
  const start = nameEnd + 1;
  const end = /[{["]/.test(text.charAt(start)) ? partEnd(text, start) : plainArgumentEnd(text, start);
  return { kind: "modifier", run, arg: text.slice(start, end), rest: restOf(text.slice(end)) };
}

/** An argument that is not JSON goes to the next pipe outside of brackets and quotes. */
function plainArgumentEnd(text: string, start: number): number {
  let i = start;
  while (i < text.length && text[i] !== "|") i = /[{["(]/.test(text.charAt(i)) ? partEnd(text, i) : i + 1;
  return i;
}

function readLiteral(text: string): Head | undefined {
  if (/[{["+\-\d]/.test(text.charAt(1))) {
    const end = blockEnd(text, 1);
    return { kind: "literal", json: text.slice(1, end), rest: restOf(text.slice(end)) };
  }
  const end = endBefore(text, 1, /[.|]/g);
  const json = text.slice(1, end);
  if (!["true", "false", "null", "nan", "inf"].includes(json.toLowerCase())) return undefined;
  return { kind: "literal", json, rest: restOf(text.slice(end)) };
}

interface Selector {
  readonly name: string;
  readonly path: string;
}

function readMultipath(text: string): Head {
  const { selectors, end } = readSelectors(text);
  const tail = end < 0 ? "" : text.slice(end);
  // Not closed, or followed by something else than a path: gjson goes on with what is left of the text.
  if (end < 0 || (tail !== "" && restOf(tail) === undefined)) return searchHead(tail);
  const open = text.charAt(0);
  const parts = selectors.map((selector) => ({
    prefix: open === "{" ? `${memberName(selector)}:` : "",
    route: route(selector.path),
  }));
  return { kind: "multipath", open, parts, rest: restOf(tail) };
}

function readSelectors(text: string): { readonly selectors: readonly Selector[]; readonly end: number } {
  const selectors: Selector[] = [];
  let depth = 1;
  let start = 1;
  let colon = 0;
  let modifier = false;
  for (let i = 1; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "\\") i++;
    else if (char === '"') i = quotedPartEnd(text, i);
    else if (char === "@") modifier ||= text[i - 1] === "." || text[i - 1] === "|";
    else if (char === ":" && !modifier && colon === 0 && depth === 1) colon = i;
    else if ("[({".includes(char)) depth++;
    else if ("])}".includes(char)) depth--;
    if ((char === "," && depth === 1) || depth === 0) {
      selectors.push({
        name: colon === 0 ? "" : text.slice(start, colon),
        path: text.slice(colon === 0 ? start : colon + 1, i),
      });
      colon = 0;
      modifier = false;
      start = i + 1;
    }
    if (depth === 0) return { selectors, end: i + 1 };
  }
  return { selectors, end: -1 };
}

function memberName({ name, path }: Selector): string {
  if (name !== "") return name.startsWith('"') && isValid(name) ? name : quoteJson(name);
  const last = lastName(path);
  return quoteJson(isSimpleName(last) ? last : "_");
}

function lastName(path: string): string {
  for (let i = path.length - 1; i >= 0; i--) {
    if ((path[i] === "|" || path[i] === ".") && path[i - 1] !== "\\") return path.slice(i + 1);
  }
  return path;
}

function isSimpleName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) < 0x20 || "[]{}()#|!".includes(name.charAt(i))) return false;
  }
  return true;
}
