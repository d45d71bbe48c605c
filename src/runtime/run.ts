import { type BusFolder, openBusFolder } from "../bus/embedded/open.ts";
import type { ChildSpan, Cluster, Trigger } from "../kit/trigger.ts";
import { aborted } from "../lib/abort.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Scope } from "../lib/scope.ts";
import type { Manifests, SourcePlan } from "../manifests/manifests.ts";
import type { Values } from "../manifests/values.ts";
import type { EventRecord } from "../record/record.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { Breakers } from "./breaker.ts";
import { type BusRun, openBusRun } from "./bus-run.ts";
import { Clients } from "./clients.ts";
import { type Control, createControl } from "./control.ts";
import type { LineSink } from "./export-lines.ts";
import type { Tracing } from "./export-spans.ts";
import { createListeners, type Listeners } from "./listeners.ts";
import { createLiveValues, type Documents, type LiveValues } from "./live-values.ts";
import { operationWorks } from "./operation-works.ts";
import { Operations } from "./operations.ts";
import { Pauses } from "./pauses.ts";
import type { Recompile } from "./plan-store.ts";
import type { ReloadReport } from "./reload-report.ts";
import { type RunningSource, runSource } from "./source-run.ts";
import { SourceSet } from "./source-set.ts";
import { tellLater } from "./tell-later.ts";
import { caughtUp, faultsOf, keepUp, observe } from "./upkeep.ts";
import type { Witness } from "./witness.ts";

export interface RunOptions {
  readonly manifests: Manifests;
  readonly triggers: readonly Trigger<unknown, unknown>[];
  readonly recompile: Recompile;
  /** undefined keeps everything in memory (`--ephemeral`). */
  readonly dataDir: string | undefined;
  /** Opens the record; undefined: none. */
  readonly openRecord?: () => Promise<EventRecord>;
  /** Opens what spans are exported by; undefined: they are not. */
  readonly openTracing?: (() => Promise<Tracing & AsyncDisposable>) | undefined;
  /** Where log lines of what happens to events go; it is the caller's, who closes it last. */
  readonly lines?: LineSink | undefined;
  /** Opens what runs Kubernetes objects, given where it may keep things. */
  readonly openCluster?: (cx: ClusterContext) => Promise<(Cluster & AsyncDisposable) | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secretsDir?: string | undefined;
  /** Where webhook listeners bind; 127.0.0.1 unless given. */
  readonly listenHost?: string | undefined;
  readonly version: string;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly drainTimeoutMs?: number;
  readonly busMaxBytes?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  readonly maxEventBytes?: number | undefined;
  readonly recordAgeMs?: number | undefined;
  readonly witness?: Witness | undefined;
}

export interface ClusterContext {
  readonly state: ReturnType<ReturnType<BusFolder["bus"]>["state"]>;
  readonly dataDir: string | undefined;
  readonly values: Values;
  readonly documents: Documents;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps a part of an attempt that it told of after its end, by its ticket. */
  readonly tell: (ticket: string, span: ChildSpan) => void;
}

/** A running tidemill. Disposing drains it. */
export interface Runtime extends AsyncDisposable {
  readonly startedMs: number;
  /** Those of now: a reload changes what is in these lists. */
  readonly buses: readonly BusRun[];
  readonly sources: readonly RunningSource[];
  /** Pauses, and what the last reload did. */
  readonly control: Control;
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly cluster: Cluster | undefined;
  /** Which targets are down. */
  readonly breakers: Breakers;
  /** By kind. */
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  /** Bulk work that goes on by itself: retries of dead letters, replays. */
  readonly operations: Operations;
  readonly clock: Clock;
  readonly durable: boolean;
  /** Resolves once every source is up, waits, or has failed at least once. */
  readonly settledStart: Promise<void>;
  /**
   * Makes of what runs what these manifests say: only what differs is started anew, and an object that is bad in them goes on
   * as it was. Calls take turns. Rejects with STOPPED once it stops, or with the signal's reason.
   */
  reload(manifests: Manifests, options?: { readonly signal?: AbortSignal }): Promise<ReloadReport>;
  /** The parts that are not well, for readyz; empty is ready. */
  faults(): readonly string[];
  /** Stops intake, finishes what is in flight within the drain time, keeps the rest. A second call ends at once. */
  stop(): Promise<void>;
}

/** The composition root: makes everything from checked manifests, joins it, and starts it. */
export async function run(options: RunOptions): Promise<Runtime> {
  const { manifests, log, clock = systemClock, random = Math.random } = options;
  await using opened = new Scope();
  // side by side: each starts a thread or a process, which is a third of the time until ready
  const opening = await Promise.allSettled([
    options.openRecord?.(),
    options.openTracing?.(),
    openBusFolder({
      dataDir: options.dataDir,
      facts: [options.openRecord, options.openTracing, options.lines].some((reader) => reader !== undefined),
      clock,
      ...defined({ maxBytes: options.busMaxBytes, maxAgeMs: options.maxAgeMs, maxEventBytes: options.maxEventBytes }),
    }),
  ]);
  for (const one of opening) if (one.status === "fulfilled") opened.use(one.value);
  // a folder that another process owns is told first: the record fails for the same reason
  const folder = openedOr(opening[2]);
  const record = openedOr(opening[0]);
  const tracing = openedOr(opening[1]);
  if (tracing !== undefined) log.info({ collector: tracing.exporter.target }, "spans are exported");
  const values = createLiveValues(
    {
      env: options.env,
      secretsDir: options.secretsDir,
      secrets: manifests.secrets,
      configMaps: manifests.configMaps,
    },
    options.redactor,
  );
  const clusterContext = {
    state: folder.bus("tidemill", "jobs").state("jobs"),
    dataDir: options.dataDir,
    values,
    documents: values.documents,
    clock,
    log,
    tell: tellLater({ bus: (namespace, name) => folder.bus(namespace, name), clock, log }),
  };
  const cluster = opened.use(await options.openCluster?.(clusterContext));
  const clients = opened.use(new Clients(clock));
  const breakers = new Breakers({ clock, random, log });
  const metrics = createMetrics({ version: options.version, commit: "" });
  const listeners = opened.use(createListeners({ log, clock, ...defined({ host: options.listenHost }) }));
  const triggers = new Map(options.triggers.map((trigger) => [trigger.kind, trigger]));
  const pauses = await Pauses.open(folder.bus("tidemill", "jobs").state("pauses"), clock);
  const operations = await Operations.open({ store: folder.bus("tidemill", "jobs").state("operations"), clock, log });
  const openBus: Started["openBus"] = ({ namespace, name, plans, invalid }) =>
    openBusRun({
      namespace,
      name,
      bus: folder.bus(namespace, name),
      plans,
      invalid,
      pauses,
      recompile: options.recompile,
      act: { triggers, clients, values, clock, random, cluster, breakers },
      record,
      tracing,
      lines: options.lines,
      metrics,
      clock,
      random,
      log,
      ...(options.witness === undefined ? {} : { told: options.witness.forBus({ namespace, bus: name }) }),
    });
  const buses = await Promise.all(busNames(manifests).map(openBus));
  return start({
    options,
    clock,
    random,
    log,
    buses,
    openBus,
    pauses,
    operations,
    triggers,
    clients,
    listeners,
    values,
    record,
    metrics,
    cluster,
    breakers,
    folder,
    opened: opened.move(),
  });
}

interface NamedBus {
  readonly namespace: string;
  readonly name: string;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
}

interface Started {
  readonly options: RunOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly buses: BusRun[];
  readonly openBus: (named: NamedBus) => Promise<BusRun>;
  readonly pauses: Pauses;
  readonly operations: Operations;
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  readonly clients: Clients;
  readonly listeners: Listeners;
  readonly values: LiveValues;
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly cluster: Cluster | undefined;
  readonly breakers: Breakers;
  readonly folder: BusFolder;
  readonly opened: Scope;
}

function start(parts: Started): Runtime {
  const { options, clock, log, buses, metrics, record } = parts;
  const intake = new AbortController();
  const acting = new AbortController();
  const hard = new AbortController();
  const remembering = new AbortController();
  const stopped = new TideError("STOPPED", "tidemill is stopping");
  const sources = new SourceSet({
    make: (plan) => makeSource(parts, plan, intake.signal),
    pauses: parts.pauses,
    listeners: parts.listeners,
  });
  sources.start(options.manifests.sources);
  const running: Promise<void>[] = [];
  const broken: string[] = [];
  const runBus = (bus: BusRun): void => {
    const ended = bus.run({
      decide: acting.signal,
      soft: acting.signal,
      hard: hard.signal,
      remember: remembering.signal,
    });
    running.push(ended);
    ended.catch((error: unknown) => {
      const reason = messageOf(error);
      broken.push(`bus ${bus.namespace}/${bus.name}: ${reason}; it is worked no more until a restart`);
      log.error({ error: reason }, "a bus stopped with an error");
    });
  };
  for (const bus of buses) runBus(bus);
  const control = createControl({
    ...parts,
    manifests: options.manifests,
    sources,
    async openBus(namespace, name) {
      const bus = await parts.openBus({ namespace, name, plans: [], invalid: [] });
      buses.push(bus);
      runBus(bus);
      return bus;
    },
    signal: intake.signal,
  });
  const operating = parts.operations.run(operationWorks({ buses, clock, record }), intake.signal);
  const upkeep = keepUp({ ...parts, recordAgeMs: options.recordAgeMs }, acting.signal);
  observe(metrics, buses, clock);
  metrics.onScrape((gauges) => gauges.targetsDown(parts.breakers.list().map(({ target }) => target)));
  let stopping: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    const drainTimeoutMs = options.drainTimeoutMs ?? 30_000;
    const timer = setTimeout(() => hard.abort(stopped), drainTimeoutMs);
    intake.abort(stopped);
    await Promise.all([control.ended, operating]);
    await sources.stop();
    await parts.listeners.close();
    acting.abort(stopped);
    // remembering ends last: what the drain settled is in the record when it can be
    await Promise.race([caughtUp(buses, record, hard.signal), aborted(hard.signal)]);
    remembering.abort(stopped);
    const results = await Promise.allSettled([...running, upkeep]);
    clearTimeout(timer);
    hard.abort(stopped);
    await parts.opened[Symbol.asyncDispose]();
    for (const result of results)
      if (result.status === "rejected") log.error({ error: messageOf(result.reason) }, "a part ended with an error");
  };
  const stop = (): Promise<void> => {
    if (stopping !== undefined) hard.abort(stopped);
    stopping ??= drain();
    return stopping;
  };
  return {
    startedMs: clock.nowMs(),
    buses,
    sources: sources.running,
    control,
    record,
    metrics,
    ...shared(parts),
    clock,
    durable: parts.folder.durable,
    settledStart: Promise.race([
      Promise.all(sources.running.map(({ settled }) => settled)).then(() => undefined),
      aborted(intake.signal),
    ]),
    faults: () => [...faultsOf(sources.running, buses), ...broken],
    reload: control.reload,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function shared({ cluster, breakers, triggers, operations }: Started) {
  return { cluster, breakers, triggers, operations };
}

function makeSource(parts: Started, plan: SourcePlan, signal: AbortSignal): RunningSource {
  const bus = parts.buses.find((one) => one.namespace === plan.namespace && one.name === plan.bus);
  if (bus === undefined) throw new Error(`no bus ${plan.namespace}/${plan.bus}`);
  const { clock, random, log, metrics, values, listeners, options } = parts;
  return runSource(
    {
      bus: bus.bus,
      watch: bus.watch,
      listener: listeners,
      values,
      metrics,
      clock,
      random,
      log,
      signal,
      cluster: parts.cluster,
      ...defined({ told: options.witness?.received }),
    },
    plan,
  );
}

/** Every namespace and bus name that a source or sensor uses, with its sensors. */
function busNames(manifests: Manifests): readonly NamedBus[] {
  const named = [...manifests.sources, ...manifests.sensors, ...manifests.invalidSensors];
  const keys = new Set(named.map(({ namespace, bus }) => JSON.stringify([namespace, bus])));
  return [...keys].map((key) => {
    const [namespace, name] = JSON.parse(key) as [string, string];
    const here = (one: { readonly namespace: string; readonly bus: string }): boolean =>
      one.namespace === namespace && one.bus === name;
    return {
      namespace,
      name,
      plans: manifests.sensors.filter(here),
      invalid: manifests.invalidSensors.filter(here).map((sensor) => sensor.name),
    };
  });
}

function openedOr<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** Only the members that are there: `exactOptionalPropertyTypes` tells absent from undefined. */
function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
