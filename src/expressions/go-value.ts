import { compareText } from "./go-text.ts";

/**
 * The values of Go's reflection that templates and their functions see. Decoded JSON comes in as it is (`wrap`), numbers
 * are float64. `undefined` is Go's invalid value (a missing map key, printed `<no value>`); `null` is a nil interface.
 */
export type GoValue = undefined | null | boolean | number | string | GoInt | GoList | GoMap | GoObject;

type IntType = "int" | "int32" | "int64" | "uint8" | "uint64" | "time.Month" | "time.Weekday" | "time.Duration";

/** An integer with its Go type; `text` is what its String method says (a month's name), `methods` what it has besides. */
export interface GoInt {
  readonly go: "int";
  readonly type: IntType;
  readonly value: bigint;
  readonly text?: string;
  readonly methods?: ReadonlyMap<string, GoFunction>;
}

/** A slice. `items` is only ever changed in place by `sortAlpha` on a []string, as in sprig. */
export interface GoList {
  readonly go: "list";
  readonly elem: "interface {}" | "string" | "int" | "[]interface {}";
  readonly items: GoValue[];
  /** A nil slice: prints like an empty one, but JSON says null. */
  readonly isNil: boolean;
}

/** A Go struct or pointer with methods: a time, a version. */
export interface GoObject {
  readonly go: "object";
  readonly type: string;
  readonly kind: "struct" | "ptr";
  print(): string;
  /** The JSON text of it. */
  json(): string;
  /** `reflect.DeepEqual`. */
  equals(other: GoObject): boolean;
  method(name: string): GoFunction | undefined;
}

export type ParamType =
  | "any"
  | "value"
  | "string"
  | "int"
  | "int64"
  | "float64"
  | "bool"
  | "dict"
  | "time"
  | "duration"
  | "version";

/** What a function gets besides its arguments. */
export interface CallContext {
  /** Unix milliseconds: the only clock. */
  readonly nowMs: number;
  /** In [0, 1): the only randomness. */
  random(): number;
  readonly meter: Meter;
  /** `time.Local`: an IANA name. */
  readonly localZone: string;
  readonly env: ((name: string) => string) | undefined;
  /** What is costly to make (a pattern, a time zone), kept with the template; bounded. */
  remember<T>(key: string, make: () => T): T;
}

export interface GoFunction {
  readonly params: readonly ParamType[];
  /** The type of further arguments, if it takes them. */
  readonly rest: ParamType | undefined;
  call(args: readonly GoValue[], cx: CallContext): GoValue;
}

/** A function failed; the executor adds where. Not an Error: a template that asks in a loop must stay cheap. */
export class CallFault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * The budget of one execution, in units of about one character made or an eighth of a node evaluated. Everything that can
 * grow (text, lists, printing of shared structures) pays before it grows.
 */
export class Meter {
  #left: number;
  constructor(units: number) {
    this.#left = units;
  }
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new CallFault("the step budget is used up");
  }
}

/** How deep data may be nested where a function walks it; `set` can make a map hold itself. */
export const MAX_DATA_DEPTH = 400;

export function int(value: number | bigint): GoInt {
  return { go: "int", type: "int", value: BigInt(value) };
}
/** Wraps around like Go's int64. */
export function int64(value: bigint): GoInt {
  return { go: "int", type: "int64", value: BigInt.asIntN(64, value) };
}
export function list(items: GoValue[]): GoList {
  return { go: "list", elem: "interface {}", items, isNil: false };
}
export function typedList(elem: GoList["elem"], items: GoValue[]): GoList {
  return { go: "list", elem, items, isNil: false };
}
export function nilList(elem: GoList["elem"] = "interface {}"): GoList {
  return { go: "list", elem, items: [], isNil: true };
}

/**
 * A map with string keys. One made from decoded JSON reads through to it and copies on the first write, so the caller's
 * data never change; a nested map that was handed out is kept, so a later `set` on it is seen through its parent.
 */
export class GoMap {
  readonly go = "map";
  readonly elem: "interface {}" | "string";
  readonly isNil: boolean;
  #source: object | undefined;
  #own: Map<string, GoValue> | undefined;

  constructor(
    elem: "interface {}" | "string" = "interface {}",
    from: { source?: object; own?: Map<string, GoValue>; isNil?: boolean } = {},
  ) {
    this.elem = elem;
    this.isNil = from.isNil ?? false;
    this.#source = from.source;
    this.#own = from.own;
  }

  has(key: string): boolean {
    if (this.#source === undefined) return this.#own?.has(key) ?? false;
    return this.#source instanceof Map ? this.#source.has(key) : Object.hasOwn(this.#source, key);
  }

  /** `undefined` when there is no such key. */
  get(key: string): GoValue {
    const source = this.#source;
    if (source === undefined) return this.#own?.get(key);
    if (this.#own?.has(key)) return this.#own.get(key);
    const raw: unknown = source instanceof Map ? source.get(key) : ownValue(source, key);
    if (raw === null || typeof raw !== "object") return raw === undefined ? undefined : wrap(raw);
    const value = wrap(raw);
    this.#own ??= new Map();
    this.#own.set(key, value);
    return value;
  }

  set(key: string, value: GoValue): void {
    if (this.isNil) throw new CallFault("assignment to entry in nil map");
    this.#entries().set(key, value);
  }

  delete(key: string): void {
    this.#entries().delete(key);
  }

  get size(): number {
    const source = this.#source;
    if (source === undefined) return this.#own?.size ?? 0;
    return source instanceof Map ? source.size : Object.keys(source).length;
  }

  /** Keys in the order of their bytes, as Go prints and ranges. */
  keys(): string[] {
    const source = this.#source;
    const keys = source === undefined ? [...(this.#own?.keys() ?? [])] : keysOf(source);
    return keys.sort(compareText);
  }

  #entries(): Map<string, GoValue> {
    const source = this.#source;
    this.#own ??= new Map();
    if (source === undefined) return this.#own;
    const own = new Map(keysOf(source).map((key) => [key, this.get(key)]));
    this.#own = own;
    this.#source = undefined;
    return own;
  }
}

function keysOf(source: object): string[] {
  if (!(source instanceof Map)) return Object.keys(source);
  return [...source.keys()].filter((key) => typeof key === "string");
}

function ownValue(source: object, key: string): unknown {
  return Object.hasOwn(source, key) ? Reflect.get(source, key) : undefined;
}

/** Decoded JSON as a Go value; shallow, deeper levels are wrapped when they are reached. */
export function wrap(raw: unknown): GoValue {
  switch (typeof raw) {
    case "string":
    case "number":
    case "boolean":
      return raw;
    case "bigint":
      return int64(raw);
    case "object":
      if (raw === null) return null;
      if (Array.isArray(raw)) return list(raw.map(wrap));
      return new GoMap("interface {}", { source: raw });
    default:
      return null;
  }
}

export function mapOf(entries: Iterable<readonly [string, GoValue]>, elem: GoMap["elem"] = "interface {}"): GoMap {
  return new GoMap(elem, { own: new Map(entries) });
}

/** The Go type, as `%T` and error messages name it. */
export function typeName(value: GoValue): string {
  if (value === undefined || value === null) return "interface {}";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float64";
  if (typeof value === "string") return "string";
  if (value.go === "list") return `[]${value.elem}`;
  if (value.go === "map") return `map[string]${value.elem}`;
  return value.type;
}

/** `reflect.Kind`. */
export function kindName(value: GoValue): string {
  if (value === undefined || value === null) return "invalid";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "float64";
  if (typeof value === "string") return "string";
  if (value.go === "list") return "slice";
  if (value.go === "map") return "map";
  if (value.go === "object") return value.kind;
  if (value.type === "time.Duration") return "int64";
  return value.type.startsWith("time.") ? "int" : value.type;
}

/** Go's truth of `if`, `and`, `or`: not the zero value, not empty. */
export function isTrue(value: GoValue): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  if (typeof value === "string") return value.length > 0;
  if (value.go === "list") return value.items.length > 0;
  if (value.go === "map") return value.size > 0;
  return value.go === "int" ? value.value !== 0n : true;
}

interface Shapes {
  any: GoValue;
  value: GoValue;
  string: string;
  int: number;
  int64: bigint;
  float64: number;
  bool: boolean;
  dict: GoMap;
  time: GoObject;
  /** Nanoseconds. */
  duration: bigint;
  version: GoObject;
}
type Args<P extends readonly ParamType[]> = { readonly [K in keyof P]: Shapes[P[K]] };

/** A function of fixed arguments. The executor has checked them against `params` before `body` runs. */
export function fn<const P extends readonly ParamType[]>(
  params: P,
  body: (args: Args<P>, cx: CallContext) => GoValue,
): GoFunction {
  return { params, rest: undefined, call: (args, cx) => body(args as unknown as Args<P>, cx) };
}

/** A function that takes more arguments of type `rest` after the fixed ones. */
export function variadic<const P extends readonly ParamType[], R extends ParamType>(
  params: P,
  rest: R,
  body: (args: readonly [...Args<P>, ...Shapes[R][]], cx: CallContext) => GoValue,
): GoFunction {
  return { params, rest, call: (args, cx) => body(args as unknown as readonly [...Args<P>, ...Shapes[R][]], cx) };
}

/** What Go calls the type of a parameter. */
export const GO_TYPES: Readonly<Record<ParamType, string>> = {
  any: "interface {}",
  value: "reflect.Value",
  string: "string",
  int: "int",
  int64: "int64",
  float64: "float64",
  bool: "bool",
  dict: "map[string]interface {}",
  time: "time.Time",
  duration: "time.Duration",
  version: "*semver.Version",
};
