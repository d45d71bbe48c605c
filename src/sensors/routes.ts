import { asNumber, asString, compilePath, type GjsonPath } from "../expressions/gjson.ts";
import type { EventView } from "./filters/view.ts";
import { createPartIndex, type PartIndex } from "./part-index.ts";
import type { DependencyPlan, SensorPlan } from "./plan.ts";

/** A dependency that may want an event. */
export interface Candidate {
  /** Place among all dependencies of all sensors: candidates are decided in this order. */
  readonly order: number;
  readonly plan: SensorPlan;
  readonly dependency: DependencyPlan;
  /** Triggers whose conditions name it; never 0. */
  readonly subscriptions: number;
}

/** All that subscribe to one event of one EventSource. */
export interface Route {
  /** Subscriptions of all candidates. */
  readonly matched: number;
  /** Those whose filters have to be asked. */
  readonly open: readonly Candidate[];
  readonly literals: readonly LiteralIndex[];
}

type Literal = NonNullable<DependencyPlan["literal"]>;

/** Dependencies that demand a literal at the same path, by that literal. */
interface LiteralIndex {
  readonly path: GjsonPath;
  readonly as: Literal["as"];
  readonly byValue: ReadonlyMap<string, readonly Candidate[]>;
  /** Of `byValue`, where its texts need only be parts. */
  readonly parts: PartIndex<Candidate> | undefined;
  readonly all: readonly Candidate[];
}

/** Who subscribes to what. */
export interface Routes {
  /** Those who subscribe to an event of an EventSource; undefined: nobody. */
  find(eventSource: string, event: string): Route | undefined;
}

/** Whether the event is the one that the dependency names, or one that its globs stand for. */
export function wants(dependency: DependencyPlan, eventSource: string, event: string): boolean {
  return (
    (dependency.eventSource === eventSource && dependency.event === event) ||
    dependency.glob?.(eventSource, event) === true
  );
}

/** Names are looked up in Maps, so that none is special; globs are asked once for each name that comes by. */
export function createRoutes(plans: readonly SensorPlan[]): Routes {
  const named = new Map<string, Map<string, Candidate[]>>();
  const globs: Candidate[] = [];
  let order = 0;
  for (const plan of plans) {
    for (const dependency of plan.dependencies) {
      const subscriptions = plan.wantedBy.get(dependency.name)?.length ?? 0;
      if (subscriptions === 0) continue;
      const candidate: Candidate = { order: order++, plan, dependency, subscriptions };
      if (dependency.glob === undefined) candidatesOf(named, dependency).push(candidate);
      else globs.push(candidate);
    }
  }
  const exact = new Map<string, Map<string, Route>>();
  for (const [source, events] of named) {
    exact.set(source, new Map([...events].map(([event, candidates]) => [event, routeOf(candidates)])));
  }
  if (globs.length === 0) return { find: (source, event) => exact.get(source)?.get(event) };
  const seen = new Map<string, Route | undefined>();
  return {
    find(source, event) {
      const key = JSON.stringify([source, event]);
      if (seen.has(key)) return seen.get(key);
      // names can come from outside: they must not fill the memory
      if (seen.size >= mostSeen) seen.clear();
      const others = globs.filter(({ dependency }) => wants(dependency, source, event));
      const route = others.length === 0 ? exact.get(source)?.get(event) : joined(named.get(source)?.get(event), others);
      seen.set(key, route);
      return route;
    },
  };
}

const mostSeen = 10_000;

function joined(named: readonly Candidate[] | undefined, globs: readonly Candidate[]): Route {
  return routeOf([...(named ?? []), ...globs].sort((a, b) => a.order - b.order));
}

function candidatesOf(
  named: Map<string, Map<string, Candidate[]>>,
  { eventSource, event }: DependencyPlan,
): Candidate[] {
  const events = named.get(eventSource) ?? new Map<string, Candidate[]>();
  named.set(eventSource, events);
  const candidates = events.get(event) ?? [];
  events.set(event, candidates);
  return candidates;
}

function routeOf(candidates: readonly Candidate[]): Route {
  const open: Candidate[] = [];
  const indexes = new Map<string, Pick<Literal, "path" | "as"> & { candidates: Candidate[] }>();
  let matched = 0;
  for (const candidate of candidates) {
    matched += candidate.subscriptions;
    const { literal } = candidate.dependency;
    if (literal === undefined) {
      open.push(candidate);
      continue;
    }
    const key = `${literal.as} ${literal.path}`;
    const index = indexes.get(key) ?? { path: literal.path, as: literal.as, candidates: [] };
    index.candidates.push(candidate);
    indexes.set(key, index);
  }
  const literals = [...indexes.values()].map(({ path, as, candidates: all }): LiteralIndex => {
    const byValue = new Map<string, Candidate[]>();
    for (const candidate of all) {
      for (const value of new Set(candidate.dependency.literal?.values)) {
        const same = byValue.get(value) ?? [];
        same.push(candidate);
        byValue.set(value, same);
      }
    }
    const parts = as === "part" ? createPartIndex(byValue, all.length) : undefined;
    return { path: compilePath(path), as, byValue, parts, all };
  });
  return { matched, open, literals };
}

/** Who must be asked about the event, in order. Whom it leaves out would say no. */
export function candidatesFor(route: Route, view: EventView): readonly Candidate[] {
  if (route.literals.length === 0) return route.open;
  const lists = [route.open, ...route.literals.map((index) => lookUp(index, view))].filter((list) => list.length > 0);
  const [first = [], ...rest] = lists;
  return rest.length === 0 ? first : lists.flat().sort((a, b) => a.order - b.order);
}

function lookUp(index: LiteralIndex, view: EventView): readonly Candidate[] {
  if (view.empty) return index.all;
  if (view.json === undefined) return [];
  const found = view.find(index.path);
  if (!found.exists) return [];
  if (index.parts !== undefined) return inOrder(index.parts.find(asString(found))) ?? index.all;
  // -0 is printed as 0, so that both are the same key, as both are equal.
  return index.byValue.get(index.as === "number" ? String(asNumber(found)) : asString(found)) ?? [];
}

function inOrder(found: ReadonlySet<Candidate> | undefined): readonly Candidate[] | undefined {
  return found && [...found].sort((a, b) => a.order - b.order);
}
