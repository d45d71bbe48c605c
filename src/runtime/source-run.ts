import type { Bus } from "../bus/bus.ts";
import type { Cluster } from "../kit/cluster.ts";
import type { Egress } from "../kit/egress.ts";
import type { EntryName, SourceContext } from "../kit/source.ts";
import type { Listener } from "../kit/webhook.ts";
import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { Values } from "../manifests/values.ts";
import { createFold } from "../telemetry/fold.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { createArrival } from "./arrive.ts";
import type { Pause } from "./pauses.ts";
import { counted, createRefusals, type Refusals } from "./refusals.ts";
import { loadSdk } from "./sdk.ts";
import type { SettledWatch } from "./settled.ts";
import { addressOf } from "./source-address.ts";
import { Lives, pausedAnswer, ReadSecrets } from "./source-life.ts";
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
  | { readonly state: "unsupported"; readonly reason: string }
  | { readonly state: "paused"; readonly reason: string; readonly untilMs: number | undefined };

export interface RunningSource {
  readonly plan: SourcePlan;
  readonly status: () => SourceState;
  /** Hands in an event as if the source had taken it (`tidemill send`). Rejects with PAUSED while it is paused. */
  readonly emit: ReturnType<typeof createArrival>["emit"];
  /**
   * Paused, it takes nothing: what serves HTTP answers 503 and keeps its port, everything else stops and is started again
   * afterwards. What it has taken before goes on to the bus.
   */
  hold(pause: Pause | undefined): void;
  /** Resolves once it is up, waits, is paused, or has failed. */
  readonly settled: Promise<void>;
  /** Whether a secret that it read has another value now: it is to be started anew. */
  secretsChanged(): Promise<boolean>;
  /** Ends it for good; resolves when it has stopped. */
  stop(): Promise<void>;
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
  readonly egress: Egress;
  readonly cluster: Cluster | undefined;
  readonly told?: (plan: SourcePlan, receipts: readonly Receipt[]) => void;
}

/** One entry; `hold` starts it, and keeps it running. */
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
  const refused = createRefusals(metrics, fold);
  const settled = Promise.withResolvers<void>();
  let status: SourceState = { state: "starting" };
  const become = (next: SourceState): void => {
    status = next;
    if (next.state !== "starting") settled.resolve();
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
  if (source === undefined) become({ state: "unsupported", reason: `there is no ${plan.kind} source yet` });
  const secrets = new ReadSecrets((ref) => parts.values.secret(plan.namespace, ref));
  let pause: Pause | undefined;
  const context = (life: AbortSignal, acknowledgements: Acknowledgements): SourceContext<unknown> => ({
    ...contextOf(parts, plan, { secrets, paused: () => pause, refused }),
    entry,
    signal: life,
    log,
    emit: arrival.emit,
    refuse: arrival.refuse,
    acknowledged: (occurrences) => acknowledgements.add(occurrences.map(arrival.idOf)),
    ready() {
      if (status.state !== "ready") log.info({}, "Eventing server started.");
      become({ state: "ready" });
    },
    waiting(reason) {
      if (status.state !== "waiting" || status.reason !== reason) log.info({ reason }, "the source waits");
      become({ state: "waiting", reason });
    },
  });
  const failed = (error: unknown, pauseMs: number): void => {
    const { code, error: reason } = sayFailure(error);
    become({ state: "failing", reason, code, nextTryMs: clock.nowMs() + pauseMs });
    metrics.restarted();
    fold(
      `failed ${code} ${reason}`,
      { code, error: reason, retryInMs: Math.round(pauseMs) },
      "the source failed and will be started again",
    );
  };
  const ended = (): void => become({ state: "ended" });
  const live = async (life: AbortSignal): Promise<void> => {
    if (source === undefined) return;
    const run = async (own: AbortSignal): Promise<void> => {
      await using acknowledgements = new Acknowledgements({ bus: parts.bus, clock, signal: own, log });
      await source.run(context(own, acknowledgements));
    };
    await supervise({ clock, signal: life, random: parts.random, run, failed, ended });
    if (status.state !== "ended") become({ state: "stopped" });
  };
  const lives = new Lives(signal, live);
  // what serves HTTP keeps its port while it is paused, and answers 503
  const serves = addressOf(plan, "") !== undefined;
  return {
    plan,
    status: () => (pause === undefined || source === undefined ? status : pausedState(pause)),
    emit: async (drafts) => {
      if (pause !== undefined) throw new TideError("PAUSED", `the source ${plan.eventSource}/${plan.event} is paused`);
      return arrival.emit(drafts);
    },
    hold(next) {
      pause = next;
      if (source === undefined) return;
      if (next === undefined || serves) {
        if (lives.begin()) become({ state: "starting" });
      } else {
        lives.end();
        settled.resolve();
      }
    },
    settled: settled.promise,
    secretsChanged: () => secrets.changed(),
    stop: () => lives.close(),
  };
}

function pausedState({ reason, untilMs }: Pause): SourceState {
  return { state: "paused", reason: reason ?? "paused by hand", untilMs };
}

/** What of a source's context is the same in all its lives. */
function contextOf(
  { clock, watch, bus, listener, egress, cluster }: SourceParts,
  plan: SourcePlan,
  {
    secrets,
    paused,
    refused,
  }: {
    readonly secrets: ReadSecrets;
    readonly paused: () => Pause | undefined;
    readonly refused: Refusals;
  },
): Pick<
  SourceContext<unknown>,
  "config" | "clock" | "settled" | "checkpoint" | "http" | "secret" | "sdk" | "egress" | "cluster"
> {
  return {
    config: plan.config,
    clock,
    settled: (eventId, until) => watch.watch(eventId, until),
    checkpoint: bus.state(`checkpoint/${plan.eventSource}/${plan.event}`),
    http: {
      route: (route, handle) =>
        listener.route(counted(route, refused), (request) => {
          const pause = paused();
          return pause === undefined ? handle(request) : Promise.resolve(pausedAnswer(pause, clock.nowMs()));
        }),
      share: (joining) =>
        listener.share({
          ...joining,
          route: async () => counted(await joining.route(), refused),
          away: () => (paused() === undefined ? undefined : "the source is paused"),
        }),
    },
    secret: (ref) => secrets.read(ref),
    sdk: loadSdk,
    egress,
    cluster,
  };
}
