import type { Clock } from "../lib/clock.ts";
import type { StateStore } from "../lib/state.ts";

/** What can be paused, by the names that it has: a trigger's is that of its sensor and its own. */
export type Pausable = "source" | "sensor" | "trigger";

export interface PauseTarget {
  readonly kind: Pausable;
  readonly namespace: string;
  /** `[eventSource, event]`, `[sensor]` or `[sensor, trigger]`. */
  readonly names: readonly string[];
}

export interface Pause {
  readonly sinceMs: number;
  /** It ends by itself then. */
  readonly untilMs?: number | undefined;
  readonly reason?: string | undefined;
}

/**
 * What is paused, kept in the bus: it stays so over restarts and reloads, also while what it names is not there. Whoever
 * changes it applies it too.
 */
export class Pauses {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #kept: Map<string, Pause>;

  private constructor(store: StateStore, clock: Clock, kept: Map<string, Pause>) {
    this.#store = store;
    this.#clock = clock;
    this.#kept = kept;
  }

  static async open(store: StateStore, clock: Clock): Promise<Pauses> {
    const kept = new Map<string, Pause>();
    for await (const [key, value] of store.list("")) kept.set(key, JSON.parse(Buffer.from(value).toString()) as Pause);
    return new Pauses(store, clock, kept);
  }

  /** undefined: it is not paused now. */
  of(target: PauseTarget): Pause | undefined {
    const pause = this.#kept.get(keyOf(target));
    return pause?.untilMs !== undefined && pause.untilMs <= this.#clock.nowMs() ? undefined : pause;
  }

  /** Durable when it resolves. A second pause takes the place of the first, whose beginning it keeps. */
  async pause(target: PauseTarget, how: Pick<Pause, "untilMs" | "reason">): Promise<Pause> {
    const sinceMs = this.of(target)?.sinceMs ?? this.#clock.nowMs();
    const pause: Pause = { sinceMs, ...how };
    await this.#store.put(keyOf(target), Buffer.from(JSON.stringify(pause)));
    this.#kept.set(keyOf(target), pause);
    return pause;
  }

  async resume(target: PauseTarget): Promise<void> {
    if (!this.#kept.has(keyOf(target))) return;
    await this.#store.delete(keyOf(target));
    this.#kept.delete(keyOf(target));
  }

  /** When the next pause ends by itself. */
  nextEndMs(): number | undefined {
    let nextMs: number | undefined;
    const nowMs = this.#clock.nowMs();
    for (const { untilMs } of this.#kept.values())
      if (untilMs !== undefined && untilMs > nowMs) nextMs = Math.min(untilMs, nextMs ?? untilMs);
    return nextMs;
  }

  /** Forgets those that ended by themselves. */
  async sweep(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const [key, { untilMs }] of this.#kept) {
      if (untilMs === undefined || untilMs > nowMs) continue;
      await this.#store.delete(key);
      this.#kept.delete(key);
    }
  }
}

function keyOf({ kind, namespace, names }: PauseTarget): string {
  return JSON.stringify([kind, namespace, ...names]);
}
