/** The static types that expr's checker knows; event data are `any`. */
export type Type =
  | { readonly kind: "any" | "nil" | "bool" | "int" | "float" | "string" | "time" | "duration" }
  | { readonly kind: "array"; readonly elem: Type }
  | { readonly kind: "map"; readonly key: "string" | "any"; readonly elem: Type }
  | { readonly kind: "method"; readonly result: Type };

export const any: Type = { kind: "any" };
export const nil: Type = { kind: "nil" };
export const bool: Type = { kind: "bool" };
export const int: Type = { kind: "int" };
export const float: Type = { kind: "float" };
export const string: Type = { kind: "string" };
export const time: Type = { kind: "time" };
export const duration: Type = { kind: "duration" };
export const array: Type = { kind: "array", elem: any };
export const strings: Type = { kind: "array", elem: string };
export const map: Type = { kind: "map", key: "string", elem: any };
export const anyMap: Type = { kind: "map", key: "any", elem: any };

/** A duration is an integer to the checker, as Go's kind of it is. */
export function isNumber(type: Type): boolean {
  return type.kind === "int" || type.kind === "float" || type.kind === "duration";
}
export function isAny(type: Type): boolean {
  return type.kind === "any";
}

/** Whether a value of `from` can be given where `to` is wanted, without asking what an `any` holds. */
export function isAssignable(from: Type, to: Type): boolean {
  if (to.kind === "any") return true;
  if (from.kind === "array" && to.kind === "array") return sameType(from.elem, to.elem);
  if (from.kind === "map" && to.kind === "map") return from.key === to.key && sameType(from.elem, to.elem);
  return from.kind === to.kind;
}

function sameType(a: Type, b: Type): boolean {
  return a.kind === b.kind && isAssignable(a, b) && isAssignable(b, a);
}

export function isComparable(left: Type, right: Type): boolean {
  const kinds = [left.kind, right.kind];
  if (kinds.includes("nil") || kinds.includes("any") || left.kind === right.kind) return true;
  return isNumber(left) && isNumber(right);
}

export function typeName(type: Type): string {
  if (type.kind === "array") return `[]${typeName(type.elem)}`;
  return type.kind === "map" ? `map[${type.key}]${typeName(type.elem)}` : type.kind;
}
