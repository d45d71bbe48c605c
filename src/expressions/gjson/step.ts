import { compileGlob } from "./glob.ts";
import { modifiers } from "./modifiers.ts";
import { type ElementStep, type MemberStep, type Query, type Route, route, type Split } from "./route.ts";
import { endBefore, partEnd, quotedPartEnd, trim } from "./scan.ts";
import { unescapeJson } from "./text.ts";

/** The first part of a path, for an object. */
export function memberStep(path: Route): MemberStep {
  path.member ??= readMemberStep(path.text);
  return path.member;
}

function readMemberStep(text: string): MemberStep {
  let key = "";
  let from = 0;
  let wild = false;
  let i = 0;
  for (; i < text.length; i++) {
    const char = text[i];
    if (char === "|" || char === ".") break;
    if (char === "*" || char === "?") wild = true;
    if (char === "\\") {
      key += text.slice(from, i);
      from = i + 1;
      i++;
    }
  }
  key += text.slice(from, i);
  const piped = text[i] === "|" || startsPipe(text, i + 1);
  const rest = i < text.length ? route(text.slice(i + 1)) : undefined;
  return {
    key,
    glob: wild ? compileGlob(key) : undefined,
    next: piped ? undefined : rest,
    pipe: piped ? rest : undefined,
  };
}

/** Behind a dot, a modifier or a multipath is applied to the result so far, as behind a pipe. */
function startsPipe(text: string, i: number): boolean {
  const char = text[i];
  if (char !== "@") return char === "[" || char === "{";
  return modifiers.has(text.slice(i + 1, endBefore(text, i + 1, /[.|:]/g)));
}

/** The first part of a path, for an array. */
export function elementStep(path: Route): ElementStep {
  path.element ??= readElementStep(path.text);
  return path.element;
}

function readElementStep(text: string): ElementStep {
  if (text.startsWith("#.")) return { kind: "each", each: split(text.slice(2)), pipe: undefined };
  const query = /^#[[(]/.test(text) ? readQuery(text) : undefined;
  // A query that is not closed: gjson takes any element that has the empty path.
  if (query === "open") {
    const any = { path: route(""), operator: "", value: "", all: false };
    return { kind: "query", query: any, next: undefined, pipe: undefined };
  }
  const partEndAt = endBefore(text, query?.end ?? 0, /[.|]/g);
  const part = text.slice(0, partEndAt);
  const tail = partEndAt < text.length ? text.slice(partEndAt + 1) : undefined;
  const piped = text[partEndAt] === "|" || (!part.includes("#") && startsPipe(text, partEndAt + 1));
  const pipe = piped && tail !== undefined ? route(tail) : undefined;
  const next = piped ? undefined : tail;
  if (query !== undefined) {
    return { kind: "query", query: query.query, next: next === undefined ? undefined : split(next), pipe };
  }
  if (part === "#") return { kind: "count", pipe };
  const index = /^\d+$/.test(part) ? Number(part) : -1;
  return { kind: "index", index, next: next === undefined ? undefined : route(next), pipe };
}

function readQuery(text: string): { readonly query: Query; readonly end: number } | "open" {
  let depth = 1;
  let operatorAt = 0;
  let escaped = false;
  let i = 2;
  for (; i < text.length; i++) {
    const char = text.charAt(i);
    if (depth === 1 && operatorAt === 0 && "!=<>%".includes(char)) operatorAt = i;
    else if (char === "\\") i++;
    else if (char === "[" || char === "(") depth++;
    else if (char === "]" || char === ")") depth--;
    else if (char === '"') {
      const close = quotedPartEnd(text, i);
      escaped ||= text.slice(i, close).includes("\\");
      i = close;
    }
    if (depth === 0) break;
  }
  if (depth > 0) return "open";
  const path = route(trim(text.slice(2, operatorAt > 0 ? operatorAt : i)));
  const all = text[i + 1] === "#";
  if (operatorAt === 0) return { query: { path, operator: "", value: "", all }, end: i + 1 };
  const { operator, value } = readComparison(trim(text.slice(operatorAt, i)));
  return { query: { path, operator, value: comparedText(value, escaped), all }, end: i + 1 };
}

function readComparison(text: string): { readonly operator: string; readonly value: string } {
  const spelled = text.length === 1 ? text : (/^(?:!=|!%|<=|>=|==|[<>=%])/.exec(text)?.[0] ?? "");
  return { operator: spelled === "==" ? "=" : spelled, value: trim(text.slice(spelled.length)) };
}

function comparedText(value: string, escaped: boolean): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value;
  const content = value.slice(1, -1);
  return escaped ? unescapeJson(content) : content;
}

/** Splits at the first pipe that is not inside a query behind a dot. */
function split(text: string): Split {
  const at = text.includes("|") ? pipeAt(text) : -1;
  return at < 0
    ? { route: route(text), pipe: undefined }
    : { route: route(text.slice(0, at)), pipe: route(text.slice(at + 1)) };
}

function pipeAt(text: string): number {
  if (text.startsWith("{")) {
    const end = partEnd(text, 1);
    return end < text.length && text[end] === "|" ? end : -1;
  }
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "|") return i;
    if (char === "\\") i++;
    if (char !== ".") continue;
    if (i === text.length - 1) return -1;
    if (text[i + 1] !== "#") continue;
    i += 2;
    if (text[i] === "(" || text[i] === "[") i = selectorEnd(text, i);
  }
  return -1;
}

/** The closing bracket of the query at `start`. */
function selectorEnd(text: string, start: number): number {
  const open = text[start];
  const close = open === "[" ? "]" : ")";
  let depth = 1;
  let i = start + 1;
  for (; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i++;
    else if (char === open) depth++;
    else if (char === '"') i = quotedPartEnd(text, i);
    else if (char === close) {
      depth--;
      if (depth === 0) return i;
    }
  }
  return i;
}
