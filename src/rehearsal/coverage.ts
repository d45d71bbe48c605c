import type { Path } from "../lib/finding.ts";
import { type ManifestText, readObjects } from "../manifests/objects.ts";
import type { Place } from "../manifests/yaml-place.ts";
import { judgeEvent } from "../sensors/explain.ts";
import type { Clause, DependencyPlan, SensorPlan } from "../sensors/plan.ts";
import { seedOf } from "../sensors/seed.ts";
import type { SeenEvent } from "./perform.ts";

/** A filter of a dependency, and which of its two answers the tests have seen. */
export interface CoveredFilter {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly sensor: string;
  readonly dependency: string;
  readonly kind: Clause["kind"];
  readonly index: number;
  readonly seen: { readonly passed: boolean; readonly filtered: boolean };
}

export interface Coverage {
  /** Filters that were seen both ways. */
  readonly covered: number;
  readonly filters: readonly CoveredFilter[];
}

interface Counted {
  readonly plan: SensorPlan;
  readonly dependency: DependencyPlan;
  readonly kind: Clause["kind"];
  readonly index: number;
  passed: boolean;
  filtered: boolean;
}

/** Counts, over any number of tests, which filters said yes and which said no. */
export interface CoverageCount {
  add(sensors: readonly SensorPlan[], events: readonly SeenEvent[]): void;
  result(texts: readonly ManifestText[]): Coverage;
}

export function createCoverage(): CoverageCount {
  const counted = new Map<string, Counted>();
  const note = (
    plan: SensorPlan,
    dependency: DependencyPlan,
    clause: Pick<Clause, "kind" | "index">,
  ): Counted | undefined => {
    // a transform is no question: it has no no that a filter would have
    if (clause.kind === "transform") return undefined;
    const { kind, index } = clause;
    const key = JSON.stringify([plan.folder, plan.namespace, plan.name, dependency.name, kind, index]);
    const known = counted.get(key);
    if (known !== undefined) return known;
    const made: Counted = { plan, dependency, kind, index, passed: false, filtered: false };
    counted.set(key, made);
    return made;
  };
  return {
    add(sensors, events) {
      for (const plan of sensors) {
        for (const dependency of plan.dependencies) {
          for (const clause of clausesOf(dependency)) note(plan, dependency, clause);
        }
        for (const { event, nowMs } of events) {
          for (const { dependency, clauses } of judgeEvent(plan.dependencies, event, {
            nowMs,
            seed: seedOf(event.id),
          })) {
            for (const clause of clauses) {
              const one = note(plan, dependency, clause);
              if (one === undefined) continue;
              if (clause.passed) one.passed = true;
              else one.filtered = true;
            }
          }
        }
      }
    },
    result(texts) {
      const places = sensorPlaces(texts);
      const filters = [...counted.values()].map(
        ({ plan, dependency, kind, index, passed, filtered }): CoveredFilter => {
          const place = places.get(JSON.stringify([plan.folder, plan.namespace, plan.name]));
          const at = plan.dependencies.indexOf(dependency);
          const { line, column } = place?.at(pathOf(at, kind, index)) ?? { line: 1, column: 1 };
          const named = { sensor: plan.name, dependency: dependency.name, kind, index };
          return { file: place?.file ?? "", line, column, ...named, seen: { passed, filtered } };
        },
      );
      return { covered: filters.filter(({ seen }) => seen.passed && seen.filtered).length, filters };
    },
  };
}

/** The filters that a dependency has, asked with an event that matters to nobody. */
function clausesOf(dependency: DependencyPlan): readonly Clause[] {
  const event = {
    id: "",
    source: dependency.eventSource,
    type: "",
    subject: dependency.event,
    time: "1970-01-01T00:00:00Z",
    datacontenttype: "application/json",
    data: Buffer.from("{}"),
    extensions: {},
  };
  return dependency.evaluate(event, { nowMs: 0, seed: 1, explain: true }).clauses;
}

function pathOf(dependency: number, kind: Clause["kind"], index: number): Path {
  const base = ["spec", "dependencies", dependency, "filters", kind];
  return kind === "data" || kind === "exprs" ? [...base, index] : base;
}

interface SensorPlace {
  readonly file: string;
  at(path: Path): Place;
}

function sensorPlaces(texts: readonly ManifestText[]): ReadonlyMap<string, SensorPlace> {
  const places = new Map<string, SensorPlace>();
  for (const text of texts) {
    for (const { kind, namespace, name, folder, file, at } of readObjects(text).objects) {
      const key = JSON.stringify([folder, namespace, name]);
      if (kind === "Sensor" && !places.has(key)) places.set(key, { file, at });
    }
  }
  return places;
}
