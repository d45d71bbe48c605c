import type { Log } from "../../src/lib/log.ts";

/** What a fault run does to tidemill, and what must still hold. One file of this folder each; `index.ts` is the list. */
export interface Scenario {
  /** As `npm run faults NAME` says it: lower case, words with hyphens. */
  readonly name: string;
  /** A few words for the table of docs/reference/faults.md. */
  readonly title: string;
  /** One sentence: what is done to it and what must hold. */
  readonly promise: string;
  /** Why it cannot run here (no compiler, no rights); undefined when it can. */
  unavailable?(): Promise<string | undefined>;
  /** Runs it in a folder of its own. Throws when what must hold does not. */
  run(cx: FaultContext): Promise<Sums>;
}

export interface FaultContext {
  /** An empty folder, removed afterwards. */
  readonly folder: string;
  /** Share of the whole run, 0 to 1: the tests of `npm test` run a small one. A scenario scales its counts by it. */
  readonly scale: number;
  /** The same seed makes the same choices. */
  readonly seed: number;
  /** Random numbers in [0, 1) that follow from the seed. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** A line about how far it is. */
  progress(text: string): void;
}

/** What a run adds up to. `lost` is 0, or the run has failed. */
export interface Sums {
  /** Events that tidemill acknowledged. */
  readonly eventsIn: number;
  /** Events that were refused with an answer that tells the sender to come again (503, no delete). */
  readonly pushedBack: number;
  /** Events with a decision. */
  readonly decided: number;
  /** Firings that reached their target. */
  readonly fired: number;
  /** Dead letters. */
  readonly dead: number;
  /** Acknowledged events that are nowhere: neither at the target, nor filtered, nor a dead letter. */
  readonly lost: number;
  /** Calls of the target beyond the first, all under the key of the first. */
  readonly repeated: number;
  /** Calls of the target for one event under another key: must be 0. */
  readonly repeatedUnderAnotherKey: number;
  /** Further figures of this fault, with their units: `["kills", "200"]`. */
  readonly figures?: readonly (readonly [name: string, value: string])[];
}
