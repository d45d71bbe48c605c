import { abortable } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { BusRun } from "./bus-run.ts";
import type { Clients } from "./clients.ts";
import type { LiveValues } from "./live-values.ts";
import { errorsOf, mergeManifests, type OldVersions, objectName } from "./reload-merge.ts";
import { type Changes, isUnchanged, type ReloadReport, type ReloadResult } from "./reload-report.ts";
import type { SourceSet } from "./source-set.ts";

/** The parts that a reload changes. */
export interface ReloadParts {
  readonly buses: readonly BusRun[];
  /** Opens a bus that is new, and runs it. */
  readonly openBus: (namespace: string, name: string) => Promise<BusRun>;
  readonly sources: SourceSet;
  readonly values: LiveValues;
  readonly clients: Clients;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** Makes of what runs what the manifests say, by difference. One at a time; the caller sees to that. */
export interface Reloads {
  /**
   * Secrets and ConfigMaps first, then sensors, then sources: what a new source brings finds its sensor. A bad object goes on
   * in its old version. Rejects with the signal's reason when it was aborted on the way, and then what is done stays.
   */
  apply(next: Manifests, signal: AbortSignal): Promise<ReloadReport>;
  readonly last: ReloadReport | undefined;
}

export function createReloads(first: Manifests, parts: ReloadParts): Reloads {
  const { buses, sources, values, clients, metrics, clock } = parts;
  /** What else of the manifests holds now; plans are asked of what runs. */
  let rest: Manifests = first;
  let last: ReloadReport | undefined;
  const running = (): Manifests => ({
    ...rest,
    ...values.documents(),
    sources: sources.running.map(({ plan }) => plan),
    sensors: buses.flatMap((bus) => bus.sensors),
  });
  const apply = async (next: Manifests, signal: AbortSignal): Promise<ReloadReport> => {
    const atMs = clock.nowMs();
    const { manifests, old } = mergeManifests(running(), next);
    const changedValues = values.swap(manifests);
    clients.recheck();
    const errors: string[] = [];
    const before = running().sensors;
    for (const { namespace, name } of await allBuses(parts, manifests, errors)) {
      signal.throwIfAborted();
      const here = (one: { readonly namespace: string; readonly bus: string }): boolean =>
        one.namespace === namespace && one.bus === name;
      const bus = buses.find((one) => one.namespace === namespace && one.name === name);
      const invalid = manifests.invalidSensors.filter(here).map((sensor) => sensor.name);
      try {
        // a bus that cannot be written holds this up, but not the end of tidemill
        if (bus !== undefined) await abortable(bus.replan(manifests.sensors.filter(here), invalid), signal);
      } catch (error) {
        signal.throwIfAborted();
        errors.push(`bus ${namespace}/${name}: its sensors stay as they are: ${messageOf(error)}`);
      }
    }
    signal.throwIfAborted();
    const changedSources = await sources.become(
      manifests.sources.filter((plan) =>
        buses.some((bus) => bus.namespace === plan.namespace && bus.name === plan.bus),
      ),
      signal,
    );
    rest = manifests;
    const failed = failedOf(next, old);
    const report = {
      atMs,
      tookMs: clock.nowMs() - atMs,
      sources: without({ ...changedSources, failed: failed.sources }),
      sensors: without({ ...sensorChanges(before, running().sensors), failed: failed.sensors }),
      values: without({ ...changedValues, failed: failed.values }),
      findings: errorsOf(next.findings),
      errors,
    };
    return { ...report, result: resultOf(report) };
  };
  return {
    get last() {
      return last;
    },
    async apply(next, signal) {
      try {
        last = await apply(next, signal);
        metrics.reloaded(last.result, clock.nowMs());
        return last;
      } catch (error) {
        metrics.reloaded("failed", clock.nowMs());
        throw error;
      }
    },
  };
}

/** Those that run, and those that the manifests name besides, opened. */
async function allBuses(
  { buses, openBus }: ReloadParts,
  manifests: Manifests,
  errors: string[],
): Promise<readonly { readonly namespace: string; readonly name: string }[]> {
  for (const { namespace, bus } of [...manifests.sources, ...manifests.sensors, ...manifests.invalidSensors]) {
    if (buses.some((one) => one.namespace === namespace && one.name === bus)) continue;
    try {
      await openBus(namespace, bus);
    } catch (error) {
      errors.push(`bus ${namespace}/${bus} cannot be opened: ${messageOf(error)}`);
    }
  }
  return buses.map(({ namespace, name }) => ({ namespace, name }));
}

function sensorChanges(before: readonly SensorPlan[], after: readonly SensorPlan[]): Omit<Changes, "failed"> {
  const was = new Map(before.map((plan) => [objectName(plan), sensorOf(plan)]));
  const is = new Map(after.map((plan) => [objectName(plan), sensorOf(plan)]));
  const names = [...is.keys()];
  return {
    added: names.filter((name) => !was.has(name)),
    changed: names.filter((name) => was.has(name) && was.get(name) !== is.get(name)),
    removed: [...was.keys()].filter((name) => !is.has(name)),
    kept: names.filter((name) => was.get(name) === is.get(name)),
  };
}

/** What of a sensor makes it another one. */
function sensorOf({ bus, revision, folder }: SensorPlan): string {
  return JSON.stringify([bus, revision, folder]);
}

/** Old versions that go on, and what is bad without having had one. */
function failedOf(next: Manifests, old: OldVersions): OldVersions {
  const faulty = (kind: string): readonly string[] =>
    next.origins.filter((origin) => origin.kind === kind && origin.faulty).map(objectName);
  const here = new Set([...next.sources.map((plan) => `${plan.namespace}/${plan.eventSource}`)]);
  const sources = faulty("EventSource").filter(
    (name) => !here.has(name) && !old.sources.some((source) => source.startsWith(`${name}/`)),
  );
  return {
    sources: [...old.sources, ...sources],
    sensors: [...new Set([...old.sensors, ...next.invalidSensors.map(objectName)])],
    values: old.values,
  };
}

/** What failed is in no other list. */
function without(changes: Changes): Changes {
  const failed = new Set(changes.failed);
  const kept = (names: readonly string[]): readonly string[] => names.filter((name) => !failed.has(name));
  return { ...changes, added: kept(changes.added), changed: kept(changes.changed), kept: kept(changes.kept) };
}

function resultOf(report: Omit<ReloadReport, "result">): ReloadResult {
  if (report.errors.length > 0) return "failed";
  const all = [report.sources, report.sensors, report.values];
  if (report.findings.length > 0 || all.some(({ failed }) => failed.length > 0)) return "partial";
  return all.every(isUnchanged) ? "unchanged" : "applied";
}
