import type { BusFolder } from "../bus/embedded/open.ts";
import { createEgress, localPolicy } from "../kit/egress.ts";
import type { Cluster, Trigger } from "../kit/trigger.ts";
import { aborted } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Scope } from "../lib/scope.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { EventRecord } from "../record/record.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Breakers } from "./breaker.ts";
import type { BusRun } from "./bus-run.ts";
import type { Clients } from "./clients.ts";
import { createControl } from "./control.ts";
import type { Listeners } from "./listeners.ts";
import type { LiveValues } from "./live-values.ts";
import { operationWorks } from "./operation-works.ts";
import type { Operations } from "./operations.ts";
import type { Pauses } from "./pauses.ts";
import type { RunOptions } from "./run-options.ts";
import type { Runtime } from "./runtime.ts";
import { type RunningSource, runSource } from "./source-run.ts";
import { SourceSet } from "./source-set.ts";
import { caughtUp, faultsOf, keepUp, observe } from "./upkeep.ts";

/** A bus that manifests name, and the sensors on it. */
export interface NamedBus {
  readonly namespace: string;
  readonly name: string;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
}

/** All that a run has, made and not started. */
export interface Started {
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

/** Starts what was made: from here on events come in. */
export function start(parts: Started): Runtime {
  const { options, clock, buses, metrics, record } = parts;
  const ends = new Ends();
  const sources = new SourceSet({
    make: (plan) => makeSource(parts, plan, ends.intake.signal),
    pauses: parts.pauses,
    listeners: parts.listeners,
  });
  sources.start(options.manifests.sources);
  const works = new BusWorks(ends, parts.log);
  for (const bus of buses) works.run(bus);
  const control = createControl({
    ...parts,
    manifests: options.manifests,
    sources,
    async openBus(namespace, name) {
      const bus = await parts.openBus({ namespace, name, plans: [], invalid: [] });
      buses.push(bus);
      works.run(bus);
      return bus;
    },
    signal: ends.intake.signal,
  });
  const operating = parts.operations.run(operationWorks({ buses, clock, record }), ends.intake.signal);
  const upkeep = keepUp({ ...parts, recordAgeMs: options.recordAgeMs }, ends.acting.signal);
  observe(metrics, buses, clock);
  metrics.onScrape((gauges) => gauges.targetsDown(parts.breakers.list().map(({ target }) => target)));
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    if (stopping !== undefined) ends.halt();
    stopping ??= drain(parts, ends, {
      sources,
      changing: [control.ended, operating],
      running: () => [...works.running, upkeep],
    });
    return stopping;
  };
  const { cluster, breakers, triggers, operations, folder } = parts;
  return {
    startedMs: clock.nowMs(),
    buses,
    sources: sources.running,
    control,
    record,
    metrics,
    cluster,
    breakers,
    triggers,
    operations,
    clock,
    durable: folder.durable,
    settledStart: Promise.race([
      Promise.all(sources.running.map(({ settled }) => settled)).then(() => undefined),
      aborted(ends.intake.signal),
    ]),
    faults: () => [...faultsOf(sources.running, buses), ...works.broken],
    reload: control.reload,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The ends of a run, in their order: nothing new comes in, nothing new is done, what is done ends, all is remembered. */
class Ends {
  readonly reason = new TideError("STOPPED", "tidemill is stopping");
  readonly intake = new AbortController();
  readonly acting = new AbortController();
  readonly hard = new AbortController();
  readonly remembering = new AbortController();

  /**
   * What still runs is given back. Nothing new may be begun from then on, though the sources may not have ended yet: a queue
   * that goes on would claim what it has just given back, over and over.
   */
  halt(): void {
    this.acting.abort(this.reason);
    this.hard.abort(this.reason);
  }
}

/** The buses at work, and those that are not any more. */
class BusWorks {
  readonly running: Promise<void>[] = [];
  readonly broken: string[] = [];
  readonly #ends: Ends;
  readonly #log: Log;

  constructor(ends: Ends, log: Log) {
    this.#ends = ends;
    this.#log = log;
  }

  run(bus: BusRun): void {
    const { acting, hard, remembering } = this.#ends;
    const ended = bus.run({
      decide: acting.signal,
      soft: acting.signal,
      hard: hard.signal,
      remember: remembering.signal,
    });
    this.running.push(ended);
    ended.catch((error: unknown) => {
      const reason = messageOf(error);
      this.broken.push(`bus ${bus.namespace}/${bus.name}: ${reason}; it is worked no more until a restart`);
      this.#log.error({ error: reason }, "a bus stopped with an error");
    });
  }
}

/** Ends a run within its drain time. */
async function drain(
  { options, listeners, buses, record, opened, log }: Started,
  ends: Ends,
  what: {
    readonly sources: SourceSet;
    /** What may still change the sources and buses. */
    readonly changing: readonly Promise<unknown>[];
    /** What runs then. */
    readonly running: () => readonly Promise<void>[];
  },
): Promise<void> {
  const { reason, intake, acting, hard, remembering } = ends;
  const timer = setTimeout(() => ends.halt(), options.drainTimeoutMs ?? 30_000);
  intake.abort(reason);
  await Promise.all(what.changing);
  await what.sources.stop();
  await listeners.close();
  acting.abort(reason);
  // remembering ends last: what the drain settled is in the record when it can be
  await Promise.race([caughtUp(buses, record, hard.signal), aborted(hard.signal)]);
  remembering.abort(reason);
  const results = await Promise.allSettled(what.running());
  clearTimeout(timer);
  hard.abort(reason);
  await opened[Symbol.asyncDispose]();
  for (const result of results)
    if (result.status === "rejected") log.error({ error: messageOf(result.reason) }, "a part ended with an error");
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
      egress: createEgress(options.egress ?? localPolicy),
      cluster: parts.cluster,
      ...(options.witness === undefined ? {} : { told: options.witness.received }),
    },
    plan,
  );
}
