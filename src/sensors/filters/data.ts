import { asBool, asNumber, asString, compilePath, type GjsonPath, type GjsonResult } from "../../expressions/gjson.ts";
import { parseBool, parseFloat64 } from "../../expressions/go-number.ts";
import { quoteText } from "../../expressions/go-quote.ts";
import { compileRegexp, type GoRegexp } from "../../expressions/go-regexp.ts";
import { compileTemplate, type GoTemplate } from "../../expressions/go-template.ts";
import type { DataFilterSpec } from "../dependency-schema.ts";
import {
  dataFilter,
  type Filter,
  type FilterContext,
  type FilterPlace,
  type Item,
  type Operator,
  shown,
} from "./filter.ts";
import { seededRandom } from "./random.ts";
import type { EventView } from "./view.ts";

/** What a value of the data must be, or have as a part: what literal indexes are made of. */
export interface Demand {
  readonly path: string;
  readonly as: "text" | "number" | "part";
  readonly values: readonly string[];
}

export interface DataFilter extends Filter {
  /** Set where no event with data passes unless the value at `path` is, or contains, one of `values`. */
  readonly demand: Demand | undefined;
}

/** `filters.data` (reference 3.4). */
export function compileData(specs: readonly DataFilterSpec[], operator: Operator, at: FilterPlace): DataFilter {
  const items: Item[] = [];
  const demands: Demand[] = [];
  for (const [index, spec] of specs.entries()) {
    const path = [...at.path, index];
    const compiled = compileItem(spec, { ...at, path, salt: index });
    if (compiled === undefined) continue;
    items.push(compiled.item);
    if (compiled.demand !== undefined) demands.push(compiled.demand);
  }
  if (specs.length === 0) return { ...passesAll, demand: undefined };
  const joined = dataFilter("data", items, operator);
  // equality leaves fewer to be asked than a part does
  const demand = demands.find((one) => one.as !== "part") ?? demands[0];
  return { ...joined, demand: operator === "and" ? demand : undefined };
}

/** An empty list, whatever the operator and the data. */
const passesAll: Filter = { passes: () => true, explain: () => [] };

interface Place extends FilterPlace {
  readonly salt: number;
}

function compileItem(spec: DataFilterSpec, place: Place): { item: Item; demand: Demand | undefined } | undefined {
  const { path: at, report } = place;
  if (spec.comparator === "!=" && spec.type !== "bool" && spec.value.length > 1) {
    const fix = "to pass only what differs from all of them, write one data filter for each value";
    const message = "!= passes as soon as the value differs from one of those listed";
    report.warn([...at, "comparator"], message, { code: "FILTER_NOT_ANY", fix });
  }
  const path = report.expression([...at, "path"], () => compilePath(spec.path));
  const source = spec.template ?? "";
  const template =
    source === "" ? undefined : report.expression([...at, "template"], () => compileTemplate(source, place.env));
  const comparison = compileComparison(spec, place);
  if (path === undefined || comparison === undefined || (source !== "" && template === undefined)) return undefined;
  const wanted = template === undefined ? comparison.wanted : undefined;
  return {
    item: item({ spec, path, template, matches: comparison.matches, salt: place.salt }),
    demand: wanted && { path: spec.path, ...wanted },
  };
}

interface CompiledItem {
  readonly spec: DataFilterSpec;
  readonly path: GjsonPath;
  readonly template: GoTemplate | undefined;
  readonly matches: (value: GjsonResult) => boolean;
  readonly salt: number;
}

/** The value that is compared, or why there is none. */
type Met = GjsonResult | { readonly fault: string };

function item(compiled: CompiledItem): Item {
  const { spec, matches } = compiled;
  return {
    passes: (view, cx) => {
      const met = meet(compiled, view, cx);
      return !("fault" in met) && matches(met);
    },
    say: (view, cx) => {
      const met = meet(compiled, view, cx);
      if ("fault" in met) return { reason: met.fault };
      const value = shown(asString(met));
      const wanted = `${comparatorOf(spec)} ${spec.value.map((one) => JSON.stringify(one)).join(" or ")}`;
      const at = spec.template ? `${spec.path} through the template` : spec.path;
      return { value, reason: `${at} is ${JSON.stringify(value)}; wanted ${spec.type} ${wanted}` };
    },
  };
}

function comparatorOf(spec: DataFilterSpec): string {
  const comparator = spec.comparator || "=";
  return spec.type === "string" && comparator === "=" ? "matching" : spec.type === "bool" ? "=" : comparator;
}

function meet({ path, template, salt }: CompiledItem, view: EventView, cx: FilterContext): Met {
  const found = view.find(path);
  if (!found.exists) return { fault: `path ${path.text} does not exist` };
  if (template === undefined) return found;
  let output: string;
  try {
    output = template.render({ Input: asString(found) }, { nowMs: cx.nowMs, random: seededRandom(cx.seed, salt) });
  } catch (cause) {
    return { fault: `template: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
  if (output === "" || output === "<no value>") return { fault: "the template's output is empty" };
  // Argo Events reads the output back from a Go string literal: what JSON does not escape alike is cut there.
  return { exists: true, type: "String", raw: quoteText(output) };
}

interface Comparison {
  readonly matches: (value: GjsonResult) => boolean;
  /** The only values that match, or parts of which every value that matches has one, where they can be listed. */
  readonly wanted?: Pick<Demand, "as" | "values">;
}

/** A value matches when any of the listed ones does, also for `!=`. */
function compileComparison(spec: DataFilterSpec, place: Place): Comparison | undefined {
  switch (spec.type) {
    case "bool":
      return compareBools(spec, place);
    case "number":
      return compareNumbers(spec, place);
    default:
      return compareTexts(spec, place);
  }
}

function compareBools(spec: DataFilterSpec, { path, report }: Place): Comparison | undefined {
  const wanted = new Set<boolean>();
  for (const [i, text] of spec.value.entries()) {
    const value = parseBool(text);
    if (value === undefined) report.error([...path, "value", i], `${JSON.stringify(text)} is not a bool`);
    else wanted.add(value);
  }
  if (spec.comparator !== undefined && spec.comparator !== "" && spec.comparator !== "=") {
    report.warn(
      [...path, "comparator"],
      "bool values are always compared for equality",
      "list the other value instead",
    );
  }
  return { matches: (met) => wanted.has(asBool(met)) };
}

function compareNumbers(spec: DataFilterSpec, { path, report }: Place): Comparison | undefined {
  const wanted: number[] = [];
  for (const [i, text] of spec.value.entries()) {
    const value = parseFloat64(text);
    if (value === undefined) report.error([...path, "value", i], `${JSON.stringify(text)} is not a number`);
    else wanted.push(value);
  }
  const compare = numberComparators[spec.comparator ?? ""];
  const matches = (met: GjsonResult): boolean => {
    const value = asNumber(met);
    return wanted.some((one) => compare(value, one));
  };
  const equal = spec.comparator === undefined || spec.comparator === "" || spec.comparator === "=";
  // NaN equals nothing, so it may stand in the index only if it is never asked for.
  const values = wanted.filter((one) => !Number.isNaN(one)).map(String);
  return equal ? { matches, wanted: { as: "number", values } } : { matches };
}

const numberComparators: Readonly<
  Record<NonNullable<DataFilterSpec["comparator"]>, (value: number, wanted: number) => boolean>
> = {
  "": (value, wanted) => value === wanted,
  "=": (value, wanted) => value === wanted,
  "!=": (value, wanted) => value !== wanted,
  ">": (value, wanted) => value > wanted,
  ">=": (value, wanted) => value >= wanted,
  "<": (value, wanted) => value < wanted,
  "<=": (value, wanted) => value <= wanted,
};

function compareTexts(spec: DataFilterSpec, { path, report }: Place): Comparison | undefined {
  const tests: GoRegexp[] = [];
  const literals: LiteralPattern[] = [];
  for (const [i, pattern] of spec.value.entries()) {
    const regexp = report.expression([...path, "value", i], () => compileRegexp(pattern));
    if (regexp === undefined) continue;
    tests.push(regexp);
    const literal = literalPattern(pattern);
    if (literal !== undefined) literals.push(literal);
  }
  if (tests.length < spec.value.length) return undefined;
  const comparator = spec.comparator || "=";
  if (comparator === "!=") return { matches: (met) => tests.some((regexp) => !regexp.test(asString(met))) };
  if (comparator !== "=") {
    const message = `texts cannot be compared with ${comparator}: nothing passes`;
    report.warn([...path, "comparator"], message, { code: "FILTER_NEVER", fix: "use = or !=" });
    return { matches: () => false };
  }
  const matches = (met: GjsonResult): boolean => {
    const text = asString(met);
    return tests.some((regexp) => regexp.test(text));
  };
  if (literals.length < tests.length) return { matches };
  const values = literals.map(({ text }) => text);
  if (literals.every(({ whole }) => whole)) return { matches, wanted: { as: "text", values } };
  // the empty text is a part of every other
  return values.includes("") ? { matches } : { matches, wanted: { as: "part", values } };
}

interface LiteralPattern {
  /** What every text that matches has as a part. */
  readonly text: string;
  /** Whether it must be all of it. */
  readonly whole: boolean;
}

/**
 * A pattern without operators, with `^` or `$` or both or none; undefined for other patterns. Unanchored ones match any
 * text that contains them. Without operators no flag can change what ^ and $ mean.
 */
function literalPattern(pattern: string): LiteralPattern | undefined {
  const parts = /^(\^?)((?:[^\\.+*?()|[\]{}^$]|\\[!-/:-@[-`{-~])*)(\$?)$/u.exec(pattern);
  if (parts === null) return undefined;
  const [, start, body = "", end] = parts;
  return { text: body.replace(/\\(.)/gu, "$1"), whole: start !== "" && end !== "" };
}
