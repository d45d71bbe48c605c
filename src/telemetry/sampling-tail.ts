import type { Span } from "./span.ts";

export interface TailLimits {
  /** A span that took longer keeps its trace; undefined: none does. */
  readonly slowUs: number | undefined;
  /** The longest that spans wait for the outcome of their trace. */
  readonly waitMs: number;
  /** Spans that wait at once, of all traces; the oldest trace is let go first. */
  readonly maxWaiting: number;
  /** Traces whose outcome is remembered, for spans that come late. */
  readonly maxKnown: number;
}

/** What became of items by a call: those that neither list has wait. */
export interface Sorted<T> {
  readonly kept: readonly T[];
  readonly dropped: readonly T[];
}

interface Waiting<T> {
  readonly items: T[];
  readonly sinceMs: number;
  /** Firings that are not settled yet. */
  open: number;
}

/**
 * Keeps what the head of a trace would not have kept but its tail shows to be of interest: a trace in which something failed
 * or was slow. Spans of traces that are not sampled wait here until the firings of their trace are settled; the first
 * span of interest lets its whole trace go out, the others are dropped.
 */
export class TailSampling<T extends { readonly span: Span }> {
  readonly #limits: TailLimits;
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #known = new Map<string, boolean>();
  #count = 0;

  constructor(limits: TailLimits) {
    this.#limits = limits;
  }

  /** Spans that wait now. */
  get waiting(): number {
    return this.#count;
  }

  /** Takes one span; `head`: its trace is kept anyway. */
  add(item: T, { head, nowMs }: { readonly head: boolean; readonly nowMs: number }): Sorted<T> {
    if (head) return { kept: [item], dropped: none };
    const { traceId } = item.span;
    const known = this.#known.get(traceId);
    const notable = this.#isNotable(item.span);
    if (known === true || (known === false && notable)) {
      if (known === false) this.#know(traceId, true);
      return { kept: [item], dropped: none };
    }
    if (known === false) return { kept: none, dropped: [item] };
    const waiting = this.#of(traceId, nowMs);
    waiting.items.push(item);
    this.#count += 1;
    if (notable) return { kept: this.#decide(traceId, true), dropped: none };
    return { kept: none, dropped: this.#count > this.#limits.maxWaiting ? this.#letOldestGo() : none };
  }

  /** Firings of a trace came, or were settled; with the last one the trace is decided. */
  settle(traceId: string, { opened, closed }: { readonly opened: number; readonly closed: number }): Sorted<T> {
    const waiting = this.#waiting.get(traceId);
    if (waiting === undefined) return nothing;
    waiting.open = Math.max(0, waiting.open + opened - closed);
    return waiting.open > 0 ? nothing : { kept: none, dropped: this.#decide(traceId, false) };
  }

  /** Decides what has waited long enough; all, at the end. */
  expire(nowMs: number): Sorted<T> {
    const dropped: T[] = [];
    for (const [traceId, { sinceMs }] of this.#waiting) {
      if (nowMs - sinceMs < this.#limits.waitMs) break;
      dropped.push(...this.#decide(traceId, false));
    }
    return { kept: none, dropped };
  }

  /** When `expire` has something to do next, Unix milliseconds. */
  get nextMs(): number | undefined {
    for (const { sinceMs } of this.#waiting.values()) return sinceMs + this.#limits.waitMs;
    return undefined;
  }

  #isNotable(span: Span): boolean {
    const { slowUs } = this.#limits;
    return span.error !== undefined || (slowUs !== undefined && span.endUs - span.startUs >= slowUs);
  }

  #of(traceId: string, nowMs: number): Waiting<T> {
    const waiting = this.#waiting.get(traceId);
    if (waiting !== undefined) return waiting;
    const made: Waiting<T> = { items: [], sinceMs: nowMs, open: 0 };
    this.#waiting.set(traceId, made);
    return made;
  }

  #decide(traceId: string, keep: boolean): readonly T[] {
    const items = this.#waiting.get(traceId)?.items ?? none;
    this.#waiting.delete(traceId);
    this.#count -= items.length;
    this.#know(traceId, keep);
    return items;
  }

  #letOldestGo(): readonly T[] {
    for (const traceId of this.#waiting.keys()) return this.#decide(traceId, false);
    return none;
  }

  #know(traceId: string, keep: boolean): void {
    this.#known.delete(traceId);
    this.#known.set(traceId, keep);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#limits.maxKnown) return;
      this.#known.delete(oldest);
    }
  }
}

const none: readonly never[] = [];
const nothing = { kept: none, dropped: none };
