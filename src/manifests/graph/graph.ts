import type { SensorPlan, TriggerPlan } from "../../sensors/plan.ts";
import type { Manifests } from "../manifests.ts";
import { putOf } from "../put-events.ts";

/** What leads where, in the order of the manifests. Ids are unique in the whole graph: letters and digits. */
export interface Graph {
  readonly sources: readonly SourceBox[];
  readonly sensors: readonly SensorBox[];
  readonly edges: readonly Edge[];
}

/** An EventSource with its events, or events of a name that only triggers put. */
export interface SourceBox {
  readonly id: string;
  readonly title: string;
  /** Not among the manifests: only named by dependencies. */
  readonly missing: boolean;
  /** What stands before the title. */
  readonly what: "EventSource" | "Events";
  readonly events: readonly EventNode[];
}

export interface EventNode {
  readonly id: string;
  readonly name: string;
  /** Its type; undefined where it is only named by a dependency. */
  readonly kind: string | undefined;
}

export interface SensorBox {
  readonly id: string;
  readonly title: string;
  readonly dependencies: readonly { readonly id: string; readonly name: string; readonly filtered: boolean }[];
  readonly triggers: readonly TriggerNode[];
}

export interface TriggerNode {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** As written, or all dependencies; undefined where there is only one. */
  readonly conditions: string | undefined;
  readonly dlq: { readonly name: string; readonly kind: string } | undefined;
}

/** From an event to a dependency, from a dependency to a trigger, or from a trigger to the event that it puts. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

type Read = Pick<Manifests, "sources" | "sensors">;

/** Sources → events → dependencies → triggers of everything that was read. Pure. */
export function graphOf({ sources, sensors }: Read): Graph {
  const spaces = new Set([...sources, ...sensors].map(({ namespace }) => namespace));
  const titleOf = (namespace: string, name: string) => (spaces.size > 1 ? `${namespace}/${name}` : name);
  const boxes = new SourceBoxes(titleOf);
  for (const { namespace, eventSource, event, kind } of sources) boxes.add({ namespace, eventSource, event }, kind);
  const edges: Edge[] = [];
  const put = new Map(
    sensors.map((sensor) => [sensor, sensor.triggers.map((trigger) => putsOf(sensor, trigger, boxes))]),
  );
  const made: Edge[] = [];
  const drawn = sensors.map((sensor, i): SensorBox => {
    const id = `n${i}`;
    const ids = new Map<string, string>();
    const dependencies = sensor.dependencies.map(({ name, eventSource, event, glob }, j) => {
      const own = `${id}d${j}`;
      ids.set(name, own);
      const here = sources.filter(({ namespace }) => namespace === sensor.namespace);
      const matched = glob === undefined ? [] : here.filter((one) => glob(one.eventSource, one.event));
      const from = matched.length > 0 ? matched : [{ eventSource, event }];
      for (const one of from)
        edges.push({ from: boxes.add({ ...one, namespace: sensor.namespace }, undefined), to: own });
      return { id: own, name, filtered: filtersOf(sensor.spec, j) };
    });
    const triggers = sensor.triggers.map((trigger, j) => {
      const own = `${id}t${j}`;
      for (const name of trigger.conditions.names) edges.push({ from: ids.get(name) ?? "", to: own });
      for (const { of, to } of put.get(sensor)?.[j] ?? []) made.push({ from: `${own}${of}`, to });
      return triggerNode(trigger, own);
    });
    return { id, title: titleOf(sensor.namespace, sensor.name), dependencies, triggers };
  });
  return { sources: inOrderOfUse(boxes.all(), edges), sensors: drawn, edges: [...edges, ...made] };
}

/** The nodes of the events that a trigger and its `dlqTrigger` put on their own bus, as far as no parameter decides. */
function putsOf(
  { namespace, name }: SensorPlan,
  { dlqTrigger, ...trigger }: TriggerPlan,
  boxes: SourceBoxes,
): readonly { readonly of: "" | "q"; readonly to: string }[] {
  const nodes = (one: Omit<TriggerPlan, "dlqTrigger"> | undefined, of: "" | "q") => {
    if (one === undefined) return [];
    const template: unknown = JSON.parse(one.template);
    return putOf({ template, parameters: one.parameters }, name, one.path).flatMap(({ kind, source, event }) =>
      source === undefined || event === undefined
        ? []
        : [{ of, to: boxes.add({ namespace, eventSource: source, event }, kind, "Events") }],
    );
  };
  return [...nodes(trigger, ""), ...nodes(dlqTrigger, "q")];
}

/** As the Sensors need them, so that few edges cross; those that none needs come last. */
function inOrderOfUse(boxes: readonly SourceBox[], edges: readonly Edge[]): readonly SourceBox[] {
  const first = new Map<string, number>();
  for (const [at, { from }] of edges.entries()) if (!first.has(from)) first.set(from, at);
  const orderOf = ({ events }: SourceBox) => Math.min(...events.map(({ id }) => first.get(id) ?? edges.length));
  return boxes.toSorted((a, b) => orderOf(a) - orderOf(b));
}

function triggerNode({ name, kind, conditions, dlqTrigger }: TriggerPlan, id: string): TriggerNode {
  const dlq = dlqTrigger === undefined ? undefined : { name: dlqTrigger.name, kind: dlqTrigger.kind };
  return { id, name, kind, conditions: conditions.names.length > 1 ? conditions.text : undefined, dlq };
}

/** The spec of a plan is as written: whatever is there has the right shape. */
function filtersOf(spec: unknown, index: number): boolean {
  const { dependencies } = spec as { readonly dependencies: readonly { readonly filters?: object }[] };
  return Object.keys(dependencies[index]?.filters ?? {}).length > 0;
}

interface Named {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
}

/** EventSources in the order in which they are first named. */
class SourceBoxes {
  readonly #boxes = new Map<string, Omit<SourceBox, "events"> & { readonly events: Map<string, EventNode> }>();
  readonly #titleOf: (namespace: string, name: string) => string;

  constructor(titleOf: (namespace: string, name: string) => string) {
    this.#titleOf = titleOf;
  }

  /** The id of the event's node; `kind` is undefined where only a dependency names it. */
  add(
    { namespace, eventSource, event }: Named,
    kind: string | undefined,
    what: SourceBox["what"] = "EventSource",
  ): string {
    const key = JSON.stringify([namespace, eventSource]);
    const box = this.#boxes.get(key) ?? {
      id: `s${this.#boxes.size}`,
      title: this.#titleOf(namespace, eventSource),
      missing: kind === undefined,
      what,
      events: new Map<string, EventNode>(),
    };
    this.#boxes.set(key, box);
    const node = box.events.get(event) ?? { id: `${box.id}e${box.events.size}`, name: event, kind };
    box.events.set(event, node);
    return node.id;
  }

  all(): readonly SourceBox[] {
    return [...this.#boxes.values()].map(({ events, ...box }) => ({ ...box, events: [...events.values()] }));
  }
}
