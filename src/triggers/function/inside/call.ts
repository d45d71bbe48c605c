import { type SpanContext, TraceFlags } from "@opentelemetry/api";
import type { ChildSpan } from "../../../kit/trigger.ts";
import { attemptName, type SpanPlace, spanIdOf } from "../../../lib/trace.ts";
import { type Emitted, type Level, mostLogLines, type Order, type Told } from "../messages.ts";

/** One call while it runs, and what it may say. After its end nobody hears it. */
export class CallState {
  readonly order: Order;
  readonly abort = new AbortController();
  readonly startedMs = performance.now();
  readonly emitted: Emitted[] = [];
  /** The function's own span, which all others of the call are below. */
  readonly place: SpanPlace;
  readonly #post: (told: Told) => void;
  #lines = 0;
  #over = false;

  constructor(order: Order, place: SpanPlace, post: (told: Told) => void) {
    this.order = order;
    this.place = place;
    this.#post = post;
  }

  /** The same place as OpenTelemetry has it. */
  get spanContext(): SpanContext {
    const { traceId, spanId, sampled } = this.place;
    return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
  }

  get over(): boolean {
    return this.#over;
  }

  end(): void {
    this.#over = true;
  }

  remainingMs(): number {
    return Math.max(0, this.order.remainingMs - (performance.now() - this.startedMs));
  }

  span(span: ChildSpan): void {
    if (!this.#over && this.place.sampled) this.#post({ k: "span", call: this.order.call, span });
  }

  log(level: Level, fields: string, message: string): void {
    if (this.#over) return;
    this.#lines += 1;
    const { call } = this.order;
    if (this.#lines < mostLogLines) this.#post({ k: "log", call, level, fields, message });
    if (this.#lines !== mostLogLines) return;
    this.#post({ k: "log", call, level: "warn", fields: "", message: "this call logs no more: too many lines" });
  }

  progress(message: string, fraction: number | undefined): void {
    if (this.#over) return;
    const told = { k: "progress", call: this.order.call, message } as const;
    this.#post(fraction === undefined ? told : { ...told, fraction });
  }

  /** Ids of spans: the same where an attempt is repeated after a crash, in the order in which they begin. */
  nextSpanId(): string {
    this.#spans += 1;
    const { key, attempt, round } = this.order;
    return spanIdOf("user", `${attemptName(key, attempt, round)}/${this.#spans}`);
  }

  #spans = 0;
}
