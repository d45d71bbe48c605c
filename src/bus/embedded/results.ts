import type { Fact } from "../../lib/facts.ts";
import type { NewFiring, SettleResult, StateChange, Step } from "../bus.ts";
import type { Transaction } from "./committer.ts";
import type { CommitWith } from "./event-log.ts";

export interface ResultsParts {
  readonly commit: CommitWith;
  /** Adds what a result does to its own row; what it returns is to be called once that is durable. */
  settle(tx: Transaction, result: SettleResult): () => void;
  /** After all of a commit. */
  settled(): void;
}

interface Group {
  readonly all: SettleResult[];
  readonly kept: Promise<void>;
  faults: Map<SettleResult, unknown> | undefined;
}

/** The results of one queue. What comes until the next commit is put together goes into it as one member. */
export class Results {
  readonly #parts: ResultsParts;
  #open: Group | undefined;

  constructor(parts: ResultsParts) {
    this.#parts = parts;
  }

  /** Resolves when they are durable. */
  async add(results: readonly SettleResult[]): Promise<void> {
    const group = this.#open ?? this.#begin();
    for (const result of results) group.all.push(result);
    await group.kept;
    if (group.faults === undefined) return;
    for (const result of results) if (group.faults.has(result)) throw group.faults.get(result);
  }

  #begin(): Group {
    const all: SettleResult[] = [];
    const after: (() => void)[] = [];
    let step: Step = {};
    const kept = this.#parts.commit(() => step, {
      prepare: (tx) => {
        this.#open = undefined;
        step = this.#settleAll(tx, group, after);
      },
      durable: () => {
        for (const effect of after) effect();
        this.#parts.settled();
      },
      patient: true,
    });
    const group: Group = { all, kept, faults: undefined };
    this.#open = group;
    // refused at once where the bus is closed
    kept.catch(() => {
      if (this.#open === group) this.#open = undefined;
    });
    return group;
  }

  /** One that cannot be settled fails alone. */
  #settleAll(tx: Transaction, group: Group, after: (() => void)[]): Step {
    const facts: Fact[] = [];
    const firings: NewFiring[] = [];
    const state: StateChange[] = [];
    for (const result of group.all) {
      try {
        after.push(tx.whole(() => this.#parts.settle(tx, result)));
      } catch (error) {
        group.faults ??= new Map();
        group.faults.set(result, error);
        continue;
      }
      for (const fact of result.facts) facts.push(fact);
      if (result.firings !== undefined) firings.push(...result.firings);
      if (result.state !== undefined) state.push(...result.state);
    }
    return { facts, firings, state };
  }
}
