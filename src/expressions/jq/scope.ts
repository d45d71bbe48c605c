import type { Callee } from "./calls.ts";

/** What a name means while compiling: a list, innermost first. */
export type Scope = {
  readonly up: Scope;
  readonly name: string;
  /** How many things of the environment are in scope with this one; functions take no place in it. */
  readonly depth: number;
  readonly meaning: Meaning;
} | null;

type Meaning =
  | { readonly kind: "variable" | "closure" | "label" }
  | { readonly kind: "function"; readonly arity: number; readonly callee: Callee };

export function depthOf(scope: Scope): number {
  return scope === null ? 0 : scope.depth;
}

export function withPlace(up: Scope, name: string, kind: "variable" | "closure" | "label"): Scope {
  return { up, name, depth: depthOf(up) + 1, meaning: { kind } };
}

export function withFunction(up: Scope, name: string, arity: number, callee: Callee): Scope {
  return { up, name, depth: depthOf(up), meaning: { kind: "function", arity, callee } };
}

/** How far up the environment a variable or label is; undefined when there is none of that name. */
export function distanceTo(scope: Scope, name: string, kind: "variable" | "label"): number | undefined {
  for (let at = scope; at !== null; at = at.up) {
    if (at.name === name && at.meaning.kind === kind) return depthOf(scope) - at.depth;
  }
  return undefined;
}

/** The innermost function or parameter that a call means. */
export function functionNamed(
  scope: Scope,
  name: string,
  arity: number,
): { readonly callee: Callee; readonly distance: number } | { readonly closure: number } | undefined {
  for (let at = scope; at !== null; at = at.up) {
    if (at.name !== name) continue;
    const { meaning } = at;
    const distance = depthOf(scope) - at.depth;
    if (meaning.kind === "closure" && arity === 0) return { closure: distance };
    if (meaning.kind === "function" && meaning.arity === arity) return { callee: meaning.callee, distance };
  }
  return undefined;
}
