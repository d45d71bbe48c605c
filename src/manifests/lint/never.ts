import { ExpressionError } from "../../expressions/fault.ts";
import { parseBool, parseFloat64 } from "../../expressions/go-number.ts";
import { compileRegexp, type GoRegexp } from "../../expressions/go-regexp.ts";
import type { Finding } from "../../lib/finding.ts";
import type { DataFilterSpec } from "../../sensors/dependency-schema.ts";
import type { DependencyView } from "./view.ts";

/** Values that are tried on each other, which costs their square; nobody writes so many. */
const maxValues = 300;

/** Data filters of a dependency that no event can pass. */
export function* neverPassing({ spec, path }: DependencyView): Iterable<Finding> {
  const data = spec.filters?.data ?? [];
  const at = [...path, "filters", "data"];
  for (const [i, item] of data.entries()) {
    if (item.type !== "string" || item.comparator === "!=") continue;
    for (const [j, pattern] of item.value.entries()) {
      if (matchesNothing(pattern))
        yield never(
          [...at, i, "value", j],
          `no text matches ${JSON.stringify(pattern)}`,
          "Look at the anchors ^ and $.",
        );
    }
  }
  if (spec.filters?.dataLogicalOperator === "or") return;
  const byPath = new Map<string, { readonly item: DataFilterSpec; readonly index: number }[]>();
  for (const [index, item] of data.entries()) {
    if (item.template) continue;
    const key = `${item.type} ${item.path}`;
    byPath.set(key, [...(byPath.get(key) ?? []), { item, index }]);
  }
  for (const items of byPath.values()) {
    const last = items.at(-1);
    const size = items.reduce((sum, { item }) => sum + item.value.length, 0);
    if (items.length < 2 || size > maxValues || last === undefined || !contradict(items.map(({ item }) => item)))
      continue;
    const others = items.slice(0, -1).map(({ index }) => `data[${index}]`);
    const message = `no value of ${last.item.path} passes this filter and ${others.join(", ")}`;
    yield never([...at, last.index], message, "Write the values into one filter, or set `dataLogicalOperator: or`.");
  }
}

/** Whether a dependency gets no event at all by what `neverPassing` finds. */
export function passesNothing(dependency: DependencyView): boolean {
  if (dependency.spec.filtersLogicalOperator === "or") return false;
  for (const { path } of neverPassing(dependency)) if (path.length === dependency.path.length + 3) return true;
  return false;
}

function never(path: Finding["path"], message: string, fix: string): Finding {
  return { severity: "warning", code: "FILTER_NEVER", path, message, fix };
}

function contradict(items: readonly DataFilterSpec[]): boolean {
  switch (items[0]?.type) {
    case "number":
      return noNumber(items);
    case "bool":
      return ![true, false].some((value) => items.every((item) => item.value.some((one) => parseBool(one) === value)));
    default:
      return noText(items);
  }
}

/** Between two neighbouring bounds all numbers fare alike: trying the bounds, the middles and the ends is enough. */
function noNumber(items: readonly DataFilterSpec[]): boolean {
  const bounds = items.flatMap(({ value }) => value.map(parseFloat64)).filter((n) => n !== undefined);
  if (bounds.some((n) => !Number.isFinite(n))) return false;
  bounds.sort((a, b) => a - b);
  const tries = bounds.flatMap((n, i) => [n, (n + (bounds[i + 1] ?? n + 2)) / 2]);
  tries.push((bounds[0] ?? 0) - 1);
  return !tries.some((value) =>
    items.every((item) => item.value.some((one) => compare(item, value, parseFloat64(one)))),
  );
}

function compare({ comparator }: DataFilterSpec, value: number, wanted: number | undefined): boolean {
  if (wanted === undefined) return true;
  switch (comparator) {
    case "!=":
      return value !== wanted;
    case ">":
      return value > wanted;
    case ">=":
      return value >= wanted;
    case "<":
      return value < wanted;
    case "<=":
      return value <= wanted;
    default:
      return value === wanted;
  }
}

/** Only where one of the filters names all the texts that it lets through (`^a$`): each is tried on the others. */
function noText(items: readonly DataFilterSpec[]): boolean {
  const tests = items.map(({ value }) => value.map(regexpOf));
  const listed = items.flatMap(({ value, comparator }) => {
    const literals = value.map(literalOf);
    return comparator === "!=" || literals.includes(undefined) ? [] : [literals.filter((one) => one !== undefined)];
  });
  const [candidates] = listed;
  if (candidates === undefined) return false;
  return !candidates.some((text) =>
    items.every((item, i) =>
      (tests[i] ?? []).some((regexp) => regexp === undefined || regexp.test(text) === (item.comparator !== "!=")),
    ),
  );
}

function regexpOf(pattern: string): GoRegexp | undefined {
  try {
    return compileRegexp(pattern);
  } catch (cause) {
    if (cause instanceof ExpressionError) return undefined;
    throw cause;
  }
}

function literalOf(pattern: string): string | undefined {
  const body = /^\^((?:[\w /:@,;=-]|\\[.+*?()|[\]{}^$/-])*)\$$/.exec(pattern)?.[1];
  return body?.replaceAll("\\", "");
}

/** A letter before ^ or behind $ in a pattern without groups, classes, choices or flags. */
function matchesNothing(pattern: string): boolean {
  if (/[()[\]|?*{}\\]/.test(pattern)) return false;
  return /[^^$]\^/.test(pattern) || /\$[^$^]/.test(pattern);
}
