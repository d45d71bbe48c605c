import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../lib/clock.ts";
import { Wakeup } from "../lib/wakeup.ts";
import type { Sorted, TailSampling } from "./sampling-tail.ts";
import type { Span } from "./span.ts";
import type { SpanCounts } from "./span-counts.ts";
import type { SpanDelivery } from "./span-delivery.ts";

/** Some facts that were read: their place may be moved once every span made of them has gone or was let go. */
export interface Ticket {
  left: number;
  /** No more spans are made of them. */
  sealed: boolean;
  readonly commit: () => Promise<void>;
}

export interface Ticketed {
  readonly span: Span;
  readonly ticket: Ticket;
}

export interface PipeParts {
  readonly delivery: SpanDelivery;
  readonly tail: TailSampling<Ticketed>;
  readonly clock: Clock;
  readonly count: SpanCounts;
  /** A place could not be moved. */
  readonly complain: (error: unknown) => void;
  /** Nothing new comes: what waits is decided at once, and goes out without gathering. */
  readonly draining: AbortSignal;
  readonly signal: AbortSignal;
}

/** As many as the standard's batches have. */
const spansPerRequest = 512;
/** A trace in a viewer is this much behind; one request for what came in this time. */
const gatherMs = 200;
/** Beyond this many, facts are not read on: they wait in the bus. */
const mostQueued = 4 * spansPerRequest;
/** About 2 ms of making spans. */
const spansPerTurn = 256;

/**
 * From spans to requests: gathers, sends one request after the other, and moves the place in the fact log behind what the
 * collector took. Memory is bounded by what waits for the outcome of its trace, and by the queue.
 */
export class SpanPipe {
  readonly #parts: PipeParts;
  readonly #queue: Ticketed[] = [];
  readonly #tickets: Ticket[] = [];
  readonly #wakeup = new Wakeup();
  readonly #room = new Wakeup();
  /** Spans since the flow last had its turn. */
  #fresh = 0;

  constructor(parts: PipeParts) {
    this.#parts = parts;
    parts.draining.addEventListener("abort", () => this.#wakeup.ring(), { once: true });
  }

  open(commit: () => Promise<void>): Ticket {
    const ticket: Ticket = { left: 0, sealed: false, commit };
    this.#tickets.push(ticket);
    return ticket;
  }

  add(ticket: Ticket, span: Span, head: boolean): void {
    ticket.left += 1;
    this.#fresh += 1;
    this.#sort(this.#parts.tail.add({ span, ticket }, { head, nowMs: this.#parts.clock.nowMs() }));
  }

  settle(traceId: string, firings: { readonly opened: number; readonly closed: number }): void {
    this.#sort(this.#parts.tail.settle(traceId, firings));
  }

  /** No more spans of this ticket. */
  seal(ticket: Ticket): void {
    ticket.sealed = true;
    this.#wakeup.ring();
  }

  /** Waits while too many spans are queued, and lets the flow go first after every few hundred. */
  async room(): Promise<void> {
    if (this.#fresh < spansPerTurn) return;
    this.#fresh = 0;
    await nextTurn();
    const { signal } = this.#parts;
    for (let seen = this.#room.rings; this.#queue.length > mostQueued && !signal.aborted; seen = this.#room.rings)
      await this.#room.wait(seen, signal);
  }

  /** Sends until `signal` aborts. What is not sent then stays in the bus, and is sent after the next start. */
  async run(): Promise<void> {
    const { signal, draining } = this.#parts;
    while (!signal.aborted) {
      const seen = this.#wakeup.rings;
      this.#expire();
      if (this.#queue.length === 0) {
        await this.#move();
        if (this.#wakeup.rings === seen) await this.#sleep(seen);
        continue;
      }
      if (this.#queue.length < spansPerRequest && !draining.aborted) await this.#gather();
      await this.#send();
    }
  }

  async #send(): Promise<void> {
    const items = this.#queue.splice(0, spansPerRequest);
    const spans = items.map(({ span }) => span);
    const { exported, refused, late } = await this.#parts.delivery.deliver(spans, this.#parts.signal);
    const { count } = this.#parts;
    if (exported > 0) count.exported(exported);
    if (refused > 0) count.dropped("refused", refused);
    if (late > 0) count.dropped("collector", late);
    // cut short by the end: their place is not moved
    if (exported + refused + late < items.length) return;
    for (const { ticket } of items) ticket.left -= 1;
    this.#room.ring();
    await this.#move();
  }

  /** The place goes behind the last ticket before which nothing is left. */
  async #move(): Promise<void> {
    let done = 0;
    for (const { sealed, left } of this.#tickets) {
      if (!sealed || left > 0) break;
      done += 1;
    }
    const last = this.#tickets[done - 1];
    if (last === undefined) return;
    this.#tickets.splice(0, done);
    try {
      await last.commit();
    } catch (error) {
      // a full disk, say: the place stays, and moves with the next one
      this.#tickets.unshift(last);
      if (!this.#parts.signal.aborted) this.#parts.complain(error);
    }
  }

  #sort({ kept, dropped }: Sorted<Ticketed>): void {
    for (const item of kept) this.#queue.push(item);
    for (const { ticket } of dropped) ticket.left -= 1;
    if (dropped.length > 0) this.#parts.count.dropped("sampled", dropped.length);
    if (kept.length > 0 || dropped.length > 0) this.#wakeup.ring();
  }

  #expire(): void {
    const { tail, clock, draining } = this.#parts;
    this.#sort(tail.expire(draining.aborted ? Number.POSITIVE_INFINITY : clock.nowMs()));
  }

  /** Until something comes, or a trace has waited long enough. */
  async #sleep(seen: number): Promise<void> {
    const { tail, clock, signal } = this.#parts;
    const { nextMs } = tail;
    if (nextMs === undefined) return this.#wakeup.wait(seen, signal);
    using pause = pauseWithin(signal);
    const slept = clock.sleep(Math.max(1, nextMs - clock.nowMs()), pause.signal).catch(() => undefined);
    await Promise.race([this.#wakeup.wait(seen, pause.signal), slept]);
  }

  async #gather(): Promise<void> {
    const { clock, draining, signal } = this.#parts;
    using pause = pauseWithin(signal, draining);
    await clock.sleep(gatherMs, pause.signal).catch(() => undefined);
  }
}

/** A signal that ends with the block, or with one of these. */
function pauseWithin(...signals: readonly AbortSignal[]): { readonly signal: AbortSignal } & Disposable {
  const end = new AbortController();
  const stop = (): void => end.abort();
  for (const signal of signals) {
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  }
  return {
    signal: end.signal,
    [Symbol.dispose]() {
      for (const signal of signals) signal.removeEventListener("abort", stop);
      stop();
    },
  };
}
