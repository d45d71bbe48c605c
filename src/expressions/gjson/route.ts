import type { Glob } from "./glob.ts";
import type { Modifier } from "./modifiers.ts";

/**
 * A path, or the rest of one. What the text means depends on what it meets (`0` is a key of an object and an index of an
 * array; `#` is a key, too), so each reading is worked out once, when it is first needed, and kept.
 */
export interface Route {
  readonly text: string;
  head: Head | undefined;
  member: MemberStep | undefined;
  element: ElementStep | undefined;
}

export function route(text: string): Route {
  return { text, head: undefined, member: undefined, element: undefined };
}

/** How a path begins. */
export type Head =
  | { readonly kind: "search"; readonly lines: boolean; readonly route: Route }
  | { readonly kind: "modifier"; readonly run: Modifier; readonly arg: string; readonly rest: Route | undefined }
  | { readonly kind: "literal"; readonly json: string; readonly rest: Route | undefined }
  | {
      readonly kind: "multipath";
      readonly open: string;
      readonly parts: readonly MultipathPart[];
      readonly rest: Route | undefined;
    };

export interface MultipathPart {
  /** The quoted name and a colon in `{…}`, empty in `[…]`. */
  readonly prefix: string;
  readonly route: Route;
}

/** A part of a path, as an object reads it. At most one of `next` and `pipe` is there. */
export interface MemberStep {
  readonly key: string;
  readonly glob: Glob | undefined;
  readonly next: Route | undefined;
  readonly pipe: Route | undefined;
}

export interface Query {
  readonly path: Route;
  readonly operator: string;
  readonly value: string;
  /** `#(…)#`: all elements instead of the first. */
  readonly all: boolean;
}

/** A part of a path, as an array reads it. */
export type ElementStep = { readonly pipe: Route | undefined } & (
  | { readonly kind: "index"; readonly index: number; readonly next: Route | undefined }
  | { readonly kind: "count" }
  | { readonly kind: "each"; readonly each: Split }
  | { readonly kind: "query"; readonly query: Query; readonly next: Split | undefined }
);

/** A path that is applied to each element, and the one behind its pipe that is applied to what they make together. */
export interface Split {
  readonly route: Route;
  readonly pipe: Route | undefined;
}
