import type { Path } from "../lib/finding.ts";
import type { JsonObject } from "../lib/json.ts";
import { own, recordAt, textAt } from "./json.ts";

/** The event that a trigger puts on its Sensor's own bus. */
export interface PutEvent {
  /** The trigger's type. */
  readonly kind: string;
  /** undefined: a parameter decides. */
  readonly source: string | undefined;
  readonly event: string | undefined;
  /** Of what makes the event, from the root of the Sensor. */
  readonly path: Path;
}

/** What a Sensor as written puts on its bus; its function's `emit()` may put others, which nobody knows before. */
export function putEvents(sensor: JsonObject): readonly PutEvent[] {
  const name = textAt(recordAt(sensor, "metadata"), "name") ?? "";
  const triggers = own(recordAt(sensor, "spec"), "triggers");
  if (!Array.isArray(triggers)) return [];
  return triggers.flatMap((trigger: unknown, index) => {
    const at: Path = ["spec", "triggers", index];
    const dlq = recordAt(trigger, "dlqTrigger");
    return [...putOf(recordAt(trigger), name, at), ...putOf(dlq, name, [...at, "dlqTrigger"])];
  });
}

/** What a trigger with this template puts, by the name of its Sensor. */
export function putOf(trigger: JsonObject, sensorName: string, path: Path): readonly PutEvent[] {
  for (const { kind, keys } of kinds) {
    const config = recordAt(trigger, "template", kind);
    const made = recordAt(config, ...keys);
    const moved = [...destinations(trigger, kind), ...destinations(config)].map((dest) => dest.slice(prefix(keys)));
    const changed = (field: string): boolean => moved.some((dest) => dest === field || dest === "");
    const event = textAt(made, "event");
    if (event === undefined && !changed("event")) continue;
    return [
      {
        kind,
        source: changed("source") ? undefined : (textAt(made, "source") ?? sensorName),
        event: changed("event") ? undefined : event,
        path: [...path, "template", kind, ...keys],
      },
    ];
  }
  return [];
}

const kinds = [
  { kind: "event", keys: [] },
  { kind: "function", keys: ["emit"] },
] as const;

function prefix(keys: readonly string[]): number {
  return keys.reduce((length, key) => length + key.length + 1, 0);
}

/** The places that parameters set, relative to the type's settings; of the template's parameters those below its type. */
function destinations(of: JsonObject, kind?: string): readonly string[] {
  const parameters = own(of, "parameters");
  if (!Array.isArray(parameters)) return [];
  const all = parameters.flatMap((one: unknown) => textAt(recordAt(one), "dest") ?? []);
  if (kind === undefined) return all;
  return all.flatMap((dest) => (dest === kind ? "" : dest.startsWith(`${kind}.`) ? dest.slice(kind.length + 1) : []));
}

/** Whether a dependency on `(source, event)` gets what is put; what a parameter decides may be anything. */
export function mayBe(put: PutEvent, source: string, event: string): boolean {
  return (put.source ?? source) === source && (put.event ?? event) === event;
}
