import { createDecider, type Decider } from "../sensors/decide.ts";
import { withTriggers } from "../sensors/replay-target.ts";
import type { Enrolled } from "./enrol.ts";

/** A decider and the entries that it is for: until a trigger that starts later joins. */
export interface Phase {
  /** It decides entries up to this place. */
  readonly upTo: number;
  readonly decider: Decider;
}

/**
 * The phases of the deciders of some sensors, for entries after `place`: a trigger takes part only in entries after its
 * own place. Only triggers that start later make a phase: a thousand sensors have easily come at a thousand places.
 */
export function phasesOf(sensors: readonly Enrolled[], place: number): Phase[] {
  const starts = new Set<number>();
  for (const { after } of sensors) for (const seq of after.values()) if (seq > place) starts.add(seq);
  const bounds = [...starts].sort((a, b) => a - b);
  return [...bounds, Number.POSITIVE_INFINITY].map((upTo) => ({
    upTo,
    decider: createDecider(
      sensors.flatMap(({ plan, after }) => {
        const triggers = plan.triggers.filter((trigger) => (after.get(trigger.name) ?? 0) < upTo);
        if (triggers.length === plan.triggers.length) return [plan];
        return triggers.length === 0 ? [] : [withTriggers(plan, triggers)];
      }),
    ),
  }));
}

/** The decider of an entry; phases that are over go. Entries come in the order of their places. */
export function deciderAt(phases: Phase[], seq: number): Decider {
  while (phases.length > 1 && (phases[0]?.upTo ?? 0) < seq) phases.shift();
  const phase = phases[0];
  if (phase === undefined) throw new Error("the decide stage was not started");
  return phase.decider;
}
