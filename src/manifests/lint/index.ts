import type { Finding, PlacedFinding } from "../../lib/finding.ts";
import { portOf, type ReadEventSource, type ReadSensor } from "../cross-checks.ts";
import type { Lists, ReadOptions } from "../lists.ts";
import type { BusPlan } from "../manifests.ts";
import { type ManifestObject, placed } from "../objects.ts";
import { mayBe, putEvents } from "../put-events.ts";
import { describedSources } from "../types/source-types.ts";
import { dataPaths } from "./data-paths.ts";
import { destinations } from "./destinations.ts";
import { egressOfEntry, egressOfSensor } from "./egress.ts";
import { eventLoops } from "./loops.ts";
import { neverPassing } from "./never.ts";
import { portableEntry, portableSensor, sharedPorts } from "./portable.ts";
import { missingKeys, type Values } from "./references.ts";
import { templates } from "./templates.ts";
import { collidingNames, deadTwice, eventTwice, triggerTraps, unreachable } from "./triggers.ts";
import { type SensorView, type Surroundings, viewSensor } from "./view.ts";

/** Everything that was read, for the rules that need to see more than one object. */
export interface Linted {
  readonly eventSources: readonly ReadEventSource[];
  readonly sensors: readonly ReadSensor[];
  readonly buses: readonly BusPlan[];
  readonly values: Values;
  readonly lists: Lists;
}

/**
 * What lint says beyond what makes a manifest invalid: traps, and references between objects; with `portable` also what
 * Argo Events does not know or does otherwise. Pure.
 */
export function lintManifests(
  read: Linted,
  options: Pick<ReadOptions, "portable" | "egress">,
): readonly PlacedFinding[] {
  const found: PlacedFinding[] = [];
  const tell = (manifest: ManifestObject, findings: Iterable<Finding>) => {
    for (const finding of findings) found.push(placed(manifest, finding));
  };
  const around = surroundings(read);
  for (const { manifest, planned } of read.sensors) {
    const view = viewSensor(manifest, planned, around);
    if (view === undefined) continue;
    const bus = read.buses.find((one) => one.namespace === manifest.namespace && one.name === planned.bus);
    tell(manifest, sensorTraps(view, bus?.kind, read.values));
    tell(manifest, egressOfSensor(view, { lists: read.lists, policy: options.egress }));
    if (options.portable) tell(manifest, portableSensor(view));
  }
  const byPlan = new Map(read.sensors.map(({ manifest, planned }) => [planned.plan, manifest]));
  for (const { plan, finding } of eventLoops(read.sensors.flatMap(({ planned }) => planned.plan ?? []))) {
    const manifest = byPlan.get(plan);
    if (manifest !== undefined) tell(manifest, [finding]);
  }
  for (const { manifest, planned } of read.eventSources) {
    for (const entry of planned.entries) {
      const schema = (entry.plan.source ?? describedSources.find(({ kind }) => kind === entry.plan.kind))?.config;
      const { path } = entry;
      const at = { path, namespace: manifest.namespace, values: read.values };
      if (schema !== undefined) tell(manifest, missingKeys(schema, entry.plan.config, at));
      tell(manifest, egressOfEntry(entry, { lists: read.lists, policy: options.egress }));
      if (options.portable) tell(manifest, portableEntry(entry, schema));
    }
    if (options.portable) for (const { finding } of sharedPorts(planned.entries, portOf)) tell(manifest, [finding]);
  }
  return found;
}

function* sensorTraps(view: SensorView, busKind: string | undefined, values: Values): Iterable<Finding> {
  yield* collidingNames(view);
  yield* eventTwice(view, busKind);
  yield* dataPaths(view);
  yield* templates(view);
  for (const dependency of view.dependencies.values()) yield* neverPassing(dependency);
  yield* unreachable(view);
  yield* deadTwice(view);
  for (const trigger of view.triggers) {
    yield* triggerTraps(trigger);
    yield* destinations(trigger);
    const { schema, config, kind, path } = trigger;
    const at = { path: [...path, "template", kind ?? ""], namespace: view.manifest.namespace, values };
    if (schema !== undefined) yield* missingKeys(schema, config, at);
  }
}

function surroundings({ eventSources, sensors, lists }: Linted): Surroundings {
  const keyOf = (namespace: string, name: string) => JSON.stringify([namespace, name]);
  // Of two with one name the first counts, as when they run.
  const reversed = eventSources.toReversed();
  const byName = new Map(reversed.map(({ manifest, planned }) => [keyOf(manifest.namespace, manifest.name), planned]));
  const entries = new Map(
    reversed.flatMap(({ planned }) =>
      planned.entries.map((entry) => {
        const { namespace, eventSource, event } = entry.plan;
        return [JSON.stringify([namespace, eventSource, event]), entry] as const;
      }),
    ),
  );
  const put = sensors.flatMap(({ manifest }) =>
    putEvents(manifest.value).map((one) => ({ namespace: manifest.namespace, one })),
  );
  return {
    lists,
    put: (namespace, eventSource, event) =>
      put.some((made) => made.namespace === namespace && mayBe(made.one, eventSource, event)),
    entry: (namespace, eventSource, event) => entries.get(JSON.stringify([namespace, eventSource, event])),
    events: (namespace, eventSource) => byName.get(keyOf(namespace, eventSource))?.events,
  };
}
