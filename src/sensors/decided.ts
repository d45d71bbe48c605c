import type { FiringEvent, NewFiring } from "../bus/bus.ts";
import type { EndedFact, FiredFact, SupersededFact, WaitingFact } from "../lib/facts.ts";
import type { Decision, Fired } from "./advance.ts";
import { newestOf, pairsOf } from "./firing-of.ts";
import type { SensorPlan } from "./plan.ts";
import type { Dropped, SensorState } from "./state.ts";
import { traceField } from "./trace-field.ts";

/** The states of sensors, by sensor name; a sensor that holds nothing may be absent. */
export type SensorStates = ReadonlyMap<string, SensorState>;

/** What all sensors made of one event. */
export interface Decided {
  /** Subscriptions (sensor, trigger, dependency) whose source and name are the event's; 0: nobody wants it. */
  readonly matched: number;
  /** Of those, the ones whose filters said no. */
  readonly filtered: number;
  readonly fired: readonly FiredFact[];
  readonly waiting: readonly WaitingFact[];
  readonly superseded: readonly SupersededFact[];
  /** Partial events that ended because their time had come before this event. */
  readonly ended: readonly Ended[];
  /** Firings whose debounce window was over before this event. */
  readonly later: readonly Later[];
  /** Of `fired` and `later`. */
  readonly firings: readonly NewFiring[];
  /** States that are another object now. */
  readonly changed: SensorStates;
  /** The earliest end of anything that the touched sensors hold. */
  readonly wakeAtMs: number | undefined;
}

/** A partial event that a reset or its time to live ended; `seq` is its own place. */
export interface Ended extends EndedFact {
  readonly seq: number;
}

/** A firing that time made, and the place of its newest event. */
export interface Later {
  readonly event: string;
  readonly seq: number;
  /** The `traceparent` that this event brought. */
  readonly trace?: string;
  readonly fired: FiredFact;
}

/** What time brought. */
export type Ticked = Pick<Decided, "ended" | "later" | "firings" | "changed" | "wakeAtMs">;

const none: readonly never[] = [];
const noChange: SensorStates = new Map();
/** Nobody wants the event. */
export const unmatched: Decided = {
  matched: 0,
  filtered: 0,
  fired: none,
  waiting: none,
  superseded: none,
  ended: none,
  later: none,
  firings: none,
  changed: noChange,
  wakeAtMs: undefined,
};

/** Collects the decisions of one event; what stays empty costs nothing. */
export class Outcome {
  #fired: FiredFact[] | undefined;
  #waiting: WaitingFact[] | undefined;
  #superseded: SupersededFact[] | undefined;
  #ended: Ended[] | undefined;
  #later: Later[] | undefined;
  #firings: NewFiring[] | undefined;
  #changed: Map<string, SensorState> | undefined;
  #wakeAtMs: number | undefined;

  change(sensor: string, state: SensorState): void {
    this.#changed ??= new Map();
    this.#changed.set(sensor, state);
  }

  wake(atMs: number): void {
    this.#wakeAtMs = Math.min(atMs, this.#wakeAtMs ?? atMs);
  }

  add(plan: SensorPlan, decision: Decision): void {
    const at = { sensor: plan.name, trigger: decision.trigger, dependency: decision.dependency };
    switch (decision.decision) {
      case "fired":
        this.#firings ??= [];
        this.#firings.push(decision.firing);
        if (decision.later !== undefined) {
          this.#later ??= [];
          const newest = decision.firing.events.find(({ seq }) => seq === decision.later?.seq);
          this.#later.push({ ...decision.later, ...traceField(newest?.event), fired: firedFact(plan, decision) });
          return;
        }
        this.#fired ??= [];
        this.#fired.push(firedFact(plan, decision));
        return;
      case "waiting":
        this.#waiting ??= [];
        this.#waiting.push({
          ...at,
          reason: decision.reason,
          ...(decision.event === undefined ? {} : { event: decision.event }),
        });
        return;
      case "superseded":
        this.#superseded ??= [];
        this.#superseded.push({
          ...at,
          event: decision.event,
          ...(decision.reason === undefined ? {} : { reason: decision.reason }),
        });
        return;
      default:
        this.#ended ??= [];
        this.#ended.push(endedOf(plan.name, decision));
    }
  }

  decided(matched: number, filtered: number): Decided {
    return {
      matched,
      filtered,
      fired: this.#fired ?? none,
      waiting: this.#waiting ?? none,
      superseded: this.#superseded ?? none,
      ended: this.#ended ?? none,
      later: this.#later ?? none,
      firings: this.#firings ?? none,
      changed: this.#changed ?? noChange,
      wakeAtMs: this.#wakeAtMs,
    };
  }
}

function firedFact(plan: SensorPlan, { trigger, dependency, firing }: Fired): FiredFact {
  const links = linksOf(firing.events);
  return {
    sensor: plan.name,
    trigger,
    dependency,
    firing: firing.id,
    revision: firing.revision,
    dueUs: firing.dueUs,
    events: pairsOf(firing.events),
    ...reasonOf(firing),
    ...(links.length === 0 ? {} : { links }),
  };
}

function reasonOf({ invalid, orderKey }: NewFiring): { readonly reason?: string } {
  if (invalid !== undefined) return { reason: `schema: ${invalid}` };
  return orderKey === undefined ? {} : { reason: `orderBy: in order with others of ${JSON.stringify(orderKey)}` };
}

/** The events but the newest that brought a trace. They were held, and so are whole. */
function linksOf(events: readonly FiringEvent[]): NonNullable<FiredFact["links"]> {
  if (events.length < 2) return none;
  const newest = newestOf(events)?.id;
  return events.flatMap(({ id, event }) => {
    const trace = event?.extensions.traceparent;
    return trace === undefined || id === newest ? [] : [[id, trace] as const];
  });
}

/** What a state lost at a change of its plan, or at a tick, as the facts name it. */
export function endedOf(sensor: string, dropped: Dropped): Ended {
  const { trigger, dependency, event, decision, reason, seq } = dropped;
  return { sensor, trigger, dependency, event, decision, reason, seq };
}
