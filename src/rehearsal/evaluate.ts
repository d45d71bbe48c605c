import type { Rendered } from "../kit/trigger.ts";
import { sayDuration } from "../lib/duration.ts";
import type { Event } from "../lib/event.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import { declined } from "../runtime/arrive.ts";
import { type Advanced, advance, type Fired } from "../sensors/advance.ts";
import { type DependencyVerdict, firstNo, judgeEvent } from "../sensors/explain.ts";
import type { Clause, DependencyPlan, SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { seedOf } from "../sensors/seed.ts";
import { emptyState, type SensorState } from "../sensors/state.ts";
import { shownData } from "./exact-json.ts";
import { type Renderer, sayUnrendered } from "./render.ts";

/** What a sensor makes of the events it was given: the answer of `tidemill eval`. */
export interface SensorAnswer {
  readonly sensor: string;
  readonly dependencies: readonly DependencyAnswer[];
  readonly triggers: readonly TriggerAnswer[];
}

export interface DependencyAnswer {
  readonly name: string;
  /** An event of its EventSource and name was given. */
  readonly matched: boolean;
  /** The newest such event passed its filters; where it was named, also one that is not of its EventSource and name. */
  readonly passed: boolean;
  readonly clauses: readonly Clause[];
  /** The event's data after the transform; absent while none matched. */
  readonly data?: unknown;
}

export interface TriggerAnswer {
  readonly name: string;
  readonly fires: boolean;
  /** What satisfied its condition, what it waits for, or the clause that said no. */
  readonly reason: string;
  /** What it would send; absent where it does not fire, or where that cannot be shown (the reason says why). */
  readonly rendered?: Rendered;
}

/** The verdict of an entry's own filter. */
export interface SourceAnswer {
  readonly source: string;
  readonly event: string;
  readonly passed: boolean;
  readonly reason: string;
}

export interface EvaluationParts {
  readonly plan: SensorPlan;
  /** Entries of EventSources: where one brings an event, its filter is asked first. */
  readonly sources: readonly SourcePlan[];
  readonly render: Renderer;
}

export interface Feeding {
  readonly event: Event;
  readonly nowMs: number;
  /** Only this dependency gets the event, where the event is for it. */
  readonly dependency?: string | undefined;
}

/**
 * A sensor that is tried out, by the code that decides at run time. Between events it keeps what a running one keeps.
 * The answer is what stands after each: of each dependency and trigger the verdict on the newest event that concerned it.
 */
export interface Evaluation {
  feed(feeding: Feeding): Promise<SensorAnswer>;
}

export function createEvaluation(parts: EvaluationParts): Evaluation {
  const { plan } = parts;
  const verdicts = new Map<string, DependencyVerdict>();
  const triggers = new Map<string, TriggerAnswer>();
  let state: SensorState = emptyState;
  let seq = 0;
  return {
    async feed({ event, nowMs, dependency }) {
      seq += 1;
      const all = judgeEvent(plan.dependencies, event, { nowMs, seed: seedOf(event.id) });
      const meant = all.filter((one) => one.matched && one.name === dependency);
      const matched = meant.length > 0 ? meant : all.filter((one) => one.matched);
      for (const verdict of matched) verdicts.set(verdict.name, verdict);
      const stray = plan.dependencies.find(({ name }) => name === dependency);
      if (matched.length === 0 && stray !== undefined && !verdicts.has(stray.name)) {
        verdicts.set(stray.name, askAnyway(stray, event, nowMs));
      }
      const refused = filteredAtSource(parts.sources, plan, event);
      const passed =
        refused === undefined ? matched.filter(({ passed: yes, invalid }) => yes || invalid !== undefined) : [];
      const after = advance(plan, state, { kind: "event", event, seq, nowMs, passed });
      state = after.state;
      for (const trigger of plan.triggers) {
        const about = matched.filter(({ name }) => trigger.conditions.names.includes(name));
        if (about.length === 0) continue;
        const verdict =
          refused === undefined
            ? await standing(trigger, { about, after, event, nowMs, parts })
            : { name: trigger.name, fires: false, reason: refused };
        triggers.set(trigger.name, verdict);
      }
      return {
        sensor: plan.name,
        dependencies: plan.dependencies.map(({ name }) => dependencyAnswer(name, verdicts.get(name))),
        triggers: plan.triggers.map((trigger) => triggers.get(trigger.name) ?? untouched(plan, trigger)),
      };
    },
  };
}

/** What an entry's filter says of an event; an entry without a filter passes everything. */
export function evaluateSource(plan: SourcePlan, event: Event): SourceAnswer {
  const refused = declined(plan, event);
  const asked = [...(plan.filter ? ["filter.expression is true"] : []), ...(plan.schema ? ["the schema matches"] : [])];
  const reason = refused ?? (asked.length === 0 ? "the entry has no filter" : asked.join(", "));
  return { source: plan.eventSource, event: plan.event, passed: refused === undefined, reason };
}

function filteredAtSource(sources: readonly SourcePlan[], plan: SensorPlan, event: Event): string | undefined {
  const entry = sources.find(
    (one) => one.namespace === plan.namespace && one.eventSource === event.source && one.event === event.subject,
  );
  const refused = entry === undefined ? undefined : declined(entry, event);
  return refused === undefined ? undefined : `the EventSource ${event.source} turns the event down: ${refused}`;
}

/** The verdict of a dependency that was named, though the event is of another EventSource or name. */
function askAnyway(dependency: DependencyPlan, event: Event, nowMs: number): DependencyVerdict {
  const asked = dependency.evaluate(event, { nowMs, seed: seedOf(event.id), explain: true });
  return { name: dependency.name, dependency, matched: false, ...asked };
}

function dependencyAnswer(name: string, verdict: DependencyVerdict | undefined): DependencyAnswer {
  if (verdict === undefined) return { name, matched: false, passed: false, clauses: [] };
  const { matched, passed, clauses, event } = verdict;
  return { name, matched, passed, clauses, data: shownData(event.data) };
}

interface Stand {
  /** The trigger's own dependencies that the event is for. */
  readonly about: readonly DependencyVerdict[];
  readonly after: Advanced;
  readonly event: Event;
  readonly nowMs: number;
  readonly parts: EvaluationParts;
}

async function standing(trigger: TriggerPlan, stand: Stand): Promise<TriggerAnswer> {
  const { name } = trigger;
  const decisions = stand.after.decisions.filter((one) => one.trigger === name);
  const fired = debounced(trigger, stand) ?? decisions.findLast((one) => one.decision === "fired");
  if (fired !== undefined) return firing(trigger, fired, stand);
  const waiting = decisions.findLast((one) => one.decision === "waiting");
  const ended = decisions.flatMap((one) => (one.decision === "reset" || one.decision === "expired" ? [one] : []));
  const said = [
    ...(waiting === undefined ? [] : [waiting.reason]),
    ...ended.map((one) => `the event of ${one.dependency} was dropped: ${one.reason}`),
    ...stand.about.flatMap((verdict) => firstNo([verdict]) ?? []),
  ];
  return { name, fires: false, reason: said.join("; ") };
}

/** What a debounced trigger fires with once its window has passed without another event. */
function debounced({ name, debounce }: TriggerPlan, { parts, after, nowMs }: Stand): Fired | undefined {
  if (debounce === undefined) return undefined;
  const later = advance(parts.plan, after.state, { kind: "time", nowMs: nowMs + debounce.windowMs });
  return later.decisions.filter((one) => one.decision === "fired").findLast((one) => one.trigger === name);
}

async function firing(trigger: TriggerPlan, fired: Fired, { event, parts }: Stand): Promise<TriggerAnswer> {
  const { name } = trigger;
  const { id, madeUs, events, invalid } = fired.firing;
  if (invalid !== undefined) return { name, fires: false, reason: `a dead letter at once: ${invalid}` };
  const own = new Map(events.map((one) => [one.dependency, one.event ?? event]));
  const when =
    trigger.debounce === undefined ? "" : `, once ${sayDuration(trigger.debounce.windowMs)} pass without another`;
  const reason = `${[...own.keys()].join(" and ")} ${own.size === 1 ? "satisfies" : "satisfy"} ${trigger.conditions.text}${when}`;
  try {
    return {
      name,
      fires: true,
      reason,
      rendered: await parts.render(parts.plan, trigger, { id, madeUs, events: own }),
    };
  } catch (error) {
    return { name, fires: true, reason: `${reason}; ${sayUnrendered(error)}` };
  }
}

function untouched(plan: SensorPlan, trigger: TriggerPlan): TriggerAnswer {
  const wanted = plan.dependencies
    .filter(({ name }) => trigger.conditions.names.includes(name))
    .map(({ name, eventSource, event }) => `${name} (${eventSource}/${event})`);
  return { name: trigger.name, fires: false, reason: `no event was of ${wanted.join(" or ")}` };
}
