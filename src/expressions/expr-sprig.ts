import { GoDuration, GoTime } from "./expr-lang/times.ts";
import { AnyMap, FunctionValue, IntSlice, StringSlice } from "./expr-lang/values.ts";
import { compileExpr, type ExprOptions } from "./expr-lang.ts";
import type { TemplateContext } from "./go-template.ts";
import {
  type CallContext,
  CallFault,
  GO_TYPES,
  type GoFunction,
  GoMap,
  type GoValue,
  int,
  list,
  MAX_DATA_DEPTH,
  Meter,
  mapOf,
  type ParamType,
  typedList,
  typeName,
} from "./go-value.ts";
import { memory } from "./memory.ts";
import { failed } from "./pratt.ts";
import { durationValue, isTime, nanosOf, timeValue } from "./sprig/time-value.ts";
import { sprigFunctions, unsupportedFunctions } from "./sprig.ts";

/** `filter.expression` as Argo Events runs it: with `sprig.name(...)`, `now()` and the functions that `compileExpr` has itself. */
export interface FilterExpr {
  /**
   * Whether the event passes; `cx` is the only clock and randomness, so the same data and `cx` give the same answer. Throws
   * EXPRESSION_FAILED as `Expr.evaluate` does.
   */
  evaluate(data: unknown, cx: TemplateContext): boolean;
  /** The value itself: integers are bigints. */
  evaluateAny(data: unknown, cx: TemplateContext): unknown;
}

/** What sprig may do in one evaluation, in the units of `Meter`: an endless series of dear calls ends after about 0.1 s. */
const BUDGET = 8 * 1024 * 1024;
const SECOND = 1_000_000_000n;

/** A version is a Go object whose methods are all that it is for; an expression has no way to use them here. */
const withoutExpression: ReadonlySet<string> = new Set([...unsupportedFunctions, "semver"]);

/**
 * Reads an expression with all of sprig 3.3.0's generic functions but `env`, `expandenv` and the ones that a template
 * refuses too (those and `semver` are EXPRESSION_UNSUPPORTED). expr calls them by reflection: an argument must have the
 * parameter's very type, so a number of the data (float64) is refused where sprig wants an int: write `int(x)`. Unlike
 * there, an integer has one type (a result of `sprig.add`, an int64, is taken as an int), a nil slice is an empty one, keys
 * and values come in order, and a map that a function changes is a copy.
 */
export function compileFilterExpr(text: string): FilterExpr {
  const remember = memory();
  // The evaluation that is under way: evaluating is synchronous, so there is one at most.
  let current: CallContext | undefined;
  const options: ExprOptions = {
    nowMs: () => current?.nowMs ?? 0,
    sprig: new Map(
      [...sprigFunctions]
        .filter(([name]) => !withoutExpression.has(name))
        .map(([name, called]) => [name, (args) => call({ name, called }, args, current)]),
    ),
    unsupportedSprig: withoutExpression,
  };
  const compiled = compileExpr(text, options);
  const within = <T>(cx: TemplateContext, evaluate: () => T): T => {
    const random = (): number => cx.random();
    current = { nowMs: cx.nowMs, random, meter: new Meter(BUDGET), localZone: "UTC", env: undefined, remember };
    return evaluate();
  };
  return {
    evaluate: (data, cx) => within(cx, () => compiled.evaluate(data)),
    evaluateAny: (data, cx) => within(cx, () => compiled.evaluateAny(data)),
  };
}

interface Named {
  readonly name: string;
  readonly called: GoFunction;
}

function call({ name, called }: Named, args: readonly unknown[], cx: CallContext | undefined): unknown {
  if (cx === undefined) throw failed("there is no clock here");
  const { params, rest } = called;
  if (args.length < params.length || (rest === undefined && args.length > params.length)) {
    const wanted = rest === undefined ? params.length : `at least ${params.length}`;
    throw failed(`sprig.${name} takes ${wanted} argument${params.length === 1 ? "" : "s"}, not ${args.length}`);
  }
  try {
    const given = args.map((arg, index) => argument(arg, params[index] ?? rest ?? "any", cx.meter));
    return fromGo(called.call(given, cx), cx.meter, 0);
  } catch (error) {
    if (!(error instanceof CallFault)) throw error;
    throw failed(`sprig.${name}: ${error.reason}`);
  }
}

/** What `reflect.Call` lets through, in the shape that functions take. */
function argument(arg: unknown, type: ParamType, meter: Meter): GoValue {
  const value = toGo(arg, meter, 0);
  if (type === "any") return value;
  if (typeof value === "object" && value !== null && value.go === "int" && value.type !== "time.Duration") {
    if (type === "int") return Number(value.value);
    // An int64 is passed as a bigint, which is no GoValue of its own.
    if (type === "int64") return value.value as unknown as GoValue;
  }
  if (value === null) throw new CallFault(`nil cannot be the ${GO_TYPES[type]} that is wanted`);
  const given = typeName(value);
  if (given === GO_TYPES[type]) return value;
  throw new CallFault(`a ${given} cannot be the ${GO_TYPES[type]} that is wanted`);
}

/** A value of an expression as one of Go's reflection. */
function toGo(value: unknown, meter: Meter, depth: number): GoValue {
  meter.spend(1);
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "bigint":
      return int(value);
    case "object":
      return value === null ? null : objectToGo(value, meter, depth);
    case "undefined":
      return null;
    default:
      throw new CallFault("a function cannot be an argument");
  }
}

function objectToGo(value: object, meter: Meter, depth: number): GoValue {
  if (depth > MAX_DATA_DEPTH) throw new CallFault("data nested too deeply");
  if (value instanceof GoTime) {
    const nanos = ((value.unixNs % SECOND) + SECOND) % SECOND;
    return timeValue({ seconds: Number((value.unixNs - nanos) / SECOND), nanos: Number(nanos) }, value.zone);
  }
  if (value instanceof GoDuration) return durationValue(value.ns);
  if (value instanceof FunctionValue) throw new CallFault("a function cannot be an argument");
  if (Array.isArray(value)) {
    const items = Array.from(value, (item: unknown) => toGo(item, meter, depth + 1));
    if (value instanceof IntSlice) return typedList("int", items);
    return value instanceof StringSlice ? typedList("string", items) : list(items);
  }
  if (value instanceof AnyMap) throw new CallFault("a map with keys that are not strings cannot be an argument");
  // Maps of the data are read where they are; only those that the expression made hold more than decoded JSON.
  if (!(value instanceof Map)) return new GoMap("interface {}", { source: value });
  return mapOf(Array.from(value, ([key, item]) => [String(key), toGo(item, meter, depth + 1)] as const));
}

/** A result as a value of an expression: every integer is a bigint, maps are Maps. */
function fromGo(value: GoValue, meter: Meter, depth: number): unknown {
  meter.spend(1);
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return value;
  if (depth > MAX_DATA_DEPTH) throw new CallFault("the result is nested too deeply");
  if (value.go === "int") return value.type === "time.Duration" ? new GoDuration(value.value) : value.value;
  if (value.go === "list") {
    const items = value.items.map((item) => fromGo(item, meter, depth + 1));
    if (value.elem === "string") return StringSlice.from(items.map(String));
    return value.elem === "int" ? IntSlice.from(items.map((item) => BigInt(String(item)))) : items;
  }
  if (value.go === "map") {
    return new Map(value.keys().map((key) => [key, fromGo(value.get(key), meter, depth + 1)] as const));
  }
  if (isTime(value)) return new GoTime(nanosOf(value), value.zone);
  throw new CallFault(`a ${value.type} cannot be a value of an expression`);
}
