import { compilePath } from "../expressions/gjson.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import type { Path } from "../lib/finding.ts";
import { durationOf } from "./duration-of.ts";
import { member } from "./json.ts";
import { compileMaintenance } from "./maintenance.ts";
import type { BatchPlan, BreakerPlan, DebouncePlan, KeyPath, TriggerPlan } from "./plan.ts";
import type { Report } from "./report.ts";
import { compileReset } from "./reset.ts";
import type { KeySpec, TriggerSpec } from "./schema.ts";

export interface FlowPlace {
  readonly path: Path;
  readonly report: Report;
  /** The dependencies of the trigger's condition; undefined when that is at fault itself. */
  readonly names: readonly string[] | undefined;
  /** Whether events wait for others at all. */
  readonly needsState: boolean;
  /** A `dlqTrigger`: what decides about events is its parent's. */
  readonly follows: boolean;
  /** The type's own part of the template, as written. */
  readonly config: unknown;
}

type FlowPlan = Pick<
  TriggerPlan,
  "concurrency" | "serial" | "ending" | "timeoutMs" | "orderBy" | "debounce" | "batch" | "breaker" | "maintenance"
>;

/** The flow controls of a trigger; docs/specs/flow-control.md says in which order they apply. */
export function compileFlow(spec: TriggerSpec, place: FlowPlace): FlowPlan {
  const { path, report } = place;
  const only = (key: "ttl" | "debounce" | "orderBy" | "maintenance"): boolean => {
    if (spec[key] === undefined || !place.follows) return spec[key] !== undefined;
    const why = key === "maintenance" ? "it waits with its parent" : "it runs when its parent's firing is dead";
    report.warn([...path, key], `${key} has no effect on a dlqTrigger: ${why}`);
    return false;
  };
  const timeoutMs =
    spec.timeout === undefined ? undefined : durationOf(spec.timeout, { path: [...path, "timeout"], report });
  const ending = endingOf(spec, only("ttl"), place);
  const debounce = only("debounce") ? debounceOf(spec, place) : undefined;
  const orderBy = only("orderBy") ? keyPath(spec.orderBy, { ...place, path: [...path, "orderBy"] }) : undefined;
  const batch = spec.batch === undefined ? undefined : batchOf(spec.batch, place);
  if (batch !== undefined && debounce !== undefined && debounce.by === undefined)
    report.warn([...path, "batch"], "debounce lets one firing through at a time: there is nothing to gather", {
      fix: "Give debounce a `by`, or remove one of the two.",
    });
  const breaker = breakerOf(spec, place);
  const maintenance = only("maintenance")
    ? compileMaintenance(spec.maintenance ?? [], { path: [...path, "maintenance"], report })
    : undefined;
  const atLeastOnce = spec.atLeastOnce === true;
  return {
    serial: atLeastOnce && spec.concurrency === undefined && orderBy === undefined && batch === undefined,
    concurrency: spec.concurrency ?? (atLeastOnce && orderBy === undefined ? 1 : 32),
    ...(ending === undefined ? {} : { ending }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(debounce === undefined ? {} : { debounce }),
    ...(orderBy === undefined ? {} : { orderBy }),
    ...(batch === undefined ? {} : { batch }),
    ...(breaker === undefined ? {} : { breaker }),
    ...(maintenance === undefined ? {} : { maintenance }),
  };
}

/** Without a `retryStrategy` a firing ends as in the peer, so that there is nothing to wait with. */
function breakerOf({ circuitBreaker = true, retryStrategy }: TriggerSpec, place: FlowPlace): BreakerPlan | undefined {
  const path = [...place.path, "circuitBreaker"];
  const { report } = place;
  const asked = typeof circuitBreaker === "object";
  if (circuitBreaker === false) return undefined;
  if (retryStrategy === undefined) {
    if (asked) report.warn(path, "circuitBreaker has no effect without a retryStrategy: its firings do not wait");
    return undefined;
  }
  const { failures = 10, pause = "5s", maxPause = "1m" } = asked ? circuitBreaker : {};
  const pauseMs = durationOf(pause, { path: [...path, "pause"], report });
  const maxPauseMs = durationOf(maxPause, { path: [...path, "maxPause"], report });
  if (pauseMs === undefined || maxPauseMs === undefined) return undefined;
  // a pause above the default of the longest one is the longest one
  return { failures, pauseMs, maxPauseMs: Math.max(pauseMs, maxPauseMs) };
}

/** The next tick of `conditionsReset` or the end of the `ttl`, whichever comes first. */
function endingOf(
  { ttl, template: { conditionsReset } }: TriggerSpec,
  hasTtl: boolean,
  { path, report, needsState, names }: FlowPlace,
): TriggerPlan["ending"] {
  const reset =
    conditionsReset === undefined
      ? undefined
      : compileReset(conditionsReset, { path: [...path, "template", "conditionsReset"], report });
  if (!hasTtl || ttl === undefined) return reset;
  const ttlMs = durationOf(ttl, { path: [...path, "ttl"], report });
  if (!needsState && names !== undefined)
    report.warn([...path, "ttl"], "ttl has no effect: the condition is true with any one event, so that none waits");
  if (ttlMs === undefined) return reset;
  return (heldAtMs) => {
    const tick = reset?.(heldAtMs);
    const endMs = heldAtMs + ttlMs;
    return tick !== undefined && tick.atMs <= endMs ? tick : { atMs: endMs, decision: "expired" };
  };
}

function debounceOf({ debounce }: TriggerSpec, place: FlowPlace): DebouncePlan | undefined {
  const path = [...place.path, "debounce"];
  const long = typeof debounce === "object" ? debounce : { window: debounce ?? 0, by: undefined };
  const at = typeof debounce === "object" ? [...path, "window"] : path;
  const windowMs = durationOf(long.window, { path: at, report: place.report });
  const by = long.by === undefined ? undefined : keyPath(long.by, { ...place, path: [...path, "by"] });
  return windowMs === undefined ? undefined : { windowMs, ...(by === undefined ? {} : { by }) };
}

function batchOf({ size, window }: NonNullable<TriggerSpec["batch"]>, place: FlowPlace): BatchPlan | undefined {
  const path = [...place.path, "batch"];
  const { report } = place;
  const windowMs = window === undefined ? 0 : durationOf(window, { path: [...path, "window"], report, zero: true });
  const payload = member(place.config, "payload");
  if (!Array.isArray(payload) || payload.length === 0)
    report.error(path, "batch needs a payload: the call's body is the list of the bodies that it makes", {
      fix: "Give the trigger a payload, or remove batch.",
    });
  return windowMs === undefined ? undefined : { size, windowMs };
}

/** A path in the events of the dependencies `names`. */
export function keyPath(
  spec: KeySpec | undefined,
  { path, report, names }: Pick<FlowPlace, "path" | "report" | "names">,
): KeyPath | undefined {
  if (spec === undefined) return undefined;
  const { path: text, dependency } = typeof spec === "string" ? { path: spec, dependency: undefined } : spec;
  if (dependency !== undefined && names !== undefined && !names.includes(dependency)) {
    const meant = didYouMean(dependency, names);
    const fix = meant === undefined ? `use one of ${names.join(", ")}` : `did you mean ${meant}?`;
    report.error([...path, "dependency"], `no dependency ${dependency} in the trigger's condition`, { fix });
  }
  const compiled = report.expression(typeof spec === "string" ? path : [...path, "path"], () => compilePath(text));
  return compiled === undefined ? undefined : { path: compiled, dependency };
}
