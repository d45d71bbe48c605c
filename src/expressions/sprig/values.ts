import { printPlain } from "../go-fmt.ts";
import { CallFault, type GoList, type GoMap, type GoValue, kindName, MAX_DATA_DEPTH, type Meter } from "../go-value.ts";

/** The items of a slice; anything else is the fault "Cannot <what> <type>". */
export function itemsOf(value: GoValue, what: string): GoValue[] {
  if (value === undefined || value === null) throw nilFault();
  if (isList(value)) return value.items;
  throw new CallFault(`Cannot ${what} ${kindName(value)}`);
}

/** What Go says where sprig asks nil for its type. */
export function nilFault(): CallFault {
  return new CallFault("runtime error: invalid memory address or nil pointer dereference");
}

export function isList(value: GoValue): value is GoList {
  return typeof value === "object" && value !== null && value.go === "list";
}

/** Every value as text, nil left out; one value that is no slice is a list of one. */
export function stringsOf(value: GoValue, meter: Meter): string[] {
  if (value === undefined || value === null) return [];
  if (!isList(value)) return [textOf(value, meter)];
  meter.spend(value.items.length);
  return value.items
    .filter((item) => item !== null && item !== undefined)
    .map((item) => {
      const text = textOf(item, meter);
      meter.spend(text.length);
      return text;
    });
}

/** Sprig's way to make text of anything. */
export function textOf(value: GoValue, meter: Meter): string {
  return typeof value === "string" ? value : printPlain(value, meter);
}

/** Sprig's emptiness: nil, zero, "", no items; a time is never empty. */
export function isEmpty(value: GoValue): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value === 0;
  if (typeof value === "string") return value === "";
  if (value.go === "list") return value.items.length === 0;
  if (value.go === "map") return value.size === 0;
  return value.go === "int" && value.value === 0n;
}

/** `reflect.DeepEqual`: the types must be the same too, so 1 and 1.0 differ, and so do a nil and an empty slice. */
export function deepEqual(a: GoValue, b: GoValue, meter: Meter): boolean {
  return sameDeep(a ?? null, b ?? null, { meter, depth: 0 });
}

interface Walk {
  readonly meter: Meter;
  readonly depth: number;
}

function sameDeep(a: GoValue, b: GoValue, walk: Walk): boolean {
  walk.meter.spend(4);
  if (walk.depth > MAX_DATA_DEPTH) throw new CallFault("data nested too deeply to compare");
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return (a ?? null) === (b ?? null);
  const inner = { ...walk, depth: walk.depth + 1 };
  if (a.go === "int" && b.go === "int") return a.type === b.type && a.value === b.value;
  if (a.go === "object" && b.go === "object") return a.equals(b);
  if (a.go === "list" && b.go === "list") {
    if (a.elem !== b.elem || a.isNil !== b.isNil || a.items.length !== b.items.length) return false;
    return a.items.every((item, i) => sameDeep(item ?? null, b.items[i] ?? null, inner));
  }
  if (a.go === "map" && b.go === "map") return sameMap(a, b, inner);
  return false;
}

function sameMap(a: GoMap, b: GoMap, walk: Walk): boolean {
  if (a.elem !== b.elem || a.isNil !== b.isNil || a.size !== b.size) return false;
  return a.keys().every((key) => b.has(key) && sameDeep(a.get(key) ?? null, b.get(key) ?? null, walk));
}

/** Says no before a text that long is made. */
export function checkedLength(length: number, meter: Meter): void {
  if (length < 0 || Number.isNaN(length)) throw new CallFault("strings: negative Repeat count");
  meter.spend(length);
}
