import type { Bus } from "../bus/bus.ts";
import type { EntryName, SourceContext } from "../kit/source.ts";
import type { Listener } from "../kit/webhook.ts";
import type { Clock } from "../lib/clock.ts";
import type { Receipt } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { Values } from "../manifests/values.ts";
import { createFold } from "../telemetry/fold.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createArrival } from "./arrive.ts";
import { loadSdk } from "./sdk.ts";
import type { SettledWatch } from "./settled.ts";
import { sayFailure, supervise } from "./supervise.ts";

/** How a source is, for `status` and readyz. */
export type SourceState =
  | { readonly state: "starting" | "ready" | "ended" | "stopped" }
  | { readonly state: "waiting"; readonly reason: string }
  | {
      readonly state: "failing";
      readonly reason: string;
      readonly code: string | undefined;
      readonly nextTryMs: number;
    }
  | { readonly state: "unsupported"; readonly reason: string };

export interface RunningSource {
  readonly plan: SourcePlan;
  readonly status: () => SourceState;
  /** Ends when the source has stopped. */
  readonly done: Promise<void>;
  /** Hands in an event as if the source had taken it (`tidemill send`). */
  readonly emit: ReturnType<typeof createArrival>["emit"];
}

export interface SourceParts {
  readonly bus: Bus;
  readonly watch: SettledWatch;
  readonly listener: Listener;
  readonly values: Values;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly told?: (plan: SourcePlan, receipts: readonly Receipt[]) => void;
}

/** An SQS redrive may bring a message back under its old id: it counts as a new occurrence this long after the delete. */
const dedupAfterAcknowledgeMs = 5 * 60_000;

/** Starts one entry, and keeps it running. */
export function runSource(parts: SourceParts, plan: SourcePlan): RunningSource {
  const { clock, signal } = parts;
  const entry: EntryName = { namespace: plan.namespace, eventSource: plan.eventSource, event: plan.event };
  const log = parts.log.child({
    namespace: plan.namespace,
    eventSourceName: plan.eventSource,
    eventSourceType: plan.kind,
    eventName: plan.event,
  });
  const metrics = parts.metrics.source(entry);
  const fold = createFold(log, clock);
  let status: SourceState = { state: "starting" };
  const become = (next: SourceState): void => {
    status = next;
    metrics.running(next.state === "ready" || next.state === "waiting");
  };
  const arrival = createArrival({
    plan,
    bus: parts.bus,
    clock,
    signal,
    metrics,
    filterFailed: (message) =>
      fold(`filter ${message}`, { error: message }, "filter.expression failed on an event: it is filtered"),
    ...(parts.told === undefined ? {} : { told: (receipts: readonly Receipt[]) => parts.told?.(plan, receipts) }),
  });
  const { source } = plan;
  if (source === undefined) {
    become({ state: "unsupported", reason: `there is no ${plan.kind} source yet` });
    return { plan, status: () => status, done: Promise.resolve(), emit: arrival.emit };
  }
  const context = (life: AbortSignal): SourceContext<unknown> => ({
    config: plan.config,
    entry,
    signal: life,
    log,
    clock,
    emit: arrival.emit,
    refuse: arrival.refuse,
    settled: (eventId, until) => parts.watch.watch(eventId, until),
    acknowledged: (eventIds) =>
      parts.bus.endDedup(eventIds, Math.round((clock.nowMs() + dedupAfterAcknowledgeMs) * 1000)),
    ready() {
      if (status.state !== "ready") log.info({}, "Eventing server started.");
      become({ state: "ready" });
    },
    waiting(reason) {
      if (status.state !== "waiting" || status.reason !== reason) log.info({ reason }, "the source waits");
      become({ state: "waiting", reason });
    },
    checkpoint: parts.bus.state(`checkpoint/${plan.eventSource}/${plan.event}`),
    http: parts.listener,
    secret: (ref) => parts.values.secret(plan.namespace, ref),
    sdk: loadSdk,
  });
  const done = supervise({
    clock,
    signal,
    random: parts.random,
    run: (life) => source.run(context(life)),
    failed(error, pauseMs) {
      const { code, error: reason } = sayFailure(error);
      become({ state: "failing", reason, code, nextTryMs: clock.nowMs() + pauseMs });
      metrics.restarted();
      fold(
        `failed ${code} ${reason}`,
        { code, error: reason, retryInMs: Math.round(pauseMs) },
        "the source failed and will be started again",
      );
    },
    ended: () => become({ state: "ended" }),
  }).finally(() => {
    if (status.state !== "ended") become({ state: "stopped" });
  });
  return { plan, status: () => status, done, emit: arrival.emit };
}
