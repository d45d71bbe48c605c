import { Gauge, Registry } from "prom-client";
import { type Gauges, gaugesOf } from "./gauges.ts";
import type { BusName, EntryName, TriggerName } from "./names.ts";
import { processMetrics } from "./process-metrics.ts";
import { type CounterHandle, counter, histogram, summary } from "./series.ts";
import { type SpanCounts, spanCounts } from "./span-counts.ts";

/**
 * What one source entry is counted by. Handles are taken once, not per event, and so the series are there from the start:
 * a first failure is a change and not an appearance.
 */
export interface SourceMetrics {
  received(count: number): void;
  outcome(outcome: "stored" | "duplicate" | "filtered" | "refused", count: number): void;
  /** Nothing was durable: the upstream was told so. */
  publishFailed(count: number): void;
  processed(durationMs: number): void;
  running(up: boolean): void;
  restarted(): void;
  /** An HTTP request that did not get as far as becoming an occurrence. */
  requestsRefused(reason: string, count: number): void;
}

/** What one trigger is counted by. */
export interface TriggerMetrics {
  fired(): void;
  decided(decision: "waiting" | "superseded" | "reset" | "expired"): void;
  attempt(outcome: "done" | "failed", durationMs: number): void;
  /** A firing has come to its end, so long after it was decided. */
  ended(state: "done" | "dead", afterMs: number): void;
}

/** What one bus is counted by. */
export interface BusMetrics {
  /** One event decided over all sensors: how many subscriptions matched, and how many of those said no. */
  decided(counts: { readonly matched: number; readonly filtered: number }): void;
}

/** The hops of an event whose delays are measured. */
export type Stage = "origin" | "ingest" | "decide" | "queue" | "trigger";

/** All metrics of a process, and their page. */
export interface Metrics {
  source(name: EntryName): SourceMetrics;
  trigger(name: TriggerName): TriggerMetrics;
  bus(name: BusName): BusMetrics;
  delay(stage: Stage, ms: number): void;
  /** A reload ended; the first manifests count as a success at the start. */
  reloaded(result: "applied" | "unchanged" | "partial" | "failed", nowMs: number): void;
  /** Only where spans are exported. */
  spans(): SpanCounts;
  /** Called at each scrape, to set what is a state and not a count. */
  onScrape(collect: (gauges: Gauges) => void | Promise<void>): void;
  text(): Promise<string>;
  readonly contentType: string;
}

const delayBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Fewer than of the delays: there is a histogram for each trigger. */
const durationBounds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Argo Events' nine metrics under their names and labels (reference 8), and tidemill's own with histograms. */
export function createMetrics(build: { readonly version: string; readonly commit: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  processMetrics(registry);
  const argo = argoMetrics(registry);
  const own = ownMetrics(registry);
  const collectors: ((gauges: Gauges) => void | Promise<void>)[] = [];
  const labels = { version: build.version, goversion: "", goarch: process.arch, commit: build.commit };
  new Gauge({
    name: "build_info",
    help: "The build, as Argo Events names it.",
    labelNames: Object.keys(labels),
    registers,
  }).set(labels, 1);
  new Gauge({ name: "tidemill_build_info", help: "The build.", labelNames: ["version", "node"], registers }).set(
    { version: build.version, node: process.version },
    1,
  );
  return {
    contentType: registry.contentType,
    source: (name) => sourceMetrics(name, argo, own),
    trigger: (name) => triggerMetrics(name, argo, own),
    bus: ({ namespace, bus }) => {
      const decided = (result: string): CounterHandle => own.decided.labels({ namespace, bus, result });
      const results = { matched: decided("matched"), unmatched: decided("unmatched") };
      const turnedDown = own.filtered.labels({ namespace, bus });
      return {
        decided({ matched, filtered }) {
          (matched === 0 ? results.unmatched : results.matched).inc();
          if (filtered > 0) turnedDown.inc(filtered);
        },
      };
    },
    reloaded(result, nowMs) {
      own.reloads.labels({ result }).inc();
      const good = result === "applied" || result === "unchanged";
      own.lastReload.set(good ? 1 : 0);
      if (good) own.lastReloadSuccess.set(nowMs / 1000);
    },
    spans: spanCounts(registry),
    delay: (stage, ms) => own.delays[stage].observe(Math.max(0, ms) / 1000),
    onScrape: (collect) => collectors.push(collect),
    async text() {
      for (const collect of collectors) await collect(own.gauges);
      return registry.metrics();
    },
  };
}

type Argo = ReturnType<typeof argoMetrics>;
type Own = ReturnType<typeof ownMetrics>;

function sourceMetrics({ namespace, eventSource, event }: EntryName, argo: Argo, own: Own): SourceMetrics {
  const argoLabels = { namespace, eventsource_name: eventSource, event_name: event };
  const ownLabels = { namespace, eventsource: eventSource, event };
  const sent = argo.sent.labels(argoLabels);
  const sentFailed = argo.sentFailed.labels(argoLabels);
  const processingFailed = argo.processingFailed.labels(argoLabels);
  const duration = argo.processing.labels(argoLabels);
  const received = own.received.labels(ownLabels);
  const outcomes = {
    stored: own.events.labels({ ...ownLabels, outcome: "stored" }),
    duplicate: own.events.labels({ ...ownLabels, outcome: "duplicate" }),
    filtered: own.events.labels({ ...ownLabels, outcome: "filtered" }),
    refused: own.events.labels({ ...ownLabels, outcome: "refused" }),
  };
  const running = argo.running.labels({ namespace, eventsource_name: eventSource });
  running.inc(0);
  const restarts = own.restarts.labels(ownLabels);
  let up = false;
  return {
    received: (count) => received.inc(count),
    outcome(outcome, count) {
      outcomes[outcome].inc(count);
      if (outcome === "stored" || outcome === "duplicate") sent.inc(count);
      if (outcome === "refused") processingFailed.inc(count);
    },
    publishFailed(count) {
      sentFailed.inc(count);
      processingFailed.inc(count);
    },
    processed: (durationMs) => duration.observe(Math.trunc(durationMs)),
    running(now) {
      if (now !== up) running.inc(now ? 1 : -1);
      up = now;
    },
    restarted: () => restarts.inc(),
    requestsRefused: (reason, count) => own.requestsRefused.labels({ ...ownLabels, reason }).inc(count),
  };
}

function triggerMetrics({ namespace, sensor, trigger }: TriggerName, argo: Argo, own: Own): TriggerMetrics {
  const argoLabels = { namespace, sensor_name: sensor, trigger_name: trigger };
  const ownLabels = { namespace, sensor, trigger };
  const triggered = argo.triggered.labels(argoLabels);
  const failed = argo.failed.labels(argoLabels);
  const retriesFailed = argo.retriesFailed.labels(argoLabels);
  const duration = argo.action.labels(argoLabels);
  const fired = own.decisions.labels({ ...ownLabels, decision: "fired" });
  const attempts = {
    done: own.attempts.labels({ ...ownLabels, outcome: "done" }),
    failed: own.attempts.labels({ ...ownLabels, outcome: "failed" }),
  };
  const deaths = own.deaths.labels(ownLabels);
  const durations = {
    done: own.attemptDurations.labels({ ...ownLabels, outcome: "done" }),
    failed: own.attemptDurations.labels({ ...ownLabels, outcome: "failed" }),
  };
  const firings = {
    done: own.firings.labels({ ...ownLabels, state: "done" }),
    dead: own.firings.labels({ ...ownLabels, state: "dead" }),
  };
  const firingDuration = own.firingDurations.labels(ownLabels);
  return {
    fired: () => fired.inc(),
    decided: (decision) => own.decisions.labels({ ...ownLabels, decision }).inc(),
    attempt(outcome, durationMs) {
      attempts[outcome].inc();
      durations[outcome].observe(durationMs / 1000);
      duration.observe(Math.trunc(durationMs));
      if (outcome === "done") triggered.inc();
      else failed.inc();
    },
    ended(state, afterMs) {
      firings[state].inc();
      firingDuration.observe(Math.max(0, afterMs) / 1000);
      if (state === "done") return;
      deaths.inc();
      retriesFailed.inc();
    },
  };
}

function argoMetrics(registry: Registry) {
  const named = (name: string, help: string) => ({ registry, name: `argo_events_${name}`, help });
  return {
    running: new Gauge({
      name: "argo_events_event_service_running_total",
      help: "Event services running.",
      labelNames: ["namespace", "eventsource_name"],
      registers: [registry],
    }),
    sent: counter(named("events_sent_total", "Events on the bus.")),
    sentFailed: counter(named("events_sent_failed_total", "Events that the bus did not take.")),
    processingFailed: counter(
      named("events_processing_failed_total", "Occurrences that did not become events by a failure."),
    ),
    processing: summary(named("event_processing_duration_milliseconds", "From arrival to the durable write.")),
    triggered: counter(named("action_triggered_total", "Actions that succeeded.")),
    failed: counter(named("action_failed_total", "Attempts that failed.")),
    retriesFailed: counter(named("action_retries_failed_total", "Actions given up.")),
    action: summary(named("action_duration_milliseconds", "Of each attempt.")),
  };
}

function ownMetrics(registry: Registry) {
  const named = (name: string, help: string) => ({ registry, name: `tidemill_${name}`, help });
  const delay = histogram({ ...named("stage_delay_seconds", "Delay of each hop of an event."), bounds: delayBuckets });
  const delayOf = (stage: Stage) => delay.labels({ stage });
  return {
    received: counter(named("events_received_total", "Occurrences taken from outside.")),
    events: counter(named("receipts_total", "What became of them.")),
    requestsRefused: counter(named("requests_refused_total", "HTTP requests to sources that were refused, by why.")),
    restarts: counter(named("source_restarts_total", "Restarts of a source after a failure.")),
    decisions: counter(named("decisions_total", "Decisions of sensors.")),
    decided: counter(named("events_decided_total", "Events decided, by whether any sensor subscribes to them.")),
    filtered: counter(named("subscriptions_filtered_total", "Subscriptions that a filter turned down.")),
    attempts: counter(named("attempts_total", "Attempts of firings.")),
    attemptDurations: histogram({ ...named("attempt_duration_seconds", "Of each attempt."), bounds: durationBounds }),
    firings: counter(named("firings_total", "Firings that came to their end.")),
    firingDurations: histogram({
      ...named("firing_duration_seconds", "From the decision to the end of a firing, its waits and retries included."),
      bounds: durationBounds,
    }),
    deaths: counter(named("deaths_total", "Firings that became dead letters.")),
    ...reloadMetrics(registry),
    delays: {
      origin: delayOf("origin"),
      ingest: delayOf("ingest"),
      decide: delayOf("decide"),
      queue: delayOf("queue"),
      trigger: delayOf("trigger"),
    },
    gauges: gaugesOf(registry),
  };
}

function reloadMetrics(registry: Registry) {
  const gauge = (name: string, help: string) => new Gauge({ name: `tidemill_${name}`, help, registers: [registry] });
  const reloads = counter({ registry, name: "tidemill_reloads_total", help: "Reloads of the manifests." });
  for (const result of ["applied", "unchanged", "partial", "failed"]) reloads.labels({ result });
  const lastReload = gauge("config_last_reload_successful", "1: all of the manifests runs as they say; 0: not all.");
  lastReload.set(1);
  const lastReloadSuccess = gauge(
    "config_last_reload_success_timestamp_seconds",
    "When a reload was last successful, Unix time; 0 before the first one.",
  );
  return { reloads, lastReload, lastReloadSuccess };
}
