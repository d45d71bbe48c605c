import type { FiringEvent, NewFiring } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import { debounce, fireDue } from "./debounce.ts";
import { byDependency, firingOf, replayExtension } from "./firing-of.ts";
import { keyOf } from "./key-of.ts";
import type { SensorPlan, TriggerPlan } from "./plan.ts";
import { type Dropped, type HeldEvent, type SensorState, triggerState, wakeAtMs, withTrigger } from "./state.ts";
import { type Arrival, type Decision, type Due, type EventInput, nothingHeld, type Step } from "./step.ts";

export type { Decision, Fired, Passed } from "./step.ts";

/** What a sensor's state is moved by: an event that passed some of its dependencies, or time. */
export type Input = EventInput | TimeInput;

/** Ends what is due: ticks of `conditionsReset`, times to live, and the windows of `debounce`. */
export interface TimeInput {
  readonly kind: "time";
  readonly nowMs: number;
}

export interface Advanced {
  /** The same object when nothing changed. */
  readonly state: SensorState;
  readonly firings: readonly NewFiring[];
  readonly decisions: readonly Decision[];
  /** When `advance` wants a `TimeInput`, Unix milliseconds. */
  readonly wakeAtMs: number | undefined;
}

/**
 * The state after `input`, and what follows from it; pure and synchronous (reference 3.5). Every trigger has a partial
 * state of its own. A condition without `&&` fires with just the event and touches no state. Otherwise the event joins
 * what is held; when that satisfies the condition, the trigger fires with all of it, also with events that the satisfied
 * branch does not need, and starts anew. The same event again changes nothing.
 * With `debounce` a satisfied condition does not fire but waits, whole, until its window has passed without another.
 * An event that is not as the schema of its dependency says touches no state: it makes a firing of itself alone, marked
 * `invalid`, which becomes a dead letter without an attempt.
 */
export function advance(plan: SensorPlan, state: SensorState, input: Input): Advanced {
  const step: Step = { plan, state, firings: [], decisions: [] };
  if (input.kind === "time") {
    for (const trigger of state.triggers.keys()) {
      endDue(step, trigger, input.nowMs);
      const compiled = plan.triggers.find(({ name }) => name === trigger);
      if (compiled !== undefined) fireDue(step, compiled, input.nowMs);
    }
  } else {
    for (const passed of input.passed) {
      for (const trigger of plan.wantedBy.get(passed.dependency.name) ?? []) take(step, trigger, { input, passed });
    }
  }
  return { state: step.state, firings: step.firings, decisions: step.decisions, wakeAtMs: wakeAtMs(step.state) };
}

function take(step: Step, trigger: TriggerPlan, arrival: Arrival): void {
  const { input, passed } = arrival;
  const dependency = passed.dependency.name;
  if (passed.invalid !== undefined) {
    fire(step, trigger, { arrival, held: nothingHeld });
    return;
  }
  if (!trigger.conditions.needsState) {
    satisfy(step, trigger, { arrival, held: nothingHeld });
    return;
  }
  endDue(step, trigger.name, input.nowMs);
  const held = step.state.triggers.get(trigger.name)?.held ?? nothingHeld;
  const older = held.get(dependency);
  const have = (name: string): boolean => name === dependency || held.has(name);
  if (older !== undefined && older.event.id !== passed.event.id)
    step.decisions.push({ decision: "superseded", trigger: trigger.name, dependency, event: older.event.id });
  if (trigger.conditions.satisfied(have)) {
    satisfy(step, trigger, { arrival, held });
    if (held.size > 0) forget(step, trigger);
    return;
  }
  step.decisions.push({ decision: "waiting", trigger: trigger.name, dependency, reason: lacking(trigger, have) });
  if (older !== undefined && older.event.id === passed.event.id) return;
  const kept: HeldEvent = {
    event: passed.event,
    seq: input.seq,
    heldAtMs: input.nowMs,
    hash: passed.dependency.hash,
    ending: trigger.ending?.(input.nowMs),
  };
  const next = new Map(held).set(dependency, kept);
  const debounced = step.state.triggers.get(trigger.name)?.debounced;
  step.state = withTrigger(step.state, trigger.name, triggerState(trigger.conditions.text, next, debounced));
}

/** What was held has become a firing. */
function forget(step: Step, trigger: TriggerPlan): void {
  const debounced = step.state.triggers.get(trigger.name)?.debounced;
  step.state = withTrigger(step.state, trigger.name, triggerState(trigger.conditions.text, nothingHeld, debounced));
}

function lacking(trigger: TriggerPlan, have: (name: string) => boolean): string {
  const missing = trigger.conditions.names.filter((name) => !have(name));
  return missing.length > 4
    ? `waits for ${missing.slice(0, 4).join(", ")} and ${missing.length - 4} more`
    : `waits for ${missing.join(", ")}`;
}

function satisfy(step: Step, trigger: TriggerPlan, due: Due): void {
  if (trigger.debounce === undefined) {
    fire(step, trigger, due);
    return;
  }
  fireDue(step, trigger, due.arrival.input.nowMs);
  const { by } = trigger.debounce;
  const key = by === undefined ? "" : keyOf(by, trigger.conditions.names, (name) => eventOf(due, name));
  if (key === undefined) fire(step, trigger, due);
  else debounce(step, trigger, { due, key });
}

function eventOf({ arrival: { passed }, held }: Due, dependency: string): Event | undefined {
  return dependency === passed.dependency.name ? passed.event : held.get(dependency)?.event;
}

function fire(step: Step, trigger: TriggerPlan, due: Due): void {
  const { input, passed } = due.arrival;
  const events: FiringEvent[] = [];
  for (const [dependency, { event, seq }] of due.held) {
    if (dependency !== passed.dependency.name) events.push({ dependency, id: event.id, seq, event });
  }
  const current = { dependency: passed.dependency.name, id: passed.event.id, seq: input.seq };
  events.push(passed.event === input.event ? current : { ...current, event: passed.event });
  if (events.length > 1) events.sort(byDependency);
  const firing = firingOf(step.plan, trigger, {
    events,
    atMs: input.nowMs,
    replayId: input.event.extensions[replayExtension] ?? "",
    eventOf: (name) => eventOf(due, name),
    invalid: passed.invalid,
  });
  step.firings.push(firing);
  step.decisions.push({ decision: "fired", trigger: trigger.name, dependency: passed.dependency.name, firing });
}

/** Drops what a trigger holds and whose end is due. */
function endDue(step: Step, trigger: string, nowMs: number): void {
  const state = step.state.triggers.get(trigger);
  if (state === undefined || state.endsAtMs > nowMs) return;
  const kept = new Map<string, HeldEvent>();
  for (const [dependency, held] of state.held) {
    if (held.ending === undefined || held.ending.atMs > nowMs) kept.set(dependency, held);
    else step.decisions.push(endOf(trigger, dependency, held));
  }
  step.state = withTrigger(step.state, trigger, triggerState(state.conditions, kept, state.debounced));
}

function endOf(trigger: string, dependency: string, held: HeldEvent): Dropped {
  const decision = held.ending?.decision ?? "expired";
  const reason = decision === "reset" ? "conditionsReset" : "its time to live is over";
  return { trigger, dependency, event: held.event.id, seq: held.seq, decision, reason };
}
