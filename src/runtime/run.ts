import { type BusFolder, openBusFolder } from "../bus/embedded/open.ts";
import { type EgressPolicy, localPolicy } from "../kit/egress.ts";
import { createLookUps } from "../kit/look-ups.ts";
import { systemClock } from "../lib/clock.ts";
import { Scope } from "../lib/scope.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { EventRecord } from "../record/record.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { Breakers } from "./breaker.ts";
import { type BusRunParts, openBusRun } from "./bus-run.ts";
import { Clients } from "./clients.ts";
import type { Tracing } from "./export-spans.ts";
import { createListeners } from "./listeners.ts";
import { createLiveValues } from "./live-values.ts";
import { Operations } from "./operations.ts";
import { Pauses } from "./pauses.ts";
import type { RunOptions } from "./run-options.ts";
import type { Runtime } from "./runtime.ts";
import { type NamedBus, type Started, start } from "./start.ts";
import { tellLater } from "./tell-later.ts";

/** The composition root: makes everything from checked manifests, joins it, and starts it. */
export async function run(options: RunOptions): Promise<Runtime> {
  const { manifests, log, clock = systemClock, random = Math.random } = options;
  await using opened = new Scope();
  const { folder, record, tracing } = await openStores(options, opened);
  if (tracing !== undefined) log.info({ collector: tracing.exporter.target }, "spans are exported");
  const { env, secretsDir, redactor } = options;
  const { secrets, configMaps } = manifests;
  const values = createLiveValues({ env, secretsDir, secrets, configMaps }, redactor);
  const ownState = folder.bus("tidemill", "jobs");
  const clusterContext = {
    state: ownState.state("jobs"),
    dataDir: options.dataDir,
    values,
    documents: values.documents,
    clock,
    log,
    tell: tellLater({ bus: (namespace, name) => folder.bus(namespace, name), clean: redactor.clean, clock, log }),
  };
  const cluster = opened.use(await options.openCluster?.(clusterContext));
  const clients = opened.use(new Clients(clock));
  const breakers = new Breakers({ clock, random, log });
  const metrics = createMetrics({ version: options.version, commit: "" });
  const listeners = opened.use(createListeners({ log, clock, ...defined({ host: options.listenHost }) }));
  const triggers = new Map(options.triggers.map((trigger) => [trigger.kind, trigger]));
  const pauses = await Pauses.open(ownState.state("pauses"), clock);
  const operations = await Operations.open({ store: ownState.state("operations"), clock, log });
  const egress: EgressPolicy = { resolveAll: createLookUps(), ...(options.egress ?? localPolicy) };
  const { clean } = redactor;
  const act = { triggers, clients, values, clock, random, egress, cluster, breakers, clean };
  const shared = { pauses, act, record, tracing, metrics, clock, random, log };
  const openBus = busOpener(options, folder, shared);
  const buses = await Promise.all(busNames(manifests).map(openBus));
  return start({
    options: { ...options, egress },
    ...shared,
    buses,
    openBus,
    operations,
    triggers,
    clients,
    listeners,
    values,
    cluster,
    breakers,
    folder,
    opened: opened.move(),
  });
}

/** The stores of a run; `opened` closes them. */
interface Stores {
  readonly folder: BusFolder;
  readonly record: EventRecord | undefined;
  readonly tracing: (Tracing & AsyncDisposable) | undefined;
}

async function openStores(options: RunOptions, opened: Scope): Promise<Stores> {
  // side by side: each starts a thread or a process, which is a third of the time until ready
  const opening = await Promise.allSettled([
    options.openRecord?.(),
    options.openTracing?.(),
    openBusFolder({
      dataDir: options.dataDir,
      facts: [options.openRecord, options.openTracing, options.lines].some((reader) => reader !== undefined),
      clock: options.clock ?? systemClock,
      ...defined({ maxBytes: options.busMaxBytes, maxAgeMs: options.maxAgeMs, maxEventBytes: options.maxEventBytes }),
    }),
  ]);
  for (const one of opening) if (one.status === "fulfilled") opened.use(one.value);
  // a folder that another process owns is told first: the record fails for the same reason
  const folder = openedOr(opening[2]);
  return { folder, record: openedOr(opening[0]), tracing: openedOr(opening[1]) };
}

/** Opens the runs of buses, with what all of them share. */
function busOpener(
  { recompile, lines, witness }: RunOptions,
  folder: BusFolder,
  shared: Pick<BusRunParts, "pauses" | "act" | "record" | "tracing" | "metrics" | "clock" | "random" | "log">,
): Started["openBus"] {
  return ({ namespace, name, plans, invalid }) =>
    openBusRun({
      ...shared,
      namespace,
      name,
      bus: folder.bus(namespace, name),
      plans,
      invalid,
      recompile,
      lines,
      ...(witness === undefined ? {} : { told: witness.forBus({ namespace, bus: name }) }),
    });
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
