import type { NewFiring } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import type { DependencyPlan, SensorPlan } from "./plan.ts";
import type { Dropped, HeldEvent, SensorState } from "./state.ts";

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
  /** It passes, but is not as the schema of the dependency says, and why. */
  readonly invalid?: string | undefined;
}

/** What became of one event at one (trigger, dependency). Each event that passes gets `fired` or `waiting`. */
export type Decision = Fired | Waiting | Superseded | Dropped;

export interface Fired {
  readonly decision: "fired";
  readonly trigger: string;
  readonly dependency: string;
  readonly firing: NewFiring;
  /** Set when it fired because its debounce window was over, not because of the event at hand: its newest event. */
  readonly later?: { readonly event: string; readonly seq: number };
}

export interface Waiting {
  readonly decision: "waiting";
  readonly trigger: string;
  readonly dependency: string;
  /** What the condition still lacks, or until when it is debounced, in a sentence. */
  readonly reason: string;
  /** Another event than the one at hand: held for the condition until now, debounced from now on. */
  readonly event?: string;
}

/** `event`, held until now, was replaced by a newer one of the same dependency, or of its debounce window: the newest wins. */
export interface Superseded {
  readonly decision: "superseded";
  readonly trigger: string;
  readonly dependency: string;
  readonly event: string;
  readonly reason?: string;
}

/** What `advance` works on. */
export interface Step {
  readonly plan: SensorPlan;
  state: SensorState;
  readonly firings: NewFiring[];
  readonly decisions: Decision[];
}

/** One of the dependencies that the event passed. */
export interface Arrival {
  readonly input: EventInput;
  readonly passed: Passed;
}

/** The events that satisfy a condition: the one at hand, and those that were held. */
export interface Due {
  readonly arrival: Arrival;
  readonly held: ReadonlyMap<string, HeldEvent>;
}

export const nothingHeld: ReadonlyMap<string, HeldEvent> = new Map();
