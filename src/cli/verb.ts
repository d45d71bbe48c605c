import type { Command } from "commander";
import type { Io } from "./io.ts";

/** Exit codes: what scripts rely on. */
export const exit = { ok: 0, bad: 1, usage: 2, noServer: 3, fault: 70 } as const;

/** How a verb is told what it ended with; the first code that is not 0 stays. */
export interface VerbContext {
  readonly io: Io;
  readonly version: string;
  end(code: number): void;
}

/** One verb: its module is loaded only when it is called or its help is asked for. */
export interface Verb {
  /** Shown first in the help: copy, paste, run. */
  readonly examples: readonly string[];
  /** Adds arguments, options, sub-verbs and actions. */
  declare(command: Command, cx: VerbContext): void;
}
