import type { CodeName } from "./errors.ts";

/** The way to a value inside a manifest: keys and indexes from the object's root. */
export type Path = readonly (string | number)[];

/**
 * Something wrong, or probably not meant, in a manifest: a value, not an exception. Whoever finds it knows the path;
 * the reader of the manifest adds file, line and column.
 */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly code: CodeName;
  readonly message: string;
  readonly path: Path;
  /** Offset inside the string at `path`, where the fault is inside an expression. */
  readonly offset?: number;
  /** What to write instead, or what to do. Falls back to the code's own fix. */
  readonly fix?: string;
  /** The key itself is meant (unknown field), not its value. */
  readonly key?: boolean;
  /** Where it is, when that is another file which the manifest names; the path is one inside of it then. */
  readonly place?: { readonly file: string; readonly line: number; readonly column: number };
  /** What `lint --fix` may write by itself: only where it is certain what was meant. */
  readonly repair?: Repair;
}

/**
 * A change of the text where a finding stands: of the key (rename, move) or of the scalar. A key is moved into the map
 * around its own, or into the map that a sibling key of its own map holds.
 */
export type Repair =
  | { readonly do: "rename"; readonly to: string }
  | { readonly do: "quote" }
  | { readonly do: "unquote" }
  | { readonly do: "value"; readonly text: string }
  | { readonly do: "move"; readonly to: "outer" | { readonly sibling: string } };

/** A finding with its place. Lines and columns count from 1. */
export interface PlacedFinding extends Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}
