import type { Event } from "../lib/event.ts";
import { digest } from "./digest.ts";
import type { DependencyPlan, Ending, SensorPlan, TriggerPlan } from "./plan.ts";

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
  /** The earliest end of them; Infinity when nothing ends by itself. */
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

/** One entry of the stored state: a held event. `value` undefined: it is gone. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export function triggerState(conditions: string, held: ReadonlyMap<string, HeldEvent>): TriggerState {
  let endsAtMs = Number.POSITIVE_INFINITY;
  for (const one of held.values()) endsAtMs = Math.min(endsAtMs, one.ending?.atMs ?? Number.POSITIVE_INFINITY);
  return { conditions, held, endsAtMs };
}

/** The state with another state of one trigger; an empty one leaves no trace. */
export function withTrigger(state: SensorState, trigger: string, next: TriggerState): SensorState {
  const triggers = new Map(state.triggers);
  if (next.held.size === 0) triggers.delete(trigger);
  else triggers.set(trigger, next);
  return triggers.size === 0 ? emptyState : { triggers };
}

/** When something held ends by itself: the runtime then calls `advance` with the time. undefined: never. */
export function wakeAtMs(state: SensorState): number | undefined {
  let atMs = Number.POSITIVE_INFINITY;
  for (const trigger of state.triggers.values()) atMs = Math.min(atMs, trigger.endsAtMs);
  return atMs === Number.POSITIVE_INFINITY ? undefined : atMs;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const version = 1;

/** The key of a held event: the sensor's name and a digest, so that no name can make it too long or ambiguous. */
function stateKey(sensor: string, trigger: string, dependency: string): string {
  return `${sensor}/${digest(JSON.stringify([trigger, dependency]))}`;
}

/** What to store to get from `before` to `after`: one entry for each held event that came, changed or went. */
export function encodeState(sensor: string, before: SensorState, after: SensorState): readonly StateEntry[] {
  if (before === after) return [];
  const entries: StateEntry[] = [];
  for (const [trigger, next] of after.triggers) {
    const last = before.triggers.get(trigger);
    if (last === next) continue;
    for (const [dependency, held] of next.held) {
      if (last?.held.get(dependency) === held && last.conditions === next.conditions) continue;
      entries.push({ key: stateKey(sensor, trigger, dependency), value: encodeHeld(trigger, dependency, next, held) });
    }
  }
  for (const [trigger, last] of before.triggers) {
    const next = after.triggers.get(trigger);
    for (const dependency of last.held.keys()) {
      if (next?.held.has(dependency)) continue;
      entries.push({ key: stateKey(sensor, trigger, dependency), value: undefined });
    }
  }
  return entries;
}

function encodeHeld(trigger: string, dependency: string, state: TriggerState, held: HeldEvent): Uint8Array {
  const { data, ...head } = held.event;
  const json = {
    v: version,
    trigger,
    dependency,
    conditions: state.conditions,
    hash: held.hash,
    seq: held.seq,
    heldAtMs: held.heldAtMs,
    event: { ...head, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") },
  };
  return encoder.encode(JSON.stringify(json));
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
  const triggers = new Map<string, { conditions: string; held: Map<string, HeldEvent> }>();
  const dropped: Dropped[] = [];
  const drop: StateEntry[] = [];
  const unreadable: string[] = [];
  for (const [key, value] of entries) {
    const stored = decodeHeld(value);
    if (stored === undefined) {
      unreadable.push(key);
      continue;
    }
    const held = adopt(plan, stored);
    if ("reason" in held) {
      dropped.push(held);
      drop.push({ key, value: undefined });
      continue;
    }
    const trigger = triggers.get(stored.trigger) ?? { conditions: stored.conditions, held: new Map() };
    trigger.held.set(stored.dependency, held);
    triggers.set(stored.trigger, trigger);
  }
  const state = new Map<string, TriggerState>();
  for (const [name, one] of triggers) state.set(name, triggerState(one.conditions, one.held));
  return { state: state.size === 0 ? emptyState : { triggers: state }, dropped, drop, unreadable };
}

/** A running sensor's state under a new plan; the same rules as `decodeState`. */
export function adoptState(
  plan: SensorPlan,
  state: SensorState,
): { readonly state: SensorState; readonly dropped: readonly Dropped[] } {
  const dropped: Dropped[] = [];
  const triggers = new Map<string, TriggerState>();
  for (const [trigger, { conditions, held }] of state.triggers) {
    const kept = new Map<string, HeldEvent>();
    for (const [dependency, one] of held) {
      const adopted = adopt(plan, { trigger, dependency, conditions, ...one });
      if ("reason" in adopted) dropped.push(adopted);
      else kept.set(dependency, adopted);
    }
    if (kept.size > 0) triggers.set(trigger, triggerState(conditions, kept));
  }
  return { state: triggers.size === 0 ? emptyState : { triggers }, dropped };
}

interface StoredHeld extends Omit<HeldEvent, "ending"> {
  readonly trigger: string;
  readonly dependency: string;
  readonly conditions: string;
}

function adopt(plan: Pick<SensorPlan, "triggers" | "dependencies">, stored: StoredHeld): HeldEvent | Dropped {
  const trigger = plan.triggers.find((one) => one.name === stored.trigger);
  const dependency = plan.dependencies.find((one) => one.name === stored.dependency);
  const reason = whyUnfit(stored, trigger, dependency);
  if (reason !== undefined) {
    const { event, seq } = stored;
    return { trigger: stored.trigger, dependency: stored.dependency, event: event.id, seq, decision: "reset", reason };
  }
  const { event, seq, heldAtMs, hash } = stored;
  return { event, seq, heldAtMs, hash, ending: trigger?.ending?.(heldAtMs) };
}

function whyUnfit(
  stored: StoredHeld,
  trigger: TriggerPlan | undefined,
  dependency: DependencyPlan | undefined,
): string | undefined {
  if (trigger === undefined) return "the trigger is gone";
  if (dependency === undefined) return "the dependency is gone";
  if (trigger.conditions.text !== stored.conditions) return "the trigger's conditions changed";
  if (dependency.hash !== stored.hash) return "the dependency's definition changed";
  return undefined;
}

function decodeHeld(value: Uint8Array): StoredHeld | undefined {
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(value));
  } catch {
    return undefined;
  }
  if (!isRecord(json) || json.v !== version || !isRecord(json.event)) return undefined;
  const { trigger, dependency, conditions, hash, seq, heldAtMs } = json;
  const { id, source, type, subject, time, datacontenttype, data, extensions } = json.event;
  if (typeof trigger !== "string" || typeof dependency !== "string" || typeof conditions !== "string") return undefined;
  if (typeof hash !== "string" || typeof seq !== "number" || typeof heldAtMs !== "number") return undefined;
  if (typeof id !== "string" || typeof source !== "string" || typeof type !== "string") return undefined;
  if (typeof subject !== "string" || typeof time !== "string" || typeof datacontenttype !== "string") return undefined;
  if (typeof data !== "string" || !isTextRecord(extensions)) return undefined;
  const head = { id, source, type, subject, time, datacontenttype, extensions };
  const event: Event = { ...head, data: new Uint8Array(Buffer.from(data, "base64")) };
  return { trigger, dependency, conditions, hash, seq, heldAtMs, event };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((one) => typeof one === "string");
}
