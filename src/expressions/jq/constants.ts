import type { Pattern, Query } from "./syntax.ts";
import { isNumber, type JqObject, reckon, type Value } from "./value.ts";

/** The variables that a pattern binds. */
export function variablesOf(pattern: Pattern): string[] {
  if (pattern.type === "variable") return [pattern.name];
  if (pattern.type === "array") return pattern.items.flatMap(variablesOf);
  return pattern.entries.flatMap(({ name, pattern: inner }) => [
    ...(name === undefined ? [] : [name]),
    ...(inner === undefined ? [] : variablesOf(inner)),
  ]);
}

/** A key that is written out: a string, or a number with or without a sign. */
export function constantKey(query: Query): Value | undefined {
  if (query.type === "literal") {
    return typeof query.value === "string" || (query.value !== null && isNumber(query.value)) ? query.value : undefined;
  }
  if (query.type !== "sign" || query.body.type !== "literal" || !isNumber(query.body.value)) return undefined;
  const n = reckon(query.body.value);
  return query.sign === "-" ? -n : n;
}

export function constantSlice({
  start,
  end,
}: {
  readonly start: Query | undefined;
  readonly end: Query | undefined;
}): JqObject | undefined {
  const from = start === undefined ? null : constantKey(start);
  const to = end === undefined ? null : constantKey(end);
  return from === undefined || to === undefined ? undefined : { start: from, end: to };
}

/** The path of a target like `.a["b"][0].c[1:2]`. */
export function constantPath(query: Query): Value[] | undefined {
  if (query.type === "pipe" && query.right.type === "identity") return constantPath(query.left);
  if (query.type !== "index" && query.type !== "slice") return undefined;
  const key = query.type === "index" ? constantKey(query.key) : constantSlice(query);
  if (key === undefined) return undefined;
  if (query.target.type === "identity") return [key];
  const path = constantPath(query.target);
  return path === undefined ? undefined : [...path, key];
}
