import { TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { History, RecordedDecision, RecordedEvent, RecordedFiring } from "../record/record.ts";
import { type DependencyExplained, explainEvent, firstNo } from "../sensors/explain.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { wants } from "../sensors/routes.ts";
import type { BusRun } from "./bus-run.ts";
import { type EventWithData, eventAnswer, keptOf, rfc3339 } from "./event-answer.ts";
import { waysOf } from "./plan-store.ts";
import { notReplayedTo } from "./replay-event.ts";
import type { Runtime } from "./runtime.ts";

/** What each sensor decided about one event, and why: the answer of `tidemill why`. */
export interface Why {
  readonly event: Omit<EventWithData, "receipt" | "reason" | "duplicates">;
  readonly receipt: Pick<EventWithData, "receipt" | "reason" | "duplicates">;
  readonly sensors: readonly SensorWhy[];
  /** What limits this answer: the event's data is gone, it is not decided yet, nobody subscribes to it. */
  readonly notes: readonly string[];
}

export interface SensorWhy {
  readonly sensor: string;
  readonly dependencies: readonly DependencyExplained[];
  readonly triggers: readonly TriggerWhy[];
}

export type WhyDecision = RecordedDecision["decision"] | "filtered" | "undecided" | "unmatched";

export interface TriggerWhy {
  readonly name: string;
  readonly decision: WhyDecision;
  readonly reason?: string | undefined;
  readonly firings: readonly FiringWhy[];
}

export interface FiringWhy {
  readonly id: string;
  readonly state: RecordedFiring["state"];
  /** What it came to its state by, where that was no attempt: a schema, or a person. */
  readonly reason?: string | undefined;
  /** The dead firing whose `dlqTrigger` this one is. */
  readonly parent?: string | undefined;
  readonly attempts: readonly {
    readonly startedAt: string;
    readonly endedAt: string;
    readonly outcome: "done" | "failed";
    readonly status?: string | undefined;
    readonly code?: string | undefined;
    readonly error?: string | undefined;
    readonly batch?: { readonly id: string; readonly size: number } | undefined;
  }[];
}

/**
 * Answers from stored facts. Which clause of a filter said no is not stored: it is computed again by the code that
 * decided, from the event, the plans of that moment, and the clock and seed that they saw.
 * Rejects with RECORD_OFF and EVENT_UNKNOWN.
 */
export async function why(runtime: Pick<Runtime, "record" | "buses">, id: string): Promise<Why> {
  const { record } = runtime;
  if (record === undefined) throw new TideError("RECORD_OFF", "why an event fired is answered from the record");
  const recorded = await record.event(id);
  if (recorded === undefined) throw new TideError("EVENT_UNKNOWN", `there is no event ${id}`);
  const history = await record.history(id);
  const bus = runtime.buses.find((one) => one.namespace === recorded.namespace && one.name === recorded.bus);
  const kept = recorded.seq === undefined ? undefined : await bus?.bus.event(recorded.seq);
  const event = kept?.event.id === id ? kept.event : undefined;
  const notes: string[] = [];
  const plans = await plansOf(recorded, bus, notes);
  if (recorded.seq !== undefined && event === undefined) {
    notes.push(
      bus === undefined
        ? `the bus ${recorded.namespace}/${recorded.bus} does not run here: filters cannot be asked again`
        : "retention took the event's data: filters cannot be asked again",
    );
  }
  if (recorded.seq !== undefined && recorded.decidedUs === undefined) {
    notes.push("the event is not decided yet: the clauses are computed with the time of its arrival");
  }
  if (recorded.matched === 0) notes.push(`no sensor subscribes to ${recorded.source}/${recorded.subject}`);
  const seen: SensorFacts = { recorded, history, event };
  const told = plans.flatMap((plan) => {
    const cx = { nowMs: recorded.nowMs ?? recorded.receivedUs / 1000, seed: recorded.seed ?? 0 };
    const dependencies = event === undefined ? undefined : explainEvent(plan, event, cx);
    return sensorWhy(plan, dependencies, seen) ?? [];
  });
  const named = new Set(told.map(({ sensor }) => sensor));
  const { receipt, reason, duplicates, ...rest } = eventAnswer(recorded);
  return {
    event: event === undefined ? rest : { ...rest, ...keptOf(event) },
    receipt: { receipt, reason, duplicates },
    sensors: [...told, ...withoutPlan(seen, named)],
    notes,
  };
}

/** The plans that decided; those of now while the event waits for its decision. */
async function plansOf(
  recorded: RecordedEvent,
  bus: BusRun | undefined,
  notes: string[],
): Promise<readonly SensorPlan[]> {
  if (bus === undefined || recorded.seq === undefined) return [];
  if (recorded.planSet === undefined) return bus.sensors;
  const plans = await bus.plans.set(recorded.planSet);
  if (plans === undefined) notes.push(`the sensors of that moment (${recorded.planSet}) are no longer known`);
  return plans ?? [];
}

interface SensorFacts {
  readonly recorded: RecordedEvent;
  readonly history: History;
  /** undefined where it is not kept any more. */
  readonly event: Event | undefined;
}

/** undefined: the sensor has nothing to do with the event. `dependencies` undefined: the data is gone. */
function sensorWhy(
  plan: SensorPlan,
  dependencies: readonly DependencyExplained[] | undefined,
  facts: SensorFacts,
): SensorWhy | undefined {
  const { source, subject } = facts.recorded;
  const matched = plan.dependencies.filter((one) => wants(one, source, subject));
  if (matched.length === 0) return undefined;
  const names = new Set(matched.map(({ name }) => name));
  const about = plan.triggers.filter((trigger) => trigger.conditions.names.some((name) => names.has(name)));
  const explained =
    dependencies ?? matched.map(({ name }) => ({ name, matched: true, passed: false, clauses: [] as const }));
  const asked = dependencies === undefined ? undefined : explained.filter((one) => one.matched);
  return {
    sensor: plan.name,
    dependencies: explained.filter((one) => one.matched),
    triggers: [
      ...about.flatMap((trigger) => triggerWhy({ sensor: plan.name, trigger, asked }, facts)),
      ...notificationsWhy(plan, facts),
    ],
  };
}

/** Notifications about firings of the event; those that were counted in a window are not firings. */
function notificationsWhy(plan: SensorPlan, { history }: SensorFacts): readonly TriggerWhy[] {
  return waysOf(plan).flatMap(({ name }): readonly TriggerWhy[] => {
    const firings = history.firings.filter((one) => one.sensor === plan.name && one.trigger === name);
    if (firings.length === 0) return [];
    return [{ name, decision: "fired", reason: "a notification of a failure", firings: firings.map(firingWhy) }];
  });
}

function triggerWhy(
  of: {
    readonly sensor: string;
    readonly trigger: TriggerPlan;
    readonly asked: readonly DependencyExplained[] | undefined;
  },
  facts: SensorFacts,
): readonly TriggerWhy[] {
  const { sensor, trigger, asked } = of;
  const { decisions, firings } = facts.history;
  const firingsOf = (name: string): readonly FiringWhy[] =>
    firings.filter((one) => one.sensor === sensor && one.trigger === name).map(firingWhy);
  const own = decisions.filter((one) => one.sensor === sensor && one.trigger === trigger.name);
  const first: TriggerWhy = {
    name: trigger.name,
    ...((own.length === 0 ? replayedElsewhere(sensor, trigger, facts) : undefined) ??
      decisionOf(own, facts.recorded, asked && { asked, uses: trigger.conditions.names })),
    firings: firingsOf(trigger.name),
  };
  const dlqName = trigger.dlqTrigger?.name;
  const follow = dlqName === undefined || dlqName === trigger.name ? [] : firingsOf(dlqName);
  if (dlqName === undefined || follow.length === 0) return [first];
  return [first, { name: dlqName, decision: "fired", reason: `${trigger.name} became a dead letter`, firings: follow }];
}

function replayedElsewhere(
  sensor: string,
  trigger: TriggerPlan,
  { event, recorded }: SensorFacts,
): Pick<TriggerWhy, "decision" | "reason"> | undefined {
  if (recorded.decidedUs === undefined || event === undefined) return undefined;
  const reason = notReplayedTo(event, sensor, trigger);
  return reason === undefined ? undefined : { decision: "filtered", reason };
}

/** The strongest of the last decisions per dependency; what no fact names was filtered. */
function decisionOf(
  decisions: readonly RecordedDecision[],
  recorded: RecordedEvent,
  filters: { readonly asked: readonly DependencyExplained[]; readonly uses: readonly string[] } | undefined,
): Pick<TriggerWhy, "decision" | "reason"> {
  const last = new Map<string, RecordedDecision>();
  for (const decision of decisions.toSorted((a, b) => a.atUs - b.atUs)) last.set(decision.dependency, decision);
  for (const wanted of strongestFirst) {
    const found = [...last.values()].find(({ decision }) => decision === wanted);
    if (found !== undefined) return { decision: found.decision, reason: found.reason };
  }
  if (recorded.decidedUs === undefined) return { decision: "undecided" };
  const passed = filters?.asked.find((one) => one.passed && filters.uses.includes(one.name));
  if (passed !== undefined) {
    return { decision: "unmatched", reason: `${passed.name} passes, but the trigger counts from a later event on` };
  }
  return {
    decision: "filtered",
    reason: filters && firstNo(filters.asked.filter(({ name }) => filters.uses.includes(name))),
  };
}

const strongestFirst = ["fired", "waiting", "superseded", "reset", "expired"] as const;

function firingWhy({ id, state, reason, parent, attempts }: RecordedFiring): FiringWhy {
  return {
    id,
    state,
    reason,
    parent,
    attempts: attempts.map(({ startedUs, endedUs, outcome, status, code, error, batch }) => ({
      startedAt: rfc3339(startedUs),
      endedAt: rfc3339(endedUs),
      outcome,
      status,
      code,
      error,
      batch,
    })),
  };
}

/** Decisions and firings of sensors whose plan is not at hand: told all the same, without clauses. */
function withoutPlan({ history }: SensorFacts, named: ReadonlySet<string>): readonly SensorWhy[] {
  const lost = [...history.decisions, ...history.firings].filter(({ sensor }) => !named.has(sensor));
  return [...Map.groupBy(lost, ({ sensor }) => sensor)].map(([sensor, rows]) => ({
    sensor,
    dependencies: [],
    triggers: [...new Set(rows.map(({ trigger }) => trigger))].map((trigger) => {
      const decision = history.decisions.findLast((one) => one.sensor === sensor && one.trigger === trigger);
      const firings = history.firings.filter((one) => one.sensor === sensor && one.trigger === trigger);
      return {
        name: trigger,
        decision: decision?.decision ?? "fired",
        reason: decision?.reason,
        firings: firings.map(firingWhy),
      };
    }),
  }));
}
