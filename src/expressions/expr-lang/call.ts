import type { Budget } from "./budget.ts";

/** What built-ins have besides their arguments. */
export interface CallContext {
  readonly budget: Budget;
  /** Unix milliseconds, for `now()`. */
  readonly nowMs: (() => number) | undefined;
}

/** A built-in that takes no closure. */
export type Builtin = (args: readonly unknown[], cx: CallContext) => unknown;
