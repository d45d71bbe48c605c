import type { FiringEvent, NewFiring } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import { digest } from "./digest.ts";
import type { DependencyPlan, SensorPlan, TriggerPlan } from "./plan.ts";
import { type Dropped, type HeldEvent, type SensorState, triggerState, wakeAtMs, withTrigger } from "./state.ts";

/** What a sensor's state is moved by: an event that passed some of its dependencies, or time. */
export type Input = EventInput | TimeInput;

export interface EventInput {
  readonly kind: "event";
  /** The event as it is in the log. */
  readonly event: Event;
  readonly seq: number;
  readonly nowMs: number;
  /** The dependencies whose filters it passed, in the sensor's order. */
  readonly passed: readonly Passed[];
}

export interface Passed {
  readonly dependency: DependencyPlan;
  /** After the transform; `EventInput.event` itself where there is none. */
  readonly event: Event;
}

/** Ends what is due: ticks of `conditionsReset` and times to live. */
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

/** What became of one event at one (trigger, dependency). Each event that passes gets `fired` or `waiting`. */
export type Decision = Fired | Waiting | Superseded | Dropped;

export interface Fired {
  readonly decision: "fired";
  readonly trigger: string;
  readonly dependency: string;
  readonly firing: NewFiring;
}

export interface Waiting {
  readonly decision: "waiting";
  readonly trigger: string;
  readonly dependency: string;
  /** What the condition still lacks, in a sentence. */
  readonly reason: string;
}

/** `event`, held until now, was replaced by a newer one of the same dependency: the newest wins. */
export interface Superseded {
  readonly decision: "superseded";
  readonly trigger: string;
  readonly dependency: string;
  readonly event: string;
}

/**
 * The state after `input`, and what follows from it; pure and synchronous (reference 3.5). Every trigger has a partial
 * state of its own. A condition without `&&` fires with just the event and touches no state. Otherwise the event joins
 * what is held; when that satisfies the condition, the trigger fires with all of it, also with events that the satisfied
 * branch does not need, and starts anew. The same event again changes nothing.
 */
export function advance(plan: SensorPlan, state: SensorState, input: Input): Advanced {
  const step: Step = { plan, state, firings: [], decisions: [] };
  if (input.kind === "time") {
    for (const trigger of state.triggers.keys()) endDue(step, trigger, input.nowMs);
  } else {
    for (const passed of input.passed) {
      for (const trigger of plan.triggers) {
        if (trigger.conditions.names.includes(passed.dependency.name)) take(step, trigger, { input, passed });
      }
    }
  }
  return { state: step.state, firings: step.firings, decisions: step.decisions, wakeAtMs: wakeAtMs(step.state) };
}

/** The queue of a trigger's firings. A sensor's name has neither `/` nor `#`, so that no two triggers share one. */
export function queueOf(sensor: string, trigger: string): string {
  return `${sensor}/${trigger}`;
}

/** The queue of its `dlqTrigger`. */
export function dlqQueueOf(sensor: string, trigger: string): string {
  return `${sensor}#dlq/${trigger}`;
}

/** The key of a replay's events: what makes their firings new ones. */
const replayExtension = "replayid";

interface Step {
  readonly plan: SensorPlan;
  state: SensorState;
  readonly firings: NewFiring[];
  readonly decisions: Decision[];
}

interface Arrival {
  readonly input: EventInput;
  readonly passed: Passed;
}

const nothingHeld: ReadonlyMap<string, HeldEvent> = new Map();

function take(step: Step, trigger: TriggerPlan, arrival: Arrival): void {
  const { input, passed } = arrival;
  const dependency = passed.dependency.name;
  if (!trigger.conditions.needsState) {
    fire(step, trigger, { arrival, held: nothingHeld });
    return;
  }
  endDue(step, trigger.name, input.nowMs);
  const held = step.state.triggers.get(trigger.name)?.held ?? nothingHeld;
  const older = held.get(dependency);
  const have = (name: string): boolean => name === dependency || held.has(name);
  if (older !== undefined && older.event.id !== passed.event.id)
    step.decisions.push({ decision: "superseded", trigger: trigger.name, dependency, event: older.event.id });
  if (trigger.conditions.satisfied(have)) {
    fire(step, trigger, { arrival, held });
    if (held.size > 0) step.state = withTrigger(step.state, trigger.name, triggerState("", nothingHeld));
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
  step.state = withTrigger(step.state, trigger.name, triggerState(trigger.conditions.text, next));
}

function lacking(trigger: TriggerPlan, have: (name: string) => boolean): string {
  const missing = trigger.conditions.names.filter((name) => !have(name));
  return missing.length > 4
    ? `waits for ${missing.slice(0, 4).join(", ")} and ${missing.length - 4} more`
    : `waits for ${missing.join(", ")}`;
}

function fire(
  step: Step,
  trigger: TriggerPlan,
  due: { readonly arrival: Arrival; readonly held: ReadonlyMap<string, HeldEvent> },
): void {
  const { input, passed } = due.arrival;
  const events: FiringEvent[] = [];
  for (const [dependency, { event, seq }] of due.held) {
    if (dependency !== passed.dependency.name) events.push({ dependency, id: event.id, seq, event });
  }
  const current = { dependency: passed.dependency.name, id: passed.event.id, seq: input.seq };
  events.push(passed.event === input.event ? current : { ...current, event: passed.event });
  if (events.length > 1) events.sort(byDependency);
  const { plan } = step;
  const firing: NewFiring = {
    queue: queueOf(plan.name, trigger.name),
    id: firingId(plan, trigger.name, events, input.event.extensions[replayExtension] ?? ""),
    dueUs: Math.round(input.nowMs * 1000),
    madeUs: Math.round(input.nowMs * 1000),
    revision: plan.revision,
    sensor: plan.name,
    trigger: trigger.name,
    events,
  };
  step.firings.push(firing);
  step.decisions.push({ decision: "fired", trigger: trigger.name, dependency: passed.dependency.name, firing });
}

/**
 * The same events at the same trigger are the same firing, whenever and however often it is decided. JSON keeps names
 * apart that plain joining would not.
 */
function firingId(plan: SensorPlan, trigger: string, events: readonly FiringEvent[], replayId: string): string {
  const pairs = events.map((event) => [event.dependency, event.id]);
  return digest(JSON.stringify([plan.bus, plan.namespace, plan.name, trigger, pairs, replayId]));
}

function byDependency(a: FiringEvent, b: FiringEvent): number {
  return a.dependency < b.dependency ? -1 : 1;
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
  step.state = withTrigger(step.state, trigger, triggerState(state.conditions, kept));
}

function endOf(trigger: string, dependency: string, held: HeldEvent): Dropped {
  const decision = held.ending?.decision ?? "expired";
  const reason = decision === "reset" ? "conditionsReset" : "its time to live is over";
  return { trigger, dependency, event: held.event.id, seq: held.seq, decision, reason };
}
