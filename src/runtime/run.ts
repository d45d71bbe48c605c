import { type BusFolder, openBusFolder } from "../bus/embedded/open.ts";
import type { Cluster, Trigger } from "../kit/trigger.ts";
import { aborted } from "../lib/abort.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Scope } from "../lib/scope.ts";
import type { Manifests, SourcePlan } from "../manifests/manifests.ts";
import { createValues, type Values } from "../manifests/values.ts";
import type { EventRecord } from "../record/record.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { type BusRun, openBusRun } from "./bus-run.ts";
import { Clients } from "./clients.ts";
import { createListeners, type Listeners } from "./listeners.ts";
import type { Recompile } from "./plan-store.ts";
import { type RunningSource, runSource } from "./source-run.ts";
import type { Witness } from "./witness.ts";

export interface RunOptions {
  readonly manifests: Manifests;
  readonly triggers: readonly Trigger<unknown, unknown>[];
  readonly recompile: Recompile;
  /** undefined keeps everything in memory (`--ephemeral`). */
  readonly dataDir: string | undefined;
  /** Opens the record; undefined: none. */
  readonly openRecord?: () => Promise<EventRecord>;
  /** Opens what runs Kubernetes objects, given where it may keep things. */
  readonly openCluster?: (cx: ClusterContext) => Promise<Cluster & AsyncDisposable>;
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
  readonly clock: Clock;
  readonly log: Log;
}

/** A running tidemill. Disposing drains it. */
export interface Runtime extends AsyncDisposable {
  readonly startedMs: number;
  readonly buses: readonly BusRun[];
  readonly sources: readonly RunningSource[];
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly cluster: Cluster | undefined;
  readonly clock: Clock;
  readonly durable: boolean;
  /** Resolves once every source is up, waits, or has failed at least once. */
  readonly settledStart: Promise<void>;
  /** The parts that are not well, for readyz; empty is ready. */
  faults(): readonly string[];
  /** Stops intake, finishes what is in flight within the drain time, keeps the rest. A second call ends at once. */
  stop(): Promise<void>;
}

const retentionEveryMs = 30_000;

/** The composition root: makes everything from checked manifests, joins it, and starts it. */
export async function run(options: RunOptions): Promise<Runtime> {
  const { manifests, log, clock = systemClock, random = Math.random } = options;
  await using opened = new Scope();
  // side by side: each starts a thread or a process, which is a third of the time until ready
  const opening = await Promise.allSettled([
    options.openRecord?.(),
    openBusFolder({
      dataDir: options.dataDir,
      facts: options.openRecord !== undefined,
      clock,
      ...defined({ maxBytes: options.busMaxBytes, maxAgeMs: options.maxAgeMs, maxEventBytes: options.maxEventBytes }),
    }),
  ]);
  for (const one of opening) if (one.status === "fulfilled") opened.use(one.value);
  // a folder that another process owns is told first: the record fails for the same reason
  const folder = openedOr(opening[1]);
  const record = openedOr(opening[0]);
  const values = redacting(
    createValues({
      env: options.env,
      secretsDir: options.secretsDir,
      secrets: manifests.secrets,
      configMaps: manifests.configMaps,
    }),
    options.redactor,
  );
  const clusterContext = {
    state: folder.bus("tidemill", "jobs").state("jobs"),
    dataDir: options.dataDir,
    values,
    clock,
    log,
  };
  const cluster = opened.use(await options.openCluster?.(clusterContext));
  const clients = opened.use(new Clients(clock));
  const metrics = createMetrics({ version: options.version, commit: "" });
  const listeners = opened.use(createListeners({ log, clock, ...defined({ host: options.listenHost }) }));
  const triggers = new Map(options.triggers.map((trigger) => [trigger.kind, trigger]));
  const buses = await Promise.all(
    busNames(manifests).map(({ namespace, name, plans, invalid }) =>
      openBusRun({
        namespace,
        name,
        bus: folder.bus(namespace, name),
        plans,
        invalid,
        recompile: options.recompile,
        act: { triggers, clients, values, clock, random, cluster },
        record,
        metrics,
        clock,
        random,
        log,
        ...(options.witness === undefined ? {} : { told: options.witness.forBus({ namespace, bus: name }) }),
      }),
    ),
  );
  return start({
    options,
    clock,
    random,
    log,
    buses,
    listeners,
    values,
    record,
    metrics,
    cluster,
    folder,
    opened: opened.move(),
  });
}

interface Started {
  readonly options: RunOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly buses: readonly BusRun[];
  readonly listeners: Listeners;
  readonly values: Values;
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly cluster: Cluster | undefined;
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
  const sources = options.manifests.sources.map((plan) => startSource(parts, plan, intake.signal));
  const running = buses.map((bus) =>
    bus.run({ decide: acting.signal, soft: acting.signal, hard: hard.signal, remember: remembering.signal }),
  );
  const upkeep = keepUp(parts, acting.signal);
  observe(metrics, buses);
  let stopping: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    const drainTimeoutMs = options.drainTimeoutMs ?? 30_000;
    const timer = setTimeout(() => hard.abort(stopped), drainTimeoutMs);
    intake.abort(stopped);
    await Promise.allSettled(sources.map((source) => source.done));
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
  const broken: string[] = [];
  for (const [at, part] of running.entries())
    part.catch((error: unknown) => {
      const reason = messageOf(error);
      broken.push(`bus ${buses[at]?.namespace}/${buses[at]?.name}: ${reason}; it is worked no more until a restart`);
      log.error({ error: reason }, "a bus stopped with an error");
    });
  return {
    startedMs: clock.nowMs(),
    buses,
    sources,
    record,
    metrics,
    cluster: parts.cluster,
    clock,
    durable: parts.folder.durable,
    settledStart: settledStart(sources, clock, intake.signal),
    faults: () => [...faultsOf(sources, buses), ...broken],
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function startSource(parts: Started, plan: SourcePlan, signal: AbortSignal): RunningSource {
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
      ...defined({ told: options.witness?.received }),
    },
    plan,
  );
}

/** Retention, from time to time. */
async function keepUp({ clock, buses, record, log, options }: Started, signal: AbortSignal): Promise<void> {
  const recordAgeMs = options.recordAgeMs ?? 30 * 86_400_000;
  while (!signal.aborted) {
    await clock.sleep(retentionEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      for (const bus of buses) await bus.retain();
      await record?.retain(Math.round((clock.nowMs() - recordAgeMs) * 1000));
    } catch (error) {
      log.warn({ error: messageOf(error) }, "retention could not finish");
    }
  }
}

/** Waits until all facts are in the record; without one, until nothing. */
async function caughtUp(buses: readonly BusRun[], record: EventRecord | undefined, signal: AbortSignal): Promise<void> {
  if (record === undefined) return;
  for (const { bus } of buses) {
    // firings that finish during the drain add facts; the queues are asked first
    while (!signal.aborted && ((await running(bus)) || (await bus.facts("record").lag()).entries > 0)) {
      await systemClock.sleep(10, signal).catch(() => undefined);
    }
  }
}

async function running(bus: BusRun["bus"]): Promise<boolean> {
  for (const name of await bus.queues()) if (bus.queue(name).depth().running > 0) return true;
  return false;
}

async function settledStart(sources: readonly RunningSource[], clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && sources.some((source) => source.status().state === "starting")) {
    await clock.sleep(5, signal).catch(() => undefined);
  }
}

function faultsOf(sources: readonly RunningSource[], buses: readonly BusRun[]): readonly string[] {
  const faults: string[] = [];
  for (const { plan, status } of sources) {
    const now = status();
    const name = `${plan.namespace}/${plan.eventSource}/${plan.event}`;
    if (now.state === "failing") faults.push(`source ${name}: ${now.reason}`);
    if (now.state === "starting") faults.push(`source ${name}: starting`);
  }
  for (const { namespace, name, bus, record } of buses) {
    const { warning, bytes, maxBytes, refusing } = bus.stats();
    if (refusing !== undefined) faults.push(`bus ${namespace}/${name}: ${refusing}`);
    if (warning !== undefined && bytes >= maxBytes) faults.push(`bus ${namespace}/${name}: ${warning}`);
    if (record.failing !== undefined) faults.push(`record: ${record.failing}`);
  }
  return faults;
}

/** Every namespace and bus name that a source or sensor uses, with its sensors. */
function busNames(manifests: Manifests): readonly {
  readonly namespace: string;
  readonly name: string;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
}[] {
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

/** Gauges are asked for at each scrape. */
function observe(metrics: Metrics, buses: readonly BusRun[]): void {
  metrics.onScrape(async (gauges) => {
    for (const { namespace, name, bus, queues } of buses) {
      const at = { namespace, bus: name };
      const { bytes, maxBytes } = bus.stats();
      gauges.busBytes(at, bytes, maxBytes);
      for (const group of ["sensors", "record"] as const) {
        const { entries } = await (group === "record" ? bus.facts(group) : bus.events(group)).lag();
        gauges.lag(at, group, entries);
      }
      for (const { queue, sensor, trigger } of queues()) {
        const live = bus.queue(queue).depth();
        gauges.queue({ namespace, sensor, trigger }, { ...live, dead: bus.queue(queue).dead().count() });
      }
    }
  });
}

/** Every secret that is read is one that no line may show. */
function redacting(values: Values, redactor: Redactor): Values {
  return {
    configMap: (namespace, ref) => values.configMap(namespace, ref),
    async secret(namespace, ref) {
      const value = await values.secret(namespace, ref);
      redactor.add(value);
      return value;
    },
  };
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
