import { fn, type GoFunction, type GoValue, kindName, typeName } from "../go-value.ts";
import { deepEqual } from "./values.ts";

/** Reflection. */
export const reflection: readonly (readonly [string, GoFunction])[] = [
  ["typeOf", fn(["any"], ([value]) => typeOf(value))],
  ["typeIs", fn(["string", "any"], ([type, value]) => type === typeOf(value))],
  ["typeIsLike", fn(["string", "any"], ([type, value]) => type === typeOf(value) || `*${type}` === typeOf(value))],
  ["kindOf", fn(["any"], ([value]) => kindName(value))],
  ["kindIs", fn(["string", "any"], ([kind, value]) => kind === kindName(value))],
  ["deepEqual", fn(["any", "any"], ([a, b], cx) => deepEqual(a, b, cx.meter))],
];

function typeOf(value: GoValue): string {
  return value === null || value === undefined ? "<nil>" : typeName(value);
}
