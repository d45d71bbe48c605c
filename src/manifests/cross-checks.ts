import { didYouMean } from "../lib/did-you-mean.ts";
import type { PlacedFinding } from "../lib/finding.ts";
import type { PlannedEntry, PlannedEventSource } from "./event-source.ts";
import { own, recordAt, textAt } from "./json.ts";
import { type ManifestObject, placed } from "./objects.ts";
import { mayBe, type PutEvent, putEvents } from "./put-events.ts";
import type { PlannedSensor } from "./sensor.ts";

export interface ReadEventSource {
  readonly manifest: ManifestObject;
  readonly planned: PlannedEventSource;
}

export interface ReadSensor {
  readonly manifest: ManifestObject;
  readonly planned: PlannedSensor;
}

interface Served {
  readonly entry: PlannedEntry;
  readonly manifest: ManifestObject;
  readonly method: string | undefined;
}

/** A set of routes that lead to one place, as a key; paths and ports as text, so nothing is confused. */
function routeOf(entry: PlannedEntry): { readonly key: string; readonly method: string | undefined } | undefined {
  const { kind, config } = entry.plan;
  const inline = kind === "webhook";
  const context = inline ? recordAt(config) : recordAt(config, "webhook");
  const port = textAt(context, "port");
  const endpoint = textAt(context, "endpoint");
  if (port === undefined || endpoint === undefined) return undefined;
  // Only `webhook` looks at the method; the others take whatever their provider sends (reference 1.4).
  const method = inline ? (textAt(context, "method") ?? "POST").toUpperCase() : undefined;
  return { key: `${Number(port)} ${endpoint.startsWith("/") ? endpoint : `/${endpoint}`}`, method };
}

/** The port that an entry asks for, as text. */
export function portOf({ plan }: PlannedEntry): string | undefined {
  const context = plan.kind === "webhook" ? recordAt(plan.config) : recordAt(plan.config, "webhook");
  return textAt(context, "port");
}

/**
 * Two entries with one port, path and method: the second would never get a request (reference S25). Entries without a
 * connector do not listen.
 */
export function findSharedRoutes(read: readonly ReadEventSource[]): {
  readonly findings: readonly PlacedFinding[];
  readonly without: ReadonlySet<PlannedEntry>;
} {
  const served = new Map<string, Served[]>();
  const findings: PlacedFinding[] = [];
  const without = new Set<PlannedEntry>();
  for (const { manifest, planned } of read) {
    for (const entry of planned.entries) {
      const route = entry.plan.source === undefined ? undefined : routeOf(entry);
      if (route === undefined) continue;
      const others = served.get(route.key) ?? [];
      served.set(route.key, others);
      const first = others.find(({ method }) => !method || !route.method || method === route.method);
      if (first === undefined) {
        others.push({ entry, manifest, method: route.method });
        continue;
      }
      without.add(entry);
      const at = first.manifest.at(first.entry.path, { key: true });
      const other = `${first.entry.plan.eventSource}/${first.entry.plan.event}`;
      findings.push(
        placed(manifest, {
          severity: "error",
          code: "ROUTE_DUPLICATE",
          path: entry.path,
          key: true,
          message: `port, path and method are those of ${other} at ${first.manifest.file}:${at.line}:${at.column}`,
        }),
      );
    }
  }
  return { findings, without };
}

/** Dependencies on events that none of the manifests brings or puts on their bus; what a `broken` EventSource brings is not known. */
export function findLostDependencies(
  sensors: readonly ReadSensor[],
  eventSources: readonly ReadEventSource[],
  broken: readonly ManifestObject[],
): readonly PlacedFinding[] {
  const unread = new Set(broken.map(({ namespace, name }) => JSON.stringify([namespace, name])));
  const byNamespace = new Map<string, Map<string, PlannedEventSource>>();
  for (const { manifest, planned } of eventSources) {
    const there = byNamespace.get(manifest.namespace) ?? new Map<string, PlannedEventSource>();
    byNamespace.set(manifest.namespace, there);
    if (!there.has(manifest.name)) there.set(manifest.name, planned);
  }
  const put = new Map<string, readonly PutEvent[]>();
  const busKey = ({ manifest, planned }: ReadSensor): string => JSON.stringify([manifest.namespace, planned.bus]);
  for (const sensor of sensors)
    put.set(busKey(sensor), [...(put.get(busKey(sensor)) ?? []), ...putEvents(sensor.manifest.value)]);
  return sensors.flatMap((sensor) => {
    const { manifest, planned } = sensor;
    const onBus = put.get(busKey(sensor)) ?? [];
    const there = byNamespace.get(manifest.namespace) ?? new Map<string, PlannedEventSource>();
    return planned.dependencies.flatMap(({ eventSource, event, path }) => {
      if (/[*?[{]/.test(eventSource + event)) return [];
      if (unread.has(JSON.stringify([manifest.namespace, eventSource]))) return [];
      if (onBus.some((one) => mayBe(one, eventSource, event))) return [];
      const missing = lost(eventSource, event, { there, bus: planned.bus });
      if (missing === undefined) return [];
      const [key, message, fix] = missing;
      const found = { severity: "warning", code: "DEPENDENCY_UNRESOLVED", path: [...path, key], message } as const;
      return [placed(manifest, fix === undefined ? found : { ...found, fix })];
    });
  });
}

function lost(
  eventSource: string,
  event: string,
  { there, bus }: { there: ReadonlyMap<string, PlannedEventSource>; bus: string },
): [key: string, message: string, fix: string | undefined] | undefined {
  const source = there.get(eventSource);
  if (source === undefined) {
    const meant = didYouMean(eventSource, there.keys());
    return [
      "eventSourceName",
      `no EventSource ${eventSource} is among the manifests`,
      meant && `Did you mean ${meant}?`,
    ];
  }
  if (!source.events.has(event)) {
    const meant = didYouMean(event, source.events);
    return ["eventName", `the EventSource ${eventSource} has no event ${event}`, meant && `Did you mean ${meant}?`];
  }
  if (source.bus === bus) return undefined;
  const message = `the EventSource ${eventSource} is on the bus ${source.bus}, this Sensor on ${bus}`;
  return ["eventSourceName", message, "Give both the same eventBusName."];
}

/** True where a later object has the place of an earlier one. */
export function findDuplicateObjects(objects: readonly ManifestObject[]): {
  readonly findings: readonly PlacedFinding[];
  readonly kept: readonly ManifestObject[];
} {
  const first = new Map<string, ManifestObject>();
  const findings: PlacedFinding[] = [];
  const kept: ManifestObject[] = [];
  for (const object of objects) {
    const key = JSON.stringify([object.kind, object.namespace, object.name]);
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, object);
      kept.push(object);
      continue;
    }
    const at = earlier.at(["metadata", "name"]);
    const name = `${object.kind} ${object.namespace}/${object.name}`;
    const message = `${name} is already at ${earlier.file}:${at.line}:${at.column}`;
    const path = own(recordAt(object.value), "metadata") === undefined ? [] : ["metadata", "name"];
    findings.push(placed(object, { severity: "error", code: "OBJECT_DUPLICATE", path, message }));
  }
  return { findings, kept };
}
