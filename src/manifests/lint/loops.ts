import type { Finding } from "../../lib/finding.ts";
import { isRecord } from "../../lib/json.ts";
import type { SensorPlan, TriggerPlan } from "../../sensors/plan.ts";
import { type PutEvent, putOf } from "../put-events.ts";

/** A trigger that puts events, with what it waits for. */
interface Putter {
  readonly plan: SensorPlan;
  readonly trigger: TriggerPlan;
  readonly put: PutEvent;
}

/**
 * Triggers whose own event comes back to them, by themselves or by way of others: each round makes the next one, until the
 * guard against loops ends it. Filters may end it before, which is not looked at. One finding for each circle.
 */
export function* eventLoops(
  plans: readonly SensorPlan[],
): Iterable<{ readonly plan: SensorPlan; readonly finding: Finding }> {
  const putters = plans.flatMap(puttersOf);
  const next = new Map(putters.map((one) => [one, putters.filter((other) => feeds(one, other))]));
  const told = new Set<Putter>();
  for (const one of putters) {
    if (told.has(one)) continue;
    const circle = circleOf(one, next);
    if (circle === undefined) continue;
    for (const member of circle) told.add(member);
    const { source, event } = one.put;
    const way = [...circle, one].map(({ plan, trigger }) => `${plan.name}/${trigger.name}`).join(" → ");
    const message = `the event ${source}/${event} comes back to where it is put: ${way}`;
    yield { plan: one.plan, finding: { severity: "warning", code: "EVENT_LOOP", path: one.put.path, message } };
  }
}

function puttersOf(plan: SensorPlan): readonly Putter[] {
  return plan.triggers.flatMap((trigger) => {
    const template: unknown = JSON.parse(trigger.template);
    const spec = isRecord(template) ? { template, parameters: trigger.parameters } : {};
    // what a parameter decides may lead anywhere
    return putOf(spec, plan.name, trigger.path)
      .filter(({ source, event }) => source !== undefined && event !== undefined)
      .map((put) => ({ plan, trigger, put }));
  });
}

function feeds({ plan, put }: Putter, other: Putter): boolean {
  if (plan.namespace !== other.plan.namespace || plan.bus !== other.plan.bus) return false;
  const { names } = other.trigger.conditions;
  return other.plan.dependencies.some(({ name, eventSource, event, glob }) => {
    if (!names.includes(name)) return false;
    const { source = "", event: made = "" } = put;
    return glob === undefined ? eventSource === source && event === made : glob(source, made);
  });
}

/** The shortest way from a putter back to itself, without the return; undefined: there is none. */
function circleOf(start: Putter, next: ReadonlyMap<Putter, readonly Putter[]>): readonly Putter[] | undefined {
  const from = new Map<Putter, Putter | undefined>([[start, undefined]]);
  for (const at of from.keys()) {
    const after = next.get(at) ?? [];
    if (after.includes(start)) return wayTo(at, from);
    for (const one of after) if (!from.has(one)) from.set(one, at);
  }
  return undefined;
}

function wayTo(end: Putter, from: ReadonlyMap<Putter, Putter | undefined>): readonly Putter[] {
  const way: Putter[] = [];
  for (let at: Putter | undefined = end; at !== undefined; at = from.get(at)) way.unshift(at);
  return way;
}
