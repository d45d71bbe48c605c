import { type EgressPolicy, localPolicy, refusedAsWritten } from "../../kit/egress.ts";
import { placeOfUrl, splitPlace } from "../../kit/egress-place.ts";
import type { Finding, Path } from "../../lib/finding.ts";
import { isRecord } from "../../lib/json.ts";
import type { PlannedEntry } from "../event-source.ts";
import { own, recordAt } from "../json.ts";
import type { Lists } from "../lists.ts";
import type { SensorView, TriggerView } from "./view.ts";

/** Whose connections are judged. */
interface Guard {
  readonly lists: Lists;
  /** What the run will have; `local` unless it is given to lint as well. */
  readonly policy?: EgressPolicy | undefined;
}

/** Targets whose address, as it is written, the egress guard refuses. What a name resolves to is not asked. */
export function* egressOfSensor(view: SensorView, guard: Guard): Iterable<Finding> {
  const allow = view.planned.plan?.egress;
  for (const trigger of view.triggers) {
    const { kind, config, path } = trigger;
    const places = placesOf(guard.lists.triggers, kind, config);
    const at = [...path, "template", kind ?? ""];
    yield* refusals(places, { config, path: at, policy: guard.policy, allow, made: madeByParameters(trigger) });
  }
  yield* egressOfNotifications(view, guard);
}

/** How the notifications of a sensor are told. */
function* egressOfNotifications({ manifest, planned }: SensorView, { lists, policy }: Guard): Iterable<Finding> {
  const notifications = own(recordAt(manifest.value, "spec"), "notifications");
  for (const [i, notification] of (Array.isArray(notifications) ? notifications : []).entries()) {
    const template = recordAt(notification, "template");
    for (const { kind, reaches } of lists.triggers) {
      const config = own(template, kind);
      if (config === undefined || reaches === undefined) continue;
      const path = ["spec", "notifications", i, "template", kind];
      const allow = planned.plan?.egress;
      yield* refusals(placesOf(lists.triggers, kind, config), { config, path, policy, allow, made: new Set() });
    }
  }
}

export function* egressOfEntry({ plan, path }: PlannedEntry, { policy }: Guard): Iterable<Finding> {
  const config = recordAt(plan.config);
  const places = placesOf(plan.source === undefined ? [] : [plan.source], plan.kind, config);
  yield* refusals(places, { config, path, policy, allow: undefined, made: new Set() });
}

interface Reaching {
  readonly kind: string;
  reaches?(config: unknown): readonly string[];
}

function placesOf(types: readonly Reaching[], kind: string | undefined, config: unknown): readonly string[] {
  try {
    return types.find((type) => type.kind === kind)?.reaches?.(config) ?? [];
  } catch {
    // of another shape than it must have: that is told already
    return [];
  }
}

interface Judging {
  readonly config: unknown;
  readonly path: Path;
  readonly policy: EgressPolicy | undefined;
  readonly allow: NonNullable<SensorView["planned"]["plan"]>["egress"];
  /** Last keys of what parameters replace: what is written there is nothing that is connected to. */
  readonly made: ReadonlySet<string>;
}

function* refusals(places: readonly string[], judging: Judging): Iterable<Finding> {
  const { config, path, policy = localPolicy, allow, made } = judging;
  for (const place of new Set(places)) {
    const where = splitPlace(place);
    if (where === undefined) continue;
    const message = refusedAsWritten(policy, { allow }, where);
    if (message === undefined) continue;
    const at = fieldOf(config, place, []) ?? [];
    if (made.has(String(at.at(-1)))) continue;
    yield { severity: "error", code: "EGRESS_REFUSED", path: [...path, ...at], message };
  }
}

function madeByParameters({ parameters }: TriggerView): ReadonlySet<string> {
  const dests = parameters.filter(({ of }) => of === "trigger" || of === "parameters").flatMap(({ items }) => items);
  return new Set(dests.map(({ dest }) => dest.split(".").at(-1) ?? ""));
}

const deepest = 8;

/** The field whose text names the place. */
function fieldOf(value: unknown, place: string, path: Path): Path | undefined {
  if (typeof value === "string") return names(value, place) ? path : undefined;
  if (path.length > deepest) return undefined;
  const entries = Array.isArray(value) ? [...value.entries()] : isRecord(value) ? Object.keys(value) : [];
  for (const entry of entries) {
    const key = Array.isArray(entry) ? entry[0] : entry;
    const inside = Array.isArray(entry) ? entry[1] : own(recordAt(value), String(key));
    const found = fieldOf(inside, place, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function names(text: string, place: string): boolean {
  return text === place || placeOfUrl(text) === place || text === splitPlace(place)?.host;
}
