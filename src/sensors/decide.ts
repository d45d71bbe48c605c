import type { FiringEvent, LogEntry, NewFiring } from "../bus/bus.ts";
import type { Event } from "../lib/event.ts";
import type { DecisionFact, EndedFact, FiredFact, SupersededFact, WaitingFact } from "../lib/facts.ts";
import { advance, type Decision, type Fired, type Passed } from "./advance.ts";
import { EventView } from "./filters/view.ts";
import { newestOf, pairsOf } from "./firing-of.ts";
import type { SensorPlan } from "./plan.ts";
import { reached, replayTargetOf } from "./replay-target.ts";
import { type Candidate, candidatesFor, createRoutes } from "./routes.ts";
import { type Dropped, emptyState, type SensorState, wakeAtMs } from "./state.ts";

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

export interface DecideContext {
  readonly nowMs: number;
  readonly seed: number;
}

/** Decides about events for a fixed set of sensors. Pure: all state comes in and goes out. */
export interface Decider {
  readonly plans: readonly SensorPlan[];
  /** Sensors that do not subscribe to the event's source and name, or demand another literal in it, cost nothing. */
  decide(entry: Pick<LogEntry, "seq" | "event">, states: SensorStates, cx: DecideContext): Decided;
  /** Ends what is due, in all states, and fires what was debounced until now. */
  tick(states: SensorStates, nowMs: number): Ticked;
}

export function createDecider(plans: readonly SensorPlan[]): Decider {
  const routes = createRoutes(plans);
  return {
    plans,
    decide: (entry, states, cx) => {
      const route = routes.find(entry.event.source, entry.event.subject);
      if (route === undefined) return unmatched;
      const view = new EventView(entry.event);
      const candidates = candidatesFor(route, view);
      const target = replayTargetOf(entry.event);
      const asked = target === undefined ? candidates : reached(candidates, target);
      return decideAll(asked, { entry, states, cx, view, matched: route.matched });
    },
    tick: (states, nowMs) => tick(plans, states, nowMs),
  };
}

const none: readonly never[] = [];
const noChange: SensorStates = new Map();
const unmatched: Decided = {
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

interface Deciding {
  readonly entry: Pick<LogEntry, "seq" | "event">;
  readonly states: SensorStates;
  readonly cx: DecideContext;
  readonly view: EventView;
  readonly matched: number;
}

/** `candidates` are in the order of sensors, and within each in that of its dependencies. */
function decideAll(candidates: readonly Candidate[], deciding: Deciding): Decided {
  const outcome = new Outcome();
  let passedSubscriptions = 0;
  let plan: SensorPlan | undefined;
  let passed: Passed[] = [];
  const cx = { nowMs: deciding.cx.nowMs, seed: deciding.cx.seed, view: deciding.view };
  for (const candidate of candidates) {
    const evaluation = candidate.dependency.evaluate(deciding.entry.event, cx);
    const { invalid } = evaluation;
    if (!evaluation.passed && invalid === undefined) continue;
    passedSubscriptions += candidate.subscriptions;
    if (plan !== undefined && plan !== candidate.plan) {
      advanceOne(plan, passed, { deciding, outcome });
      passed = [];
    }
    plan = candidate.plan;
    passed.push({ dependency: candidate.dependency, event: evaluation.event, invalid });
  }
  if (plan !== undefined) advanceOne(plan, passed, { deciding, outcome });
  return outcome.decided(deciding.matched, deciding.matched - passedSubscriptions);
}

function advanceOne(
  plan: SensorPlan,
  passed: readonly Passed[],
  { deciding, outcome }: { readonly deciding: Deciding; readonly outcome: Outcome },
): void {
  const { entry, states, cx } = deciding;
  const before = states.get(plan.name) ?? emptyState;
  const input = { kind: "event", event: entry.event, seq: entry.seq, nowMs: cx.nowMs, passed } as const;
  const after = advance(plan, before, input);
  if (after.state !== before) outcome.change(plan.name, after.state);
  if (after.wakeAtMs !== undefined) outcome.wake(after.wakeAtMs);
  for (const decision of after.decisions) outcome.add(plan, decision);
}

function tick(plans: readonly SensorPlan[], states: SensorStates, nowMs: number): Ticked {
  const outcome = new Outcome();
  for (const plan of plans) {
    const before = states.get(plan.name);
    const dueMs = before === undefined ? undefined : wakeAtMs(before);
    if (before === undefined || dueMs === undefined) continue;
    if (dueMs > nowMs) {
      outcome.wake(dueMs);
      continue;
    }
    const after = advance(plan, before, { kind: "time", nowMs });
    outcome.change(plan.name, after.state);
    if (after.wakeAtMs !== undefined) outcome.wake(after.wakeAtMs);
    for (const decision of after.decisions) outcome.add(plan, decision);
  }
  return outcome.decided(0, 0);
}

/** Collects the decisions of one event; what stays empty costs nothing. */
class Outcome {
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

export interface FactContext extends DecideContext {
  readonly atUs: number;
  readonly planSet: string;
  /** The sensor that catches up alone. */
  readonly only?: string;
}

/** The fact of a decision. Partial events that ended before it have facts of their own: `endedFacts`. */
export function decisionFact(entry: LogEntry, decided: Decided, cx: FactContext): DecisionFact {
  const { fired, waiting, superseded } = decided;
  return {
    k: "decided",
    event: entry.event.id,
    seq: entry.seq,
    ...(entry.storedUs === undefined ? {} : { storedUs: entry.storedUs }),
    ...contextOf(cx),
    matched: decided.matched,
    filtered: decided.filtered,
    ...(fired.length === 0 ? {} : { fired }),
    ...(waiting.length === 0 ? {} : { waiting }),
    ...(superseded.length === 0 ? {} : { superseded }),
    ...traceField(entry.event),
  };
}

/** One fact for each partial event that ended; its `matched` counts just the subscription that held it. */
export function endedFacts(ended: readonly Ended[], cx: FactContext): readonly DecisionFact[] {
  return ended.map(({ seq, ...one }) => ({
    k: "decided",
    event: one.event,
    seq,
    ...contextOf(cx),
    matched: 1,
    filtered: 0,
    ended: [one],
  }));
}

/** One fact for each firing that time made; it says nothing new about what all sensors made of its newest event. */
export function laterFacts(later: readonly Later[], cx: FactContext): readonly DecisionFact[] {
  return later.map(({ event, seq, trace, fired }) => ({
    k: "decided",
    event,
    seq,
    ...contextOf(cx),
    matched: 1,
    filtered: 0,
    later: true,
    fired: [fired],
    ...(trace === undefined ? {} : { trace }),
  }));
}

/** The trace that an event brought, as a field of a fact: absent ones cost no bytes. */
function traceField(event: Event | undefined): { readonly trace?: string } {
  const trace = event?.extensions.traceparent;
  return trace === undefined ? {} : { trace };
}

function contextOf({ atUs, nowMs, seed, planSet, only }: FactContext) {
  return { atUs, nowMs, seed, planSet, ...(only === undefined ? {} : { only }) };
}
