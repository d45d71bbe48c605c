import { sayDuration } from "../lib/duration.ts";
import { type Debounced, type DebouncedEvent, debouncedOf, dueOf, newestOf, withDebounced } from "./debounces.ts";
import { byDependency, firingOf, replayExtension } from "./firing-of.ts";
import type { TriggerPlan } from "./plan.ts";
import { triggerState, withTrigger } from "./state.ts";
import { type Due, nothingHeld, type Step } from "./step.ts";

/** Begins or renews the window of a key: what waited in it gives way. Replayed events have windows of their own. */
export function debounce(
  step: Step,
  trigger: TriggerPlan,
  { due, key }: { readonly due: Due; readonly key: string },
): void {
  const { input, passed } = due.arrival;
  const windowMs = trigger.debounce?.windowMs ?? 0;
  const replayId = input.event.extensions[replayExtension] ?? "";
  const state = step.state.triggers.get(trigger.name) ?? triggerState(trigger.conditions.text, nothingHeld);
  const at = replayId === "" ? key : `${replayId}\n${key}`;
  const { name, hash } = passed.dependency;
  const events: DebouncedEvent[] = [{ dependency: name, event: passed.event, seq: input.seq, hash }];
  for (const [dependency, { event, seq, hash: kept }] of due.held)
    if (dependency !== name) events.push({ dependency, event, seq, hash: kept });
  events.sort(byDependency);
  const older = debouncedOf(state.debounced, at);
  const same = older !== undefined && sameEvents(older.events, events);
  const next: Debounced = same
    ? older
    : { key: at, events, sinceMs: input.nowMs, endsAtMs: input.nowMs + windowMs, replayId };
  if (older !== undefined && !same) {
    const reason = `debounce: a newer one came within ${sayDuration(windowMs)}`;
    for (const { dependency, event } of older.events)
      step.decisions.push({ decision: "superseded", trigger: trigger.name, dependency, event: event.id, reason });
  }
  const reason = `debounce: fires at ${new Date(next.endsAtMs).toISOString()} unless another comes`;
  for (const { dependency, event } of events) {
    const other = dependency === name ? {} : { event: event.id };
    step.decisions.push({ decision: "waiting", trigger: trigger.name, dependency, reason, ...other });
  }
  if (same) return;
  const debounced = withDebounced(state.debounced, at, next);
  step.state = withTrigger(step.state, trigger.name, triggerState(trigger.conditions.text, state.held, debounced));
}

function sameEvents(a: readonly DebouncedEvent[], b: readonly DebouncedEvent[]): boolean {
  return (
    a.length === b.length && a.every((one, i) => one.dependency === b[i]?.dependency && one.event.id === b[i]?.event.id)
  );
}

/** Fires what waited until the end of its debounce window, as of that moment, however late it is asked. */
export function fireDue(step: Step, trigger: TriggerPlan, nowMs: number): void {
  const state = step.state.triggers.get(trigger.name);
  if (state === undefined || state.debounced.endsAtMs > nowMs) return;
  let { debounced } = state;
  for (const one of dueOf(debounced, nowMs)) {
    debounced = withDebounced(debounced, one.key, undefined);
    const firing = firingOf(step.plan, trigger, {
      events: one.events.map(({ dependency, event, seq }) => ({ dependency, id: event.id, seq, event })),
      atMs: one.endsAtMs,
      replayId: one.replayId,
      eventOf: (name) => one.events.find(({ dependency }) => dependency === name)?.event,
    });
    const newest = newestOf(one);
    const later = { event: newest.event.id, seq: newest.seq };
    step.firings.push(firing);
    step.decisions.push({ decision: "fired", trigger: trigger.name, dependency: newest.dependency, firing, later });
  }
  step.state = withTrigger(step.state, trigger.name, triggerState(state.conditions, state.held, debounced));
}
