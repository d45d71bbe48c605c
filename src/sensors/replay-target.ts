import type { Event } from "../lib/event.ts";
import { replayExtension } from "./firing-of.ts";
import type { SensorPlan, TriggerPlan } from "./plan.ts";
import type { Candidate } from "./routes.ts";

/** The extension of a replayed event that is for one trigger alone: `SENSOR/TRIGGER`. */
export const replayToExtension = "replayto";

/** The extension of a replayed event that is decided by the plans of then: the set's name. */
export const replayPlanExtension = "replayplan";

const steering: readonly string[] = [replayExtension, replayToExtension, replayPlanExtension];

/**
 * The extensions of an event that comes from outside, or from a trigger: what steers a replay is left out, so that nobody
 * but a replay says which sensors an event reaches, and an event that was replayed elsewhere is an ordinary one here.
 */
export function withoutSteering(extensions: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!steering.some((name) => extensions[name] !== undefined)) return extensions;
  return Object.fromEntries(Object.entries(extensions).filter(([name]) => !steering.includes(name)));
}

/** One trigger of one sensor. */
export interface ReplayTarget {
  readonly sensor: string;
  readonly trigger: string;
}

/** The one trigger that an event is for; undefined: it is for all. A sensor's name has no slash, a trigger's may. */
export function replayTargetOf({ extensions }: Pick<Event, "extensions">): ReplayTarget | undefined {
  const text = extensions[replayToExtension];
  return text === undefined ? undefined : replayTarget(text);
}

/** `SENSOR/TRIGGER`; undefined when the text has no slash. */
export function replayTarget(text: string): ReplayTarget | undefined {
  const slash = text.indexOf("/");
  return slash < 0 ? undefined : { sensor: text.slice(0, slash), trigger: text.slice(slash + 1) };
}

/** Of the candidates, those through which the event reaches the one trigger: their plan knows no other. */
export function reached(candidates: readonly Candidate[], { sensor, trigger }: ReplayTarget): readonly Candidate[] {
  let only: SensorPlan | undefined;
  return candidates.flatMap((candidate) => {
    const { plan, dependency } = candidate;
    if (plan.name !== sensor) return [];
    only ??= withTriggers(
      plan,
      plan.triggers.filter(({ name }) => name === trigger),
    );
    const subscriptions = only.wantedBy.get(dependency.name)?.length ?? 0;
    return subscriptions === 0 ? [] : [{ ...candidate, plan: only, subscriptions }];
  });
}

/** The plan with just these of its triggers. */
export function withTriggers(plan: SensorPlan, triggers: readonly TriggerPlan[]): SensorPlan {
  const wanted = [...plan.wantedBy].map(([name, all]) => [name, all.filter((one) => triggers.includes(one))] as const);
  return { ...plan, triggers, wantedBy: new Map(wanted) };
}

/**
 * Whether a replay with the plans of then reaches the trigger: what it held then is not known any more, so that it must fire
 * by one event, at once.
 */
export function firesAtOnce(trigger: TriggerPlan): boolean {
  return !trigger.conditions.needsState && trigger.debounce === undefined;
}
