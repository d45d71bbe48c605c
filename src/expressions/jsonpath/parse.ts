import { invalid, refuseLongText, unsupported } from "../pratt.ts";

/** Where a filter or script stands: the root, the element, and how to follow a path. */
export interface Scene {
  readonly root: unknown;
  readonly current: unknown;
  follow(steps: readonly Step[], from: unknown): unknown;
}

/** The value of a filter's expression; throws where the library has an error, which leaves the element out. */
export type Filter = (scene: Scene) => unknown;

/** How deep inside filters a path stands, and how to read what stands in the parentheses. */
export interface Nesting {
  readonly depth: number;
  readFilter(text: string, depth: number): Filter;
}

/** A bound of a range or a part of a union: a number, or `(@.length-1)`. */
export type Part = number | Filter;

export type Step =
  | { readonly kind: "key"; readonly name: string }
  | { readonly kind: "index"; readonly at: Part }
  | { readonly kind: "wildcard" | "recursive" | "length" }
  | {
      readonly kind: "range";
      readonly from: Part | undefined;
      readonly to: Part | undefined;
      readonly step: Part | undefined;
    }
  | { readonly kind: "keys"; readonly names: readonly string[] }
  | { readonly kind: "indices"; readonly parts: readonly Part[] }
  | { readonly kind: "filter"; readonly filter: Filter };

/** How deep filters may stand inside filters. */
const MAX_NESTING = 20;

/** Reads a path; `start` is the `$` or `@` it begins with, which the caller has seen. Returns where it ended. */
export function parseSteps(text: string, start: number, nesting: Nesting): { steps: Step[]; end: number } {
  if (nesting.depth === 0) refuseLongText(text);
  if (nesting.depth > MAX_NESTING) throw invalid(`nested more than ${MAX_NESTING} deep`, start);
  const steps: Step[] = [];
  let at = start + 1;
  for (;;) {
    if (text.startsWith("..", at)) {
      steps.push({ kind: "recursive" });
      at += 2;
      if (at >= text.length) break;
      if (text.charAt(at) !== "[") at = readName(text, at, nesting, steps);
    } else if (text.startsWith(".[", at)) at += 1;
    else if (text.charAt(at) === ".") at = readName(text, at + 1, nesting, steps);
    if (text.charAt(at) === "[") at = readSubscript(text, at, nesting, steps);
    else if (text.charAt(at) !== ".") break;
  }
  return { steps, end: at };
}

/** In a filter a name ends at the first sign that may be an operator; at the top it ends only at a point or a bracket. */
function readName(text: string, start: number, nesting: Nesting, steps: Step[]): number {
  const pattern = nesting.depth > 0 ? /\*|[\p{L}\p{N}_$]+/uy : /[^.[\]()'"]+/y;
  pattern.lastIndex = start;
  const name = pattern.exec(text)?.[0].trim() ?? "";
  if (name === "") throw invalid("a name is missing after the point", start);
  if (name === "*") steps.push({ kind: "wildcard" });
  else steps.push(name === "length" ? { kind: "length" } : { kind: "key", name });
  return pattern.lastIndex;
}

function readSubscript(text: string, open: number, nesting: Nesting, steps: Step[]): number {
  const close = closing(text, open);
  const body = text.slice(open + 1, close);
  const trimmed = body.trim();
  if (trimmed === "*") steps.push({ kind: "wildcard" });
  else if (trimmed.startsWith("?")) {
    const found = /^\?\(([\s\S]*)\)$/.exec(trimmed);
    if (found === null) throw unsupported("a filter is written [?(...)]", open);
    steps.push({ kind: "filter", filter: nesting.readFilter(found[1] ?? "", nesting.depth + 1) });
  } else steps.push(subscript(split(body), open, nesting));
  return close + 1;
}

/** The `]` that belongs to the `[` at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const sign = text.charAt(at);
    if (sign === "'" || sign === '"') at = quoteEnd(text, at);
    else if (sign === "[" || sign === "(") depth += 1;
    else if (sign === "]" || sign === ")") depth -= 1;
    if (depth === 0 && sign === "]") return at;
    if (depth === 0) break;
  }
  throw invalid("the bracket is not closed", open);
}

/** The place of the quote that ends the string which begins at `open`. */
export function quoteEnd(text: string, open: number): number {
  const quote = text.charAt(open);
  for (let at = open + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.charAt(at) === quote) return at;
  }
  throw invalid("the string is not closed", open);
}

/** The parts between the commas, or between the colons. */
function split(body: string): { readonly parts: readonly string[]; readonly separator: "," | ":" | "" } {
  const parts: string[] = [];
  let separator: "," | ":" | "" = "";
  let depth = 0;
  let begin = 0;
  for (let at = 0; at < body.length; at++) {
    const sign = body.charAt(at);
    if (sign === "'" || sign === '"') at = quoteEnd(body, at);
    else if (sign === "(") depth += 1;
    else if (sign === ")") depth -= 1;
    else if ((sign === "," || sign === ":") && depth === 0) {
      if (separator !== "" && separator !== sign) throw invalid("a subscript is a list or a range, not both", at);
      separator = sign;
      parts.push(body.slice(begin, at).trim());
      begin = at + 1;
    }
  }
  parts.push(body.slice(begin).trim());
  return { parts, separator };
}

function subscript({ parts, separator }: ReturnType<typeof split>, at: number, nesting: Nesting): Step {
  if (separator === ":") {
    if (parts.length > 3) throw invalid("a range is [from:to:step]", at);
    const [from, to, step] = parts.map((part) => (part === "" ? undefined : readPart(part, at, nesting)));
    return { kind: "range", from, to, step };
  }
  const names = parts.flatMap((part) => (isQuoted(part) ? [unquote(part)] : []));
  const [first] = names;
  if (names.length === parts.length && first !== undefined) {
    return names.length === 1 ? { kind: "key", name: first } : { kind: "keys", names };
  }
  if (names.length > 0) throw unsupported("names and numbers together in one subscript", at);
  const numbers = parts.map((part) => readPart(part, at, nesting));
  const [only] = numbers;
  if (numbers.length === 1 && only !== undefined) return { kind: "index", at: only };
  return { kind: "indices", parts: numbers };
}

function isQuoted(part: string): boolean {
  return /^['"]/.test(part) && quoteEnd(part, 0) === part.length - 1;
}

/** A quoted name; a backslash only escapes the quote. */
function unquote(part: string): string {
  const quote = part.charAt(0);
  return part.slice(1, -1).replaceAll(`\\${quote}`, quote);
}

function readPart(part: string, at: number, nesting: Nesting): Part {
  if (/^[+-]?\d{1,15}$/.test(part)) return Number(part);
  const script = /^\(([\s\S]+)\)$/.exec(part)?.[1];
  if (script === undefined) throw invalid(`"${part}" is no name in quotes, number, range or filter`, at);
  return nesting.readFilter(script, nesting.depth + 1);
}
