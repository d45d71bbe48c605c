import { digest } from "../lib/digest.ts";
import type { Event } from "../lib/event.ts";
import { allDebounced, changesOf, type Debounced, type Debounces, noDebounces, withDebounced } from "./debounces.ts";
import type { Ending, SensorPlan, TriggerPlan } from "./plan.ts";
import { decodeStored, encodeDebounced, encodeHeld, type StoredDebounced, type StoredHeld } from "./stored-state.ts";

/**
 * The partial state of one sensor: for each trigger whose conditions need several events, the newest event of each
 * dependency that has come so far (reference 3.5). Immutable; the same object as long as nothing changed. It holds whole
 * events, as transformed, so that it does not depend on how long the log keeps them.
 */
export interface SensorState {
  readonly triggers: ReadonlyMap<string, TriggerState>;
}

export interface TriggerState {
  /** The conditions that the events were kept for. */
  readonly conditions: string;
  readonly held: ReadonlyMap<string, HeldEvent>;
  /** Satisfied conditions whose debounce window is not over. */
  readonly debounced: Debounces;
  /** The earliest end of them all; Infinity when nothing ends by itself. */
  readonly endsAtMs: number;
}

export interface HeldEvent {
  readonly event: Event;
  readonly seq: number;
  readonly heldAtMs: number;
  /** `DependencyPlan.hash` at that time. */
  readonly hash: string;
  /** The next `conditionsReset` tick, or the end of its time to live. */
  readonly ending: Ending | undefined;
}

export const emptyState: SensorState = { triggers: new Map() };

/** A partial event that ended without a firing, and why. */
export interface Dropped {
  readonly trigger: string;
  readonly dependency: string;
  readonly event: string;
  readonly seq: number;
  readonly decision: "reset" | "expired";
  readonly reason: string;
}

/** One entry of the stored state: a held event, or a debounced firing. `value` undefined: it is gone. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export function triggerState(
  conditions: string,
  held: ReadonlyMap<string, HeldEvent>,
  debounced: Debounces = noDebounces,
): TriggerState {
  let { endsAtMs } = debounced;
  for (const one of held.values()) endsAtMs = Math.min(endsAtMs, one.ending?.atMs ?? Number.POSITIVE_INFINITY);
  return { conditions, held, debounced, endsAtMs };
}

/** The state with another state of one trigger; an empty one leaves no trace. */
export function withTrigger(state: SensorState, trigger: string, next: TriggerState): SensorState {
  const triggers = new Map(state.triggers);
  if (next.held.size === 0 && next.debounced.size === 0) triggers.delete(trigger);
  else triggers.set(trigger, next);
  return triggers.size === 0 ? emptyState : { triggers };
}

/** When something held ends by itself: the runtime then calls `advance` with the time. undefined: never. */
export function wakeAtMs(state: SensorState): number | undefined {
  let atMs = Number.POSITIVE_INFINITY;
  for (const trigger of state.triggers.values()) atMs = Math.min(atMs, trigger.endsAtMs);
  return atMs === Number.POSITIVE_INFINITY ? undefined : atMs;
}

/** The key of a held event: the sensor's name and a digest, so that no name can make it too long or ambiguous. */
function stateKey(sensor: string, ...of: readonly string[]): string {
  return `${sensor}/${digest(JSON.stringify(of))}`;
}

/** What to store to get from `before` to `after`: one entry for each held event or firing that came, changed or went. */
export function encodeState(sensor: string, before: SensorState, after: SensorState): readonly StateEntry[] {
  if (before === after) return [];
  const entries: StateEntry[] = [];
  for (const [trigger, next] of after.triggers) {
    const last = before.triggers.get(trigger);
    if (last === next) continue;
    for (const [dependency, held] of next.held) {
      if (last?.held.get(dependency) === held && last.conditions === next.conditions) continue;
      const { ending: _, ...kept } = held;
      const value = encodeHeld({ trigger, dependency, conditions: next.conditions, ...kept });
      entries.push({ key: stateKey(sensor, trigger, dependency), value });
    }
    for (const { key, value } of changesOf(last?.debounced ?? noDebounces, next.debounced))
      entries.push(debouncedEntry({ sensor, trigger, conditions: next.conditions }, key, value));
  }
  for (const [trigger, last] of before.triggers) {
    const next = after.triggers.get(trigger);
    for (const dependency of last.held.keys()) {
      if (next?.held.has(dependency)) continue;
      entries.push({ key: stateKey(sensor, trigger, dependency), value: undefined });
    }
    if (next !== undefined) continue;
    for (const { key } of changesOf(last.debounced, noDebounces))
      entries.push(debouncedEntry({ sensor, trigger, conditions: "" }, key, undefined));
  }
  return entries;
}

function debouncedEntry(
  { sensor, trigger, conditions }: { readonly sensor: string; readonly trigger: string; readonly conditions: string },
  key: string,
  value: Debounced | undefined,
): StateEntry {
  const at = stateKey(sensor, trigger, "debounce", key);
  if (value === undefined) return { key: at, value };
  const { endsAtMs: _, ...kept } = value;
  return { key: at, value: encodeDebounced({ trigger, conditions, ...kept }) };
}

/**
 * The state that was stored for a sensor, fitted to its plan as it is now: entries of triggers or dependencies that are
 * gone, that were redefined, or whose trigger has other conditions are dropped (reference 3.5). `drop` has the changes
 * that the drops need in the store. `unreadable` are keys whose value is not ours to read: reported, never guessed at.
 */
export function decodeState(
  plan: Pick<SensorPlan, "triggers" | "dependencies">,
  entries: Iterable<readonly [key: string, value: Uint8Array]>,
): {
  readonly state: SensorState;
  readonly dropped: readonly Dropped[];
  readonly drop: readonly StateEntry[];
  readonly unreadable: readonly string[];
} {
  const adopted = new Adopted(plan);
  const drop: StateEntry[] = [];
  const unreadable: string[] = [];
  for (const [key, value] of entries) {
    const stored = decodeStored(value);
    if (stored === undefined) unreadable.push(key);
    else if (!adopted.add(stored)) drop.push({ key, value: undefined });
  }
  return { state: adopted.state(), dropped: adopted.dropped, drop, unreadable };
}

/** A running sensor's state under a new plan; the same rules as `decodeState`. */
export function adoptState(
  plan: SensorPlan,
  state: SensorState,
): { readonly state: SensorState; readonly dropped: readonly Dropped[] } {
  const adopted = new Adopted(plan);
  for (const [trigger, { conditions, held, debounced }] of state.triggers) {
    for (const [dependency, one] of held) adopted.add({ trigger, dependency, conditions, ...one });
    for (const one of allDebounced(debounced)) adopted.add({ trigger, conditions, ...one });
  }
  return { state: adopted.state(), dropped: adopted.dropped };
}

/** Gathers what fits to a plan, and what does not with the reason. */
class Adopted {
  readonly dropped: Dropped[] = [];
  readonly #plan: Pick<SensorPlan, "triggers" | "dependencies">;
  readonly #triggers = new Map<string, { conditions: string; held: Map<string, HeldEvent>; debounced: Debounces }>();

  constructor(plan: Pick<SensorPlan, "triggers" | "dependencies">) {
    this.#plan = plan;
  }

  /** Whether it is kept. */
  add(stored: StoredHeld | StoredDebounced): boolean {
    const { trigger: name, conditions } = stored;
    const trigger = this.#plan.triggers.find((one) => one.name === name);
    const parts = "events" in stored ? stored.events : [stored];
    const reason = parts.map((part) => this.#unfit(part, trigger, conditions)).find((one) => one !== undefined);
    if (reason !== undefined || trigger === undefined) {
      for (const { dependency, event, seq } of parts)
        this.dropped.push({ trigger: name, dependency, event: event.id, seq, decision: "reset", reason: reason ?? "" });
      return false;
    }
    const kept = this.#triggers.get(name) ?? { conditions, held: new Map(), debounced: noDebounces };
    this.#triggers.set(name, kept);
    if ("events" in stored) {
      const { key, events, sinceMs, replayId } = stored;
      // a window that is no longer in the manifest is over
      const endsAtMs = sinceMs + (trigger.debounce?.windowMs ?? 0);
      kept.debounced = withDebounced(kept.debounced, key, { key, events, sinceMs, endsAtMs, replayId });
    } else {
      const { dependency, event, seq, heldAtMs, hash } = stored;
      kept.held.set(dependency, { event, seq, heldAtMs, hash, ending: trigger.ending?.(heldAtMs) });
    }
    return true;
  }

  state(): SensorState {
    const triggers = new Map<string, TriggerState>();
    for (const [name, { conditions, held, debounced }] of this.#triggers)
      triggers.set(name, triggerState(conditions, held, debounced));
    return triggers.size === 0 ? emptyState : { triggers };
  }

  #unfit(
    { dependency: name, hash }: { readonly dependency: string; readonly hash: string },
    trigger: TriggerPlan | undefined,
    conditions: string,
  ): string | undefined {
    const dependency = this.#plan.dependencies.find((one) => one.name === name);
    if (trigger === undefined) return "the trigger is gone";
    if (dependency === undefined) return "the dependency is gone";
    if (trigger.conditions.text !== conditions) return "the trigger's conditions changed";
    if (dependency.hash !== hash) return "the dependency's definition changed";
    return undefined;
  }
}
