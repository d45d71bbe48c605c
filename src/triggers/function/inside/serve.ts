import { Session } from "node:inspector";
import { context, trace } from "@opentelemetry/api";
import { attemptName, placeOf, spanIdOf } from "../../../lib/trace.ts";
import type { Asked, Order, Setup, Stamp, Told } from "../messages.ts";
import { ActiveContext } from "./active.ts";
import { checkAmount, resultOf } from "./answer.ts";
import { CallState } from "./call.ts";
import { calledOf } from "./context.ts";
import { loadHandler, noteFiles } from "./load.ts";
import { thrownOf } from "./thrown.ts";
import { createTracer } from "./tracer.ts";

/** The way to tidemill. */
export interface Port {
  post(told: Told): void;
  listen(listener: (asked: Asked) => void): void;
}

type Handler = Awaited<ReturnType<typeof loadHandler>>;

/** Loads a module and answers calls, one at a time, until the thread or process is ended from outside. */
export async function serve(port: Port, setup: Setup): Promise<void> {
  const active = new ActiveContext();
  const tracer = createTracer(active);
  // libraries of the function that know OpenTelemetry find both by themselves
  context.setGlobalContextManager(active);
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  let running: CallState | undefined;
  const uncaught = (error: unknown): void => {
    // what goes wrong outside of any call, or of the one before, is not the fault of the one that runs
    const of = active.call ?? running;
    const call = of !== undefined && of === running && !of.over ? of.order.call : undefined;
    if (call !== undefined) running?.end();
    port.post({ k: "uncaught", error: thrownOf(error), ...(call === undefined ? {} : { call }) });
  };
  process.on("uncaughtException", uncaught);
  process.on("unhandledRejection", uncaught);
  const handler = await load(port, setup);
  if (handler === undefined) return;
  collectOnce();
  port.listen((asked) => {
    if (asked.k === "abort") {
      if (running?.order.call !== asked.call) return;
      running.abort.abort(new DOMException(asked.why, asked.timeout ? "TimeoutError" : "AbortError"));
      return;
    }
    const call = new CallState(asked.order, placeOfCall(asked.order), port.post);
    running = call;
    active.runCall(call, trace.setSpanContext(context.active(), call.spanContext), () => {
      void answer(call, { handler, tracer, post: port.post });
    });
  });
  port.post({ k: "ready" });
}

/**
 * V8 lets a new heap grow to half of its limit before it collects for the first time, and after that to twice of what is in
 * use: one collection now, and garbage is not taken for what a function needs.
 */
function collectOnce(): void {
  try {
    // not by --expose-gc: a flag of V8 that is set while other threads run ended the process now and then
    const session = new Session();
    session.connect();
    session.post("HeapProfiler.collectGarbage");
    session.disconnect();
  } catch {
    // a process under the permission model may not: there all of its memory is looked at anyway
  }
}

async function load(port: Port, setup: Setup): Promise<Handler | undefined> {
  try {
    noteFiles((files: readonly Stamp[]) => port.post({ k: "files", files }));
    return await loadHandler(setup);
  } catch (error) {
    port.post({ k: "unloadable", error: thrownOf(error, "unloadable") });
    return undefined;
  }
}

/** The span of the function, which the trigger tells of when the call is over. */
function placeOfCall({ traceparent, key, attempt, round }: Order): CallState["place"] {
  const attemptPlace = placeOf(traceparent) ?? { traceId: "0".repeat(32), sampled: false };
  return {
    traceId: attemptPlace.traceId,
    spanId: spanIdOf("function", attemptName(key, attempt, round)),
    sampled: attemptPlace.sampled,
  };
}

async function answer(
  call: CallState,
  {
    handler,
    tracer,
    post,
  }: { readonly handler: Handler; readonly tracer: Parameters<typeof calledOf>[1] } & Pick<Port, "post">,
): Promise<void> {
  const { order } = call;
  try {
    const { input, context } = calledOf(call, tracer);
    process.env.TRACEPARENT = context.traceparent;
    const value: unknown = await handler(input, context);
    const result = resultOf(order, value, call.emitted);
    checkAmount(result.emitted);
    // promises that were rejected and left alone are told in this turn of the loop: they belong to this call
    await new Promise<void>((passed) => setImmediate(passed));
    if (call.over) return;
    call.end();
    post({ k: "done", call: order.call, result });
  } catch (error) {
    if (call.over) return;
    call.end();
    post({ k: "failed", call: order.call, error: thrownOf(error) });
  }
}
