import {
  type Attributes,
  type AttributeValue,
  type Context,
  type Exception,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { ActiveContext } from "./active.ts";
import type { CallState } from "./call.ts";

/** Spans of the calls in this thread: each is told when it ends. One that is begun outside of a call is of none. */
export function createTracer(active: ActiveContext): Tracer {
  const startSpan: Tracer["startSpan"] = (name, options = {}, context = active.active()) => {
    const { call } = active;
    const parent = options.root === true ? undefined : trace.getSpanContext(context);
    return call === undefined || call.over || !call.place.sampled
      ? trace.wrapSpanContext(parent ?? call?.spanContext ?? nowhere)
      : new CallSpan(call, { name, parent, options });
  };
  function startActiveSpan(
    name: string,
    ...given: readonly (SpanOptions | Context | ((span: Span) => unknown))[]
  ): unknown {
    const work = given.at(-1) as (span: Span) => unknown;
    const options = given.length > 1 ? (given[0] as SpanOptions) : {};
    const context = given.length > 2 ? (given[1] as Context) : active.active();
    const span = startSpan(name, options, context);
    return active.with(trace.setSpan(context, span), work as (...args: [Span]) => never, undefined, span);
  }
  return { startSpan, startActiveSpan: startActiveSpan as Tracer["startActiveSpan"] };
}

const nowhere: SpanContext = { traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: TraceFlags.NONE };

interface Begun {
  readonly name: string;
  readonly parent: SpanContext | undefined;
  readonly options: SpanOptions;
}

class CallSpan implements Span {
  readonly #call: CallState;
  readonly #parentId: string;
  readonly #startUs: number;
  readonly #place: SpanContext;
  readonly #attributes: Record<string, string | number | boolean> = {};
  #name: string;
  #error: string | undefined;
  #ended = false;

  constructor(call: CallState, { name, parent, options }: Begun) {
    this.#call = call;
    this.#name = name;
    // one of another trace is no parent here
    this.#parentId = parent?.traceId === call.place.traceId ? parent.spanId : call.place.spanId;
    this.#startUs = usOf(options.startTime);
    this.#place = { traceId: call.place.traceId, spanId: call.nextSpanId(), traceFlags: TraceFlags.SAMPLED };
    if (options.attributes !== undefined) this.setAttributes(options.attributes);
  }

  spanContext(): SpanContext {
    return this.#place;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (Array.isArray(value)) this.#attributes[key] = JSON.stringify(value);
    else if (["string", "number", "boolean"].includes(typeof value)) this.#attributes[key] = value as string | number;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) this.setAttribute(key, value);
    return this;
  }

  /** A moment of the span: a span of no length below it. */
  addEvent(name: string, second?: Attributes | TimeInput, third?: TimeInput): this {
    const isTime = typeof second === "number" || Array.isArray(second) || second instanceof Date;
    const atUs = usOf(isTime ? second : third);
    if (!this.#ended) this.#moment(name, atUs, isTime ? undefined : (second as Attributes | undefined));
    return this;
  }

  /** The trace of an attempt has no links of its own: nothing is kept. */
  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  setStatus({ code, message }: SpanStatus): this {
    this.#error = code === SpanStatusCode.ERROR ? message || "error" : undefined;
    return this;
  }

  updateName(name: string): this {
    this.#name = name;
    return this;
  }

  end(endTime?: TimeInput): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.span({
      name: this.#name,
      startUs: this.#startUs,
      endUs: usOf(endTime),
      spanId: this.#place.spanId,
      parentId: this.#parentId,
      attributes: this.#attributes,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    });
  }

  isRecording(): boolean {
    return !this.#ended;
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, message, stack } = typeof exception === "string" ? { message: exception } : exception;
    const attributes = { "exception.type": name, "exception.message": message, "exception.stacktrace": stack };
    if (!this.#ended) this.#moment("exception", usOf(time), attributes);
  }

  #moment(name: string, atUs: number, attributes: Attributes | undefined): void {
    const moment = { name, startUs: atUs, endUs: atUs, spanId: this.#call.nextSpanId(), parentId: this.#place.spanId };
    const plain = Object.entries(attributes ?? {}).flatMap(([key, value]) =>
      value === undefined || value === null ? [] : [[key, typeof value === "object" ? JSON.stringify(value) : value]],
    );
    this.#call.span({ ...moment, attributes: Object.fromEntries(plain) });
  }
}

/** Unix microseconds of any time that the API takes; a number below the thread's start is one of performance.now(). */
function usOf(time: TimeInput | undefined): number {
  if (time === undefined) return Math.round((performance.timeOrigin + performance.now()) * 1000);
  if (time instanceof Date) return time.getTime() * 1000;
  if (Array.isArray(time)) return Math.round(time[0] * 1e6 + time[1] / 1000);
  return Math.round((time < performance.timeOrigin ? time + performance.timeOrigin : time) * 1000);
}
