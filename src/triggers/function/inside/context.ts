import type { Tracer } from "@opentelemetry/api";
import type { EmitTo, FunctionContext, FunctionEvent, FunctionLog, LogLine } from "../../../kit/function.ts";
import { traceparentOf } from "../../../lib/trace.ts";
import {
  type Emitted,
  type Level,
  levels,
  maxLogLength,
  mostEmitted,
  type WireEvent,
  type WireItem,
} from "../messages.ts";
import { jsonOf } from "./answer.ts";
import type { CallState } from "./call.ts";
import { thrownOf } from "./thrown.ts";

/** What a function is called with. */
export interface Called {
  readonly input: unknown;
  readonly context: FunctionContext;
}

export function calledOf(call: CallState, tracer: Tracer): Called {
  const { order } = call;
  const items = order.items.map((item) => ({ item, events: eventsOf(item) }));
  const [first] = items;
  const newest = first?.item.events.at(-1);
  if (first === undefined || newest === undefined) throw new Error("a call without an event");
  const newestOf = ({ item, events }: (typeof items)[number]): FunctionEvent =>
    events[item.events.at(-1)?.dependency ?? ""] ?? eventOf(newest);
  const inputs = items.map(({ item, events }) => inputOf(item, events));
  const batch = items.map((one) => {
    const { key, traceparent } = one.item;
    return { key, traceparent, event: newestOf(one), events: one.events };
  });
  const context: FunctionContext = {
    namespace: order.namespace,
    sensor: order.sensor,
    trigger: order.trigger,
    event: newestOf(first),
    events: first.events,
    ...(order.batch ? { batch: { items: batch } } : {}),
    attempt: order.attempt,
    deadline: new Date(Date.now() + order.remainingMs),
    remainingMs: () => call.remainingMs(),
    signal: call.abort.signal,
    log: logOf(call),
    tracer,
    traceparent: traceparentOf(call.place),
    ...(order.tracestate === undefined ? {} : { tracestate: order.tracestate }),
    idempotencyKey: order.key,
    progress: (message, fraction) => call.progress(String(message).slice(0, maxLogLength), fractionOf(fraction)),
    emit: (data, to) => emit(call, data, to),
  };
  return { input: order.batch ? inputs : inputs[0], context };
}

function inputOf({ input }: WireItem, events: Readonly<Record<string, FunctionEvent>>): unknown {
  return input === undefined ? Object.values(events)[0]?.data : parsed(input);
}

/** Keys are chosen by people: `__proto__` is one like others. */
function eventsOf({ events }: WireItem): Readonly<Record<string, FunctionEvent>> {
  const byName = Object.create(null) as Record<string, FunctionEvent>;
  for (const event of events) byName[event.dependency] = eventOf(event);
  return byName;
}

function eventOf({ dependency: _, ...event }: WireEvent): FunctionEvent {
  let data: { readonly value: unknown } | undefined;
  return {
    ...event,
    get data() {
      data ??= { value: parsed(event.text) };
      return data.value;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function fractionOf(fraction: unknown): number | undefined {
  return typeof fraction === "number" && fraction >= 0 && fraction <= 1 ? fraction : undefined;
}

/** The caller's line is in the stack of what this throws. */
function emit(call: CallState, data: unknown, to: EmitTo = {}): void {
  const { order, emitted, over } = call;
  if (over) throw new TypeError("emit() came after the end of its call");
  const { source, event, item } = to;
  if (event === undefined && !order.emitsTo) throw new TypeError("emit() needs an event: the trigger has no `emit`");
  for (const name of [source, event, item])
    if (name !== undefined && (typeof name !== "string" || name === "" || name.length > 500))
      throw new TypeError("emit() takes source, event and item as texts");
  if (item !== undefined && !order.items.some(({ key }) => key === item))
    throw new TypeError(`emit() names ${JSON.stringify(item)}, which is no item of the batch`);
  if (emitted.length >= mostEmitted) throw new TypeError(`a call emits at most ${mostEmitted} events`);
  let text: string;
  try {
    text = jsonOf(data, "what emit() was given");
  } catch (error) {
    throw new TypeError(error instanceof Error ? error.message : String(error));
  }
  const made: Emitted = { data: text, ...defined({ source, event, item }) };
  emitted.push(made);
}

function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

function logOf(call: CallState): FunctionLog {
  const line =
    (level: Level): LogLine =>
    (...said) => {
      const [first, second] = said;
      const message = typeof first === "string" ? first : (second ?? "");
      const fields = typeof first === "object" && first !== null ? fieldsOf(first) : "";
      call.log(level, fields, String(message).slice(0, maxLogLength));
    };
  return Object.fromEntries(levels.map((level) => [level, line(level)])) as unknown as FunctionLog;
}

/** JSON text of an object; errors in it as what they say. What is no JSON is no reason to fail. */
function fieldsOf(fields: object): string {
  try {
    const text = JSON.stringify(fields, (_, value: unknown) => {
      if (typeof value === "bigint") return String(value);
      if (!(value instanceof Error)) return value;
      const { name, message, frames } = thrownOf(value);
      return { type: name, message, stack: frames.join("\n") };
    });
    if (text.length <= maxLogLength) return text;
    return JSON.stringify({ cut: text.slice(0, maxLogLength) });
  } catch {
    return JSON.stringify({ cut: "fields that are no JSON" });
  }
}
