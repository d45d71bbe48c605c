import type { PlacedFinding } from "../lib/finding.ts";
import type { Manifests, Origin, ValuesDocument } from "../manifests/manifests.ts";

/** What is to run after a reload. */
export interface Merged {
  /** The new manifests; where one of their objects is faulty, with the version of it that runs. */
  readonly manifests: Manifests;
  /** Names of what goes on in its old version, by kind. */
  readonly old: OldVersions;
}

export interface OldVersions {
  readonly sources: readonly string[];
  readonly sensors: readonly string[];
  readonly values: readonly string[];
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

/**
 * A bad edit must not end what runs: an object in which an error was found goes on as it is, and so does one that is missing
 * from a file with an error (its text may be what cannot be read), or whose file cannot be read at all. What is good
 * beside it is applied. Pure.
 */
export function mergeManifests(running: Manifests, next: Manifests): Merged {
  const doubts = doubtsOf(running, next);
  const eventSource = (plan: { readonly namespace: string; readonly eventSource: string }): Named => ({
    namespace: plan.namespace,
    name: plan.eventSource,
  });
  const sources = missing(running.sources, next.sources, sourceName).filter((plan) =>
    doubts("EventSource", eventSource(plan)),
  );
  const sensors = missing(running.sensors, next.sensors, objectName).filter((plan) => doubts("Sensor", plan));
  const valuesOf = (kind: string, before: readonly ValuesDocument[], after: readonly ValuesDocument[]) =>
    missing(before, after, objectName).filter((document) => doubts(kind, document));
  const secrets = valuesOf("Secret", running.secrets, next.secrets);
  const configMaps = valuesOf("ConfigMap", running.configMaps, next.configMaps);
  const kept = new Set(sensors.map(objectName));
  return {
    manifests: {
      ...next,
      sources: [...next.sources, ...sources],
      sensors: [...next.sensors, ...sensors],
      secrets: [...next.secrets, ...secrets],
      configMaps: [...next.configMaps, ...configMaps],
      invalidSensors: next.invalidSensors.filter((sensor) => !kept.has(objectName(sensor))),
      origins: [...next.origins, ...missing(running.origins, next.origins, originName)],
    },
    old: {
      sources: sources.map(sourceName),
      sensors: sensors.map(objectName),
      values: [
        ...secrets.map((one) => `Secret ${objectName(one)}`),
        ...configMaps.map((one) => `ConfigMap ${objectName(one)}`),
      ],
    },
  };
}

/** `namespace/eventSource/event`. */
export function sourceName(plan: {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
}): string {
  return `${plan.namespace}/${plan.eventSource}/${plan.event}`;
}

/** `namespace/name`. */
export function objectName({ namespace, name }: Named): string {
  return `${namespace}/${name}`;
}

function originName(origin: Origin): string {
  return `${origin.kind} ${objectName(origin)}`;
}

/** Whether it cannot be told that an object which is not among the new ones was meant to go. */
function doubtsOf(running: Manifests, next: Manifests): (kind: string, named: Named) => boolean {
  const here = new Map(next.origins.map((origin) => [originName(origin), origin]));
  for (const origin of next.origins) if (origin.faulty) here.set(originName(origin), origin);
  const files = new Map(running.origins.map((origin) => [originName(origin), origin.file]));
  const read = new Set(next.files);
  const errors = errorsOf(next.findings);
  const faulty = new Set(errors.map(({ file }) => file));
  const unread = errors.some(({ file }) => !read.has(file));
  return (kind, named) => {
    const key = `${kind} ${objectName(named)}`;
    const origin = here.get(key);
    if (origin !== undefined) return origin.faulty;
    const file = files.get(key);
    return file !== undefined && (faulty.has(file) || (unread && !read.has(file)));
  };
}

export function errorsOf(findings: readonly PlacedFinding[]): readonly PlacedFinding[] {
  return findings.filter(({ severity }) => severity === "error");
}

function missing<T>(before: readonly T[], after: readonly T[], nameOf: (one: T) => string): readonly T[] {
  const there = new Set(after.map(nameOf));
  return before.filter((one) => !there.has(nameOf(one)));
}
