import type { PlacedFinding } from "../lib/finding.ts";
import { findDuplicateObjects, findLostDependencies, findSharedRoutes } from "./cross-checks.ts";
import { planEventBus } from "./event-bus.ts";
import { planEventSource } from "./event-source.ts";
import { findLostModules } from "./function-modules.ts";
import { lintManifests } from "./lint/index.ts";
import type { Lists, ReadOptions } from "./lists.ts";
import type { Manifests } from "./manifests.ts";
import { type ManifestObject, type ManifestText, placed, type ReadObjects, readObjects } from "./objects.ts";
import { planSensor } from "./sensor.ts";
import { readValues } from "./value-documents.ts";

/**
 * Objects → plans. Pure: files, folders and clusters are read before. What is invalid is left out with its findings;
 * the rest is planned.
 */
export function planManifests(read: ReadObjects, lists: Lists, options: ReadOptions = {}): Omit<Manifests, "files"> {
  const { kept, findings: duplicates } = findDuplicateObjects(read.objects);
  const findings: PlacedFinding[] = [...read.findings, ...duplicates];
  const report = (manifest: ManifestObject, found: readonly Parameters<typeof placed>[1][]) => {
    for (const finding of found) findings.push(placed(manifest, finding));
  };
  const whole = kept.filter((object) => !object.broken);
  const broken = (kind: string) => kept.filter((object) => object.broken && object.kind === kind);
  const eventSources = whole.filter(ofKind("EventSource")).map((manifest) => {
    const planned = planEventSource(manifest, lists);
    report(manifest, planned.findings);
    return { manifest, planned };
  });
  const sensors = whole.filter(ofKind("Sensor")).map((manifest) => {
    const planned = planSensor(manifest, lists);
    report(manifest, planned.findings);
    return { manifest, planned };
  });
  const buses = whole.filter(ofKind("EventBus")).flatMap((manifest) => {
    const { plan, findings: found } = planEventBus(manifest);
    report(manifest, found);
    return plan === undefined ? [] : [plan];
  });
  const values = (kind: string) =>
    whole.filter(ofKind(kind)).map((manifest) => {
      const { values: document, findings: found } = readValues(manifest);
      report(manifest, found);
      return document;
    });
  const secrets = values("Secret");
  const configMaps = values("ConfigMap");
  const routes = findSharedRoutes(eventSources);
  findings.push(...routes.findings, ...findLostDependencies(sensors, eventSources, broken("EventSource")));
  if (lists.moduleAt !== undefined) findings.push(...findLostModules(sensors, lists.moduleAt));
  if (options.traps || options.portable) {
    const again = twins(read.objects, kept, lists);
    for (const { manifest, planned } of [...again.eventSources, ...again.sensors]) report(manifest, planned.findings);
    const all = { eventSources: [...eventSources, ...again.eventSources], sensors: [...sensors, ...again.sensors] };
    findings.push(...lintManifests({ ...all, buses, values: { secrets, configMaps }, lists }, options));
  }
  const invalid = [
    ...sensors
      .filter(({ planned }) => planned.plan === undefined)
      .map(({ manifest, planned }) => at(manifest, planned.bus)),
    ...broken("Sensor").map((manifest) => at(manifest, busOf(manifest))),
  ];
  return {
    sources: eventSources.flatMap(({ planned }) =>
      planned.entries.filter((entry) => !routes.without.has(entry)).map(({ plan }) => plan),
    ),
    sensors: sensors.flatMap(({ planned }) => (planned.plan === undefined ? [] : [planned.plan])),
    buses,
    secrets,
    configMaps,
    invalidSensors: invalid,
    ignored: read.ignored,
    ...originsAndFindings(read.objects, options.strict ? findings.map(strictly) : findings),
  };
}

/** An error belongs to the object that it stands in: the last one that begins at its line or before. */
function originsAndFindings(
  objects: readonly ManifestObject[],
  findings: readonly PlacedFinding[],
): Pick<Manifests, "origins" | "findings"> {
  const starts = Map.groupBy(
    objects.map(({ kind, namespace, name, file, broken, at: place }) => ({
      ...{ kind, namespace, name, file, faulty: broken },
      line: place([]).line,
    })),
    ({ file }) => file,
  );
  for (const { severity, file, line } of findings) {
    if (severity !== "error") continue;
    const owner = starts.get(file)?.findLast((one) => one.line <= line);
    if (owner !== undefined) owner.faulty = true;
  }
  return { origins: [...starts.values()].flat(), findings };
}

/** Objects whose place an earlier one has: they do not run, and what is wrong in them is of interest all the same. */
function twins(objects: readonly ManifestObject[], kept: readonly ManifestObject[], lists: Lists) {
  const there = new Set(kept);
  const dropped = objects.filter((object) => !there.has(object) && !object.broken);
  return {
    eventSources: dropped
      .filter(ofKind("EventSource"))
      .map((manifest) => ({ manifest, planned: planEventSource(manifest, lists) })),
    sensors: dropped.filter(ofKind("Sensor")).map((manifest) => ({ manifest, planned: planSensor(manifest, lists) })),
  };
}

/** Texts → plans, findings in the order of the texts, by line and column. Pure. */
export function planTexts(
  texts: readonly ManifestText[],
  given: Lists,
  options: ReadOptions = {},
): Omit<Manifests, "files"> {
  const read = texts.map(readObjects);
  const joined: ReadObjects = {
    objects: read.flatMap(({ objects }) => objects),
    ignored: read.flatMap(({ ignored }) => ignored),
    findings: read.flatMap(({ findings }) => findings),
  };
  const planned = planManifests(joined, given, options);
  const order = new Map(texts.map(({ file }, index) => [file, index]));
  const findings = planned.findings.toSorted(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
  return { ...planned, findings };
}

function ofKind(kind: string): (object: ManifestObject) => boolean {
  return (object) => object.kind === kind;
}

function at({ namespace, name }: ManifestObject, bus: string) {
  return { namespace, bus, name };
}

function busOf({ value }: ManifestObject): string {
  const { spec } = value;
  const named = typeof spec === "object" && spec !== null && "eventBusName" in spec ? spec.eventBusName : undefined;
  return typeof named === "string" && named !== "" ? named : "default";
}

function strictly(finding: PlacedFinding): PlacedFinding {
  const strict = finding.code === "UNKNOWN_FIELD" || finding.code === "FIELD_MISPLACED";
  return strict ? { ...finding, severity: "error" } : finding;
}
