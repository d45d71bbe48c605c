import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EntryName } from "./names.ts";
import { PlainSummary } from "./plain-summary.ts";

/** What one source entry is counted by. Children are looked up once, not per event. */
export interface SourceMetrics {
  received(count: number): void;
  outcome(outcome: "stored" | "duplicate" | "filtered" | "refused", count: number): void;
  /** Nothing was durable: the upstream was told so. */
  publishFailed(count: number): void;
  processed(durationMs: number): void;
  running(up: boolean): void;
  restarted(): void;
}

export interface TriggerMetrics {
  fired(): void;
  decided(decision: "waiting" | "superseded" | "reset" | "expired"): void;
  attempt(outcome: "done" | "failed", durationMs: number): void;
  dead(): void;
}

export interface TriggerName {
  readonly namespace: string;
  readonly sensor: string;
  readonly trigger: string;
}

export type Stage = "origin" | "ingest" | "decide" | "queue" | "trigger" | "total";

export interface Metrics {
  source(name: EntryName): SourceMetrics;
  trigger(name: TriggerName): TriggerMetrics;
  /** One event decided over all sensors: how many subscriptions matched, and how many of those said no. */
  decided(bus: BusName, counts: { readonly matched: number; readonly filtered: number }): void;
  delay(stage: Stage, ms: number): void;
  /** Called at each scrape, to set what is a state and not a count. */
  onScrape(collect: (gauges: Gauges) => void | Promise<void>): void;
  text(): Promise<string>;
  readonly contentType: string;
}

export interface BusName {
  readonly namespace: string;
  readonly bus: string;
}

export interface Gauges {
  lag(bus: BusName, group: string, entries: number): void;
  busBytes(bus: BusName, bytes: number, maxBytes: number): void;
  queue(name: TriggerName, depth: { readonly pending: number; readonly running: number; readonly dead: number }): void;
}

const delayBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Argo Events' nine metrics under their names and labels (reference 8), and tidemill's own with histograms. */
export function createMetrics(build: { readonly version: string; readonly commit: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const argo = argoMetrics(registers);
  const own = ownMetrics(registers);
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
    source: ({ namespace, eventSource, event }) => {
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
      // series exist from the start, so that a first failure is a change and not an appearance
      for (const counter of [sent, sentFailed, processingFailed, received, ...Object.values(outcomes)]) counter.inc(0);
      const running = argo.running.labels({ namespace, eventsource_name: eventSource });
      running.inc(0);
      const restarts = own.restarts.labels(ownLabels);
      restarts.inc(0);
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
      };
    },
    trigger: ({ namespace, sensor, trigger }) => {
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
      for (const counter of [triggered, failed, retriesFailed, fired, attempts.done, attempts.failed, deaths])
        counter.inc(0);
      return {
        fired: () => fired.inc(),
        decided: (decision) => own.decisions.labels({ ...ownLabels, decision }).inc(),
        attempt(outcome, durationMs) {
          attempts[outcome].inc();
          duration.observe(Math.trunc(durationMs));
          if (outcome === "done") triggered.inc();
          else failed.inc();
        },
        dead() {
          deaths.inc();
          retriesFailed.inc();
        },
      };
    },
    decided({ namespace, bus }, { matched, filtered }) {
      own.decided.labels({ namespace, bus, result: matched === 0 ? "unmatched" : "matched" }).inc();
      if (filtered > 0) own.filtered.labels({ namespace, bus }).inc(filtered);
    },
    delay: (stage, ms) => own.delays[stage].observe(Math.max(0, ms) / 1000),
    onScrape: (collect) => collectors.push(collect),
    async text() {
      const gauges = own.gauges();
      for (const collect of collectors) await collect(gauges);
      return registry.metrics();
    },
  };
}

function argoMetrics(registers: Registry[]) {
  const sourceLabels = ["namespace", "eventsource_name", "event_name"];
  const triggerLabels = ["namespace", "sensor_name", "trigger_name"];
  const prefix = "argo_events_";
  return {
    running: new Gauge({
      name: `${prefix}event_service_running_total`,
      help: "Event services running.",
      labelNames: ["namespace", "eventsource_name"],
      registers,
    }),
    sent: new Counter({
      name: `${prefix}events_sent_total`,
      help: "Events on the bus.",
      labelNames: sourceLabels,
      registers,
    }),
    sentFailed: new Counter({
      name: `${prefix}events_sent_failed_total`,
      help: "Events that the bus did not take.",
      labelNames: sourceLabels,
      registers,
    }),
    processingFailed: new Counter({
      name: `${prefix}events_processing_failed_total`,
      help: "Occurrences that did not become events by a failure.",
      labelNames: sourceLabels,
      registers,
    }),
    processing: new PlainSummary({
      name: `${prefix}event_processing_duration_milliseconds`,
      help: "From arrival to the durable write.",
      registers,
    }),
    triggered: new Counter({
      name: `${prefix}action_triggered_total`,
      help: "Actions that succeeded.",
      labelNames: triggerLabels,
      registers,
    }),
    failed: new Counter({
      name: `${prefix}action_failed_total`,
      help: "Attempts that failed.",
      labelNames: triggerLabels,
      registers,
    }),
    retriesFailed: new Counter({
      name: `${prefix}action_retries_failed_total`,
      help: "Actions given up.",
      labelNames: triggerLabels,
      registers,
    }),
    action: new PlainSummary({ name: `${prefix}action_duration_milliseconds`, help: "Of each attempt.", registers }),
  };
}

function ownMetrics(registers: Registry[]) {
  const source = ["namespace", "eventsource", "event"];
  const trigger = ["namespace", "sensor", "trigger"];
  const bus = ["namespace", "bus"];
  const delay = new Histogram({
    name: "tidemill_stage_delay_seconds",
    help: "Delay of each hop of an event.",
    labelNames: ["stage"],
    buckets: delayBuckets,
    registers,
  });
  const lag = new Gauge({
    name: "tidemill_lag_events",
    help: "Entries that a group has yet to read.",
    labelNames: [...bus, "group"],
    registers,
  });
  const bytes = new Gauge({
    name: "tidemill_bus_bytes",
    help: "Bytes that retention counts.",
    labelNames: bus,
    registers,
  });
  const maxBytes = new Gauge({
    name: "tidemill_bus_max_bytes",
    help: "The size at which publishing is refused.",
    labelNames: bus,
    registers,
  });
  const depth = new Gauge({
    name: "tidemill_firings",
    help: "Live and dead firings.",
    labelNames: [...trigger, "state"],
    registers,
  });
  const stages = ["origin", "ingest", "decide", "queue", "trigger", "total"] as const;
  return {
    received: new Counter({
      name: "tidemill_events_received_total",
      help: "Occurrences taken from outside.",
      labelNames: source,
      registers,
    }),
    events: new Counter({
      name: "tidemill_receipts_total",
      help: "What became of them.",
      labelNames: [...source, "outcome"],
      registers,
    }),
    restarts: new Counter({
      name: "tidemill_source_restarts_total",
      help: "Restarts of a source after a failure.",
      labelNames: source,
      registers,
    }),
    decisions: new Counter({
      name: "tidemill_decisions_total",
      help: "Decisions of sensors.",
      labelNames: [...trigger, "decision"],
      registers,
    }),
    decided: new Counter({
      name: "tidemill_events_decided_total",
      help: "Events decided, by whether any sensor subscribes to them.",
      labelNames: [...bus, "result"],
      registers,
    }),
    filtered: new Counter({
      name: "tidemill_subscriptions_filtered_total",
      help: "Subscriptions that a filter turned down.",
      labelNames: bus,
      registers,
    }),
    attempts: new Counter({
      name: "tidemill_attempts_total",
      help: "Attempts of firings.",
      labelNames: [...trigger, "outcome"],
      registers,
    }),
    deaths: new Counter({
      name: "tidemill_deaths_total",
      help: "Firings that became dead letters.",
      labelNames: trigger,
      registers,
    }),
    delays: Object.fromEntries(stages.map((stage) => [stage, delay.labels({ stage })])) as unknown as Record<
      Stage,
      { observe(seconds: number): void }
    >,
    gauges: (): Gauges => ({
      lag: ({ namespace, bus: name }, group, entries) => lag.set({ namespace, bus: name, group }, entries),
      busBytes({ namespace, bus: name }, now, most) {
        bytes.set({ namespace, bus: name }, now);
        maxBytes.set({ namespace, bus: name }, most);
      },
      queue(name, { pending, running, dead }) {
        const { namespace, sensor, trigger: triggerName } = name;
        const labels = { namespace, sensor, trigger: triggerName };
        depth.set({ ...labels, state: "pending" }, pending);
        depth.set({ ...labels, state: "running" }, running);
        depth.set({ ...labels, state: "dead" }, dead);
      },
    }),
  };
}
