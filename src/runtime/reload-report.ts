import type { PlacedFinding } from "../lib/finding.ts";

/** What a reload did to the objects of one kind, by name; each name is in one list. */
export interface Changes {
  readonly added: readonly string[];
  /** Started anew. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** The same as before: undisturbed. */
  readonly kept: readonly string[];
  /** Bad in the new manifests: the old version goes on, where there is one. */
  readonly failed: readonly string[];
}

export interface ReloadReport {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly tookMs: number;
  /**
   * `unchanged`: nothing differs. `partial`: what is bad goes on in its old version, the rest is applied. `failed`: something
   * good could not be applied; it is tried again at the next reload.
   */
  readonly result: ReloadResult;
  /** `namespace/eventSource/event`. */
  readonly sources: Changes;
  /** `namespace/name`. */
  readonly sensors: Changes;
  /** `Secret namespace/name`, `ConfigMap namespace/name`. */
  readonly values: Changes;
  /** The errors of the new manifests, with file, line and column. */
  readonly findings: readonly PlacedFinding[];
  /** What could not be applied, a sentence each. */
  readonly errors: readonly string[];
}

export type ReloadResult = "applied" | "unchanged" | "partial" | "failed";

/** Neither new, nor changed, nor gone. */
export function isUnchanged({ added, changed, removed }: Changes): boolean {
  return added.length + changed.length + removed.length === 0;
}
