import { readBatchAnswer } from "../kit/batch.ts";
import { type ConnectContext, defineTrigger, type NewDraft, type Outcome } from "../kit/trigger.ts";
import { within } from "../lib/abort.ts";
import { nowUs } from "../lib/clock.ts";
import { sayDuration } from "../lib/duration.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { attemptName, placeOf, spanIdOf } from "../lib/trace.ts";
import { dataOf } from "./event-data.ts";
import { type FunctionConfig, functionConfig, lintFunction, specOf } from "./function/config.ts";
import { maxShownLength, type Result } from "./function/messages.ts";
import { type FunctionCall, orderOf } from "./function/order.ts";
import { FunctionPool } from "./function/pool.ts";
import type { Listener, Runner } from "./function/runner.ts";

/** Of a trigger without a `timeout`: a function that never ends must not hold its place for ever. */
const defaultTimeoutMs = 60_000;
const defaultExport = "handler";

/**
 * Calls a function of a module (an extension), in a thread or a process that is kept for it and runs one call at a time. What
 * it returns can be the next event. Whatever a function does ends its own call alone: an error, a timeout, its memory limit,
 * process.exit().
 */
export const functionTrigger = defineTrigger<FunctionConfig>({
  kind: "function",
  title: "Function",
  summary: "Calls a function of a TypeScript or JavaScript module.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: price
        function:
          module: ./functions/price.ts
          export: price
          emit:
            event: priced
      timeout: 10s
`,
  config: functionConfig,
  lint: lintFunction,
  longRunning: true,
  async prepare(cx) {
    const pool = poolOf(cx);
    using limit = within(cx.signal, defaultTimeoutMs, late);
    const runner = await pool.take(await specOf(cx), limit.signal);
    try {
      await runner.ready(limit.signal);
    } finally {
      pool.giveBack(runner);
    }
  },
  async fire(call) {
    const pool = poolOf(call);
    check(pool, call.config);
    const askedMs = call.clock.nowMs();
    const runner = await pool.take(await specOf(call), call.signal);
    const waitedMs = call.clock.nowMs() - askedMs;
    if (waitedMs > 1_000) call.log.warn({ waitedMs: Math.round(waitedMs) }, "a call waited for a free thread");
    try {
      const result = await run(call, runner);
      return await outcomeOf(call, result);
    } finally {
      pool.giveBack(runner);
    }
  },
  render: (call) => ({
    module: call.config.module,
    export: call.config.export || defaultExport,
    input: call.batch === undefined ? inputOf(dataOf(call)) : call.batch.items.map((item) => inputOf(dataOf(item))),
  }),
});

/** A parameter may have made of the settings what the manifest's check did not see. */
function check(pool: FunctionPool, config: FunctionConfig): void {
  if (pool.checked.has(config)) return;
  const [wrong] = functionConfig.safeParse(config).error?.issues ?? [];
  if (wrong !== undefined) throw new TideError("MESSAGE_INVALID", `${wrong.path.join(".")}: ${wrong.message}`);
  pool.checked.add(config);
}

function poolOf(cx: Pick<ConnectContext<unknown>, "keep">): FunctionPool {
  return cx.keep("functions", () => new FunctionPool());
}

function late(): TideError {
  return new TideError("ATTEMPT_TIMEOUT", `no end within ${sayDuration(defaultTimeoutMs)}`);
}

/** The call with its span and its time-out, which begins when the thread is there. */
async function run(call: FunctionCall, runner: Runner): Promise<Result> {
  const { deadlineMs, clock, config } = call;
  const startUs = nowUs(clock);
  const cold = runner.calls === 0;
  const name = attemptName(call.key, call.attempt, call.trace.round);
  using limit = within(call.signal, deadlineMs === undefined ? defaultTimeoutMs : undefined, late);
  const remainingMs = deadlineMs === undefined ? defaultTimeoutMs : Math.max(0, deadlineMs - clock.nowMs());
  const span = (error?: unknown): void =>
    call.trace.span({
      name: `function ${config.export || defaultExport}`,
      startUs,
      endUs: nowUs(clock),
      spanId: spanIdOf("function", name),
      attributes: {
        "faas.name": `${call.sensor}/${call.trigger}`,
        "faas.invocation_id": name,
        "faas.coldstart": cold,
        "code.file.path": config.module,
      },
      ...(error === undefined ? {} : { error: messageOf(error) }),
    });
  try {
    const result = await runner.run(orderOf(call, remainingMs), listenerOf(call), limit.signal);
    span();
    return result;
  } catch (error) {
    span(error);
    throw error;
  }
}

function listenerOf(call: FunctionCall): Listener {
  const { log, clock, trace, events, key, attempt } = call;
  const fields = {
    firing: key,
    eventId: [...events.values()].at(-1)?.id,
    traceId: placeOf(trace.context.traceparent)?.traceId,
  };
  return {
    log,
    fields,
    span: trace.span,
    progress(message, fraction) {
      const atUs = nowUs(clock);
      const parentId = spanIdOf("function", attemptName(key, attempt, trace.round));
      const attributes = fraction === undefined ? {} : { "tidemill.progress": fraction };
      trace.span({ name: message, startUs: atUs, endUs: atUs, parentId, attributes });
      log.info(fraction === undefined ? fields : { ...fields, fraction }, message);
    },
  };
}

/** Puts what the function emitted, all or nothing, and tells what it said. */
async function outcomeOf(call: FunctionCall, result: Result): Promise<Outcome> {
  const { emitted, answer, shown } = result;
  const receipts = emitted.length === 0 ? [] : await call.emit(emitted.map((one) => draftOf(call, one)));
  const refused = receipts.find(({ outcome }) => outcome === "refused");
  if (refused !== undefined)
    throw new TideError("EVENT_TOO_LARGE", `an event of the function: ${refused.reason ?? "refused"}`);
  const body = answer ?? shown;
  return {
    said: emitted.length === 0 ? "done" : `done, put ${emitted.length} ${emitted.length === 1 ? "event" : "events"}`,
    ...(body === undefined ? {} : { body: body.slice(0, maxShownLength) }),
    ...(answer === undefined ? {} : { failedItems: readBatchAnswer(answer, { cut: false, json: true }) }),
  };
}

function draftOf({ config: { emit }, sensor }: FunctionCall, one: Result["emitted"][number]): NewDraft {
  const { data, source = emit?.source || sensor, event = emit?.event ?? "", item } = one;
  return { source, subject: event, data: Buffer.from(data), ...(item === undefined ? {} : { item }) };
}

function inputOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
