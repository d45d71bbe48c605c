import type { LogEntry } from "../bus/bus.ts";
import { advance, type Passed } from "./advance.ts";
import { type Decided, Outcome, type SensorStates, type Ticked, unmatched } from "./decided.ts";
import { EventView } from "./filters/view.ts";
import type { SensorPlan } from "./plan.ts";
import { reached, replayTargetOf } from "./replay-target.ts";
import { type Candidate, candidatesFor, createRoutes } from "./routes.ts";
import { emptyState, wakeAtMs } from "./state.ts";

/** The clock and the randomness of a decision come in. */
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

/** Indexes the sensors by event, once for all decisions. */
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
