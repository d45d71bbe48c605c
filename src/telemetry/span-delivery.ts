import { abortable } from "../lib/abort.ts";
import { backoffMs } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { createFold } from "./fold.ts";
import type { ExportResult, SpanExporter } from "./otlp-exporter.ts";
import type { Span } from "./span.ts";

export interface DeliveryParts {
  readonly exporter: SpanExporter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Whether the bus needs the room of facts that wait here: then the flow goes first. */
  readonly crowded: () => boolean;
  /** What `status` and logs tell: why spans do not go out now. */
  readonly state: { failing: string | undefined };
}

/** What became of the spans of one call, in numbers; all zero where the signal cut it short. */
export interface Delivered {
  readonly exported: number;
  /** The collector will never take them. */
  readonly refused: number;
  /** The collector was away for too long. */
  readonly late: number;
}

/** Spans of a collector that is away are kept this long: their facts stay in the bus meanwhile. */
export const keepForMs = 15 * 60_000;
/** A bus fills up faster than a collector comes back. */
const lookEveryMs = 200;
const backoff = { baseMs: 500, factor: 2, maxMs: 15_000 };

/**
 * Gets spans to the collector: again and again while it is away, in halves where they are too many for it. What is older
 * than a quarter of an hour while it is away, or keeps the bus from taking events, is let go: counted and logged, never
 * silently.
 */
export class SpanDelivery {
  readonly #parts: DeliveryParts;
  readonly #complain: ReturnType<typeof createFold>;
  /** Failures in a row, and not before when it is tried again. */
  #failures = 0;
  #notBeforeMs = 0;
  #gap = 0;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#complain = createFold(parts.log, parts.clock);
  }

  async deliver(spans: readonly Span[], signal: AbortSignal): Promise<Delivered> {
    const { clock } = this.#parts;
    let left = spans;
    let late = 0;
    while (!signal.aborted) {
      if (this.#failures > 0) {
        const kept = this.#keep(left);
        late += left.length - kept.length;
        this.#lose(left.length - kept.length);
        left = kept;
      }
      if (left.length === 0) return { exported: 0, refused: 0, late };
      const pauseMs = this.#notBeforeMs - clock.nowMs();
      if (pauseMs > 0) {
        await clock.sleep(Math.min(pauseMs, lookEveryMs), signal).catch(() => undefined);
        continue;
      }
      const sent = await this.#send(left, signal);
      if (sent !== undefined) return { ...sent, late };
    }
    return { exported: 0, refused: 0, late: 0 };
  }

  /** Undefined where it is to be tried again. */
  async #send(spans: readonly Span[], signal: AbortSignal): Promise<Omit<Delivered, "late"> | undefined> {
    let result: ExportResult;
    try {
      result = await abortable(this.#parts.exporter.export(spans), signal);
    } catch {
      // the end: an answer that comes now is too late to be believed
      return undefined;
    }
    if (result === "taken") {
      this.#recovered();
      return { exported: spans.length, refused: 0 };
    }
    if (result.retry === "again") {
      this.#failed(result.reason);
      return undefined;
    }
    if (result.retry === "smaller" && spans.length > 1) {
      const half = Math.ceil(spans.length / 2);
      const first = await this.#send(spans.slice(0, half), signal);
      const second = first === undefined ? undefined : await this.#send(spans.slice(half), signal);
      // a half that was taken goes again with the other: the same spans under the same ids
      if (first === undefined || second === undefined) return undefined;
      return { exported: first.exported + second.exported, refused: first.refused + second.refused };
    }
    this.#complain(
      `refused ${result.reason}`,
      { error: result.reason, spans: spans.length, collector: this.#parts.exporter.target },
      "the collector refuses spans; they are dropped",
    );
    return { exported: 0, refused: spans.length };
  }

  /** What is still worth a try with a collector that is away. */
  #keep(spans: readonly Span[]): readonly Span[] {
    if (this.#parts.crowded()) return none;
    const oldestUs = (this.#parts.clock.nowMs() - keepForMs) * 1000;
    return spans.filter(({ endUs }) => endUs >= oldestUs);
  }

  #lose(spans: number): void {
    if (spans === 0) return;
    this.#gap += spans;
    this.#complain(
      "gap",
      { spans, collector: this.#parts.exporter.target },
      "spans are dropped: the collector is away for too long, or the bus needs their room",
    );
  }

  #failed(reason: string): void {
    const { clock, random, state, exporter } = this.#parts;
    this.#failures += 1;
    state.failing = reason;
    const pauseMs = backoffMs(backoff, this.#failures, random());
    this.#notBeforeMs = clock.nowMs() + pauseMs;
    this.#complain(
      `away ${reason}`,
      { error: reason, retryInMs: Math.round(pauseMs), collector: exporter.target },
      "the collector takes no spans; their facts wait in the bus",
    );
  }

  #recovered(): void {
    if (this.#failures > 0)
      this.#parts.log.info(
        { collector: this.#parts.exporter.target, dropped: this.#gap },
        "the collector takes spans again",
      );
    this.#failures = 0;
    this.#gap = 0;
    this.#notBeforeMs = 0;
    this.#parts.state.failing = undefined;
  }
}

const none: readonly never[] = [];
