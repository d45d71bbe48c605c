import { isRecord } from "../lib/json.ts";
import { ExpressionError } from "./fault.ts";
import { compareText } from "./go-text.ts";
import { keeps, parseFilter } from "./jsonpath/filter.ts";
import { type Filter, type Part, parseSteps, type Scene, type Step } from "./jsonpath/parse.ts";
import { failed, invalid, MAX_DATA_DEPTH, tooDeep } from "./pratt.ts";

/** Steps over values that one query may take: `$..*..*..*` multiplies. */
const MAX_STEPS = 200_000;

interface Query {
  readonly root: unknown;
  left: number;
}

/**
 * What a JSONPath finds in a JSON text, as evilmonkeyinc/jsonpath 0.8.1 answers (reference 1.3): a path of names and indices
 * gives the value itself, a path with `*`, `..`, a range, a list or a filter gives a list, without nil and without what has
 * no such field. `.length` counts (a bigint). A name or index that is not there is EXPRESSION_FAILED. `in` in filters is
 * EXPRESSION_UNSUPPORTED.
 */
export function queryJsonPath(json: string, path: string): unknown {
  const next = path.charAt(1);
  if (!/^[$@]/.test(path) || (next !== "" && next !== "." && next !== "[")) {
    throw invalid("a JSONPath begins with $ and a point or bracket", 0);
  }
  const { steps, end } = parseSteps(path, 0, { depth: 0, readFilter: parseFilter });
  if (end < path.length) throw invalid(`"${path.slice(end, end + 20)}" cannot stand here`, end);
  const query: Query = { root: parseJson(json), left: MAX_STEPS };
  return apply(query, query.root, steps);
}

function parseJson(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return value;
  } catch (cause) {
    throw failed("jsonpath: the text is not JSON", { cause });
  }
}

function apply(query: Query, current: unknown, steps: readonly Step[]): unknown {
  query.left -= 1;
  if (query.left < 0) throw failed(`jsonpath: more than ${MAX_STEPS} steps`);
  const [step, ...rest] = steps;
  if (step === undefined) return current;
  switch (step.kind) {
    case "key":
      return apply(query, child(current, step.name), rest);
    case "index":
      return apply(query, element(current, numberOf(query, current, step.at)), rest);
    case "length":
      return apply(query, lengthOf(current), rest);
    case "recursive":
      return descend({ query, steps: rest }, current, 0);
    case "wildcard":
      return each(query, children(current), rest);
    case "filter":
      return spread(query, filtered(query, current, step.filter), rest);
    case "range":
      return spread(query, ranged(query, current, step), rest);
    case "keys":
      return spread(
        query,
        step.names.flatMap((name) => optional(current, name)),
        rest,
      );
    case "indices":
      return spread(query, indexed(query, current, step.parts), rest);
  }
}

/** What the rest of the path finds in each; failures and nil are left out. */
function each(query: Query, items: readonly unknown[], rest: readonly Step[]): unknown[] {
  if (rest.length === 0) return [...items];
  return items.flatMap((item) => {
    const found = quietly(() => apply(query, item, rest));
    return found === null ? [] : [found];
  });
}

/** After a list, range or filter an index picks from the whole result; any other step goes on in each. */
function spread(query: Query, items: readonly unknown[], rest: readonly Step[]): unknown {
  const [next] = rest;
  const picks = next?.kind === "index" && typeof next.at === "number";
  return picks ? apply(query, items, rest) : each(query, items, rest);
}

function quietly(find: () => unknown): unknown {
  try {
    return find();
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

interface Descent {
  readonly query: Query;
  readonly steps: readonly Step[];
}

/** The value itself, then everything below it; lists that the rest of the path finds are taken apart. */
function descend(descent: Descent, current: unknown, depth: number): unknown[] {
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (descent.query.left < 0) throw failed(`jsonpath: more than ${MAX_STEPS} steps`);
  if (current === null) return [];
  const { query, steps } = descent;
  const found = steps.length === 0 ? current : quietly(() => apply(query, current, steps));
  const own = steps.length > 0 && Array.isArray(found) ? [...found] : found === null ? [] : [found];
  if (typeof current !== "object") return own;
  const all: unknown[] = own;
  for (const item of children(current)) for (const below of descend(descent, item, depth + 1)) all.push(below);
  return all;
}

function child(from: unknown, name: string): unknown {
  if (!isRecord(from)) throw failed(`jsonpath: "${name}" of what is no object`);
  if (!Object.hasOwn(from, name)) throw failed(`jsonpath: there is no "${name}"`);
  return Reflect.get(from, name);
}

function optional(from: unknown, name: string): unknown[] {
  if (!isRecord(from)) throw failed(`jsonpath: "${name}" of what is no object`);
  return Object.hasOwn(from, name) ? [Reflect.get(from, name)] : [];
}

/** Elements, or values in the order of their keys. */
function children(from: unknown): readonly unknown[] {
  if (Array.isArray(from)) return from;
  if (!isRecord(from)) throw failed("jsonpath: * of what is no object and no list");
  return Object.keys(from)
    .sort(compareText)
    .map((key) => Reflect.get(from, key));
}

function listOf(from: unknown): readonly unknown[] {
  if (Array.isArray(from)) return from;
  throw failed("jsonpath: an index into what is no list");
}

function element(from: unknown, index: number): unknown {
  const list = listOf(from);
  const place = index < 0 ? list.length + index : index;
  if (place < 0 || place >= list.length) throw failed(`jsonpath: there is no element ${index}`);
  return list[place];
}

/** An object's own `length` comes first. */
function lengthOf(from: unknown): unknown {
  if (typeof from === "string") return BigInt(new TextEncoder().encode(from).length);
  if (Array.isArray(from)) return BigInt(from.length);
  if (!isRecord(from)) throw failed("jsonpath: the length of what has none");
  return Object.hasOwn(from, "length") ? Reflect.get(from, "length") : BigInt(Object.keys(from).length);
}

function numberOf(query: Query, current: unknown, part: Part): number {
  if (typeof part === "number") return part;
  const found = part(scene(query, current));
  const value = typeof found === "string" && /^[+-]?\d+$/.test(found) ? Number(found) : found;
  if (typeof value !== "number" && typeof value !== "bigint") throw failed("jsonpath: (...) must give a number");
  if (!Number.isInteger(Number(value))) throw failed("jsonpath: (...) must give an integer");
  return Number(value);
}

function scene(query: Query, current: unknown): Scene {
  return { root: query.root, current, follow: (steps, from) => apply(query, from, steps) };
}

function filtered(query: Query, current: unknown, filter: Filter): unknown[] {
  return children(current).filter((item) => keeps(quietly(() => filter(scene(query, item)))));
}

function indexed(query: Query, current: unknown, parts: readonly Part[]): unknown[] {
  const list = listOf(current);
  return parts.flatMap((part) => {
    const index = numberOf(query, current, part);
    const place = index < 0 ? list.length + index : index;
    return place < 0 || place >= list.length ? [] : [list[place]];
  });
}

function ranged(query: Query, current: unknown, { from, to, step }: Extract<Step, { kind: "range" }>): unknown[] {
  const list = listOf(current);
  const bound = (part: Part | undefined, missing: number): number => {
    if (part === undefined) return missing;
    const index = numberOf(query, current, part);
    return Math.min(Math.max(index < 0 ? list.length + index : index, 0), list.length);
  };
  const [first, end] = [bound(from, 0), bound(to, list.length)];
  const by = step === undefined ? 1 : numberOf(query, current, step);
  if (by === 0) throw failed("jsonpath: a step of 0");
  const found: unknown[] = [];
  if (by > 0) for (let at = first; at < end; at += by) found.push(list[at]);
  else for (let at = end - 1; at >= first; at += by) found.push(list[at]);
  return found;
}
