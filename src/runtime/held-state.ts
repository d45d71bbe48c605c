import type { StateChange } from "../bus/bus.ts";
import type { Log } from "../lib/log.ts";
import type { StateStore } from "../lib/state.ts";
import { type Ended, endedOf } from "../sensors/decided.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { adoptState, decodeState, encodeState, type SensorState } from "../sensors/state.ts";

/** Where the bus keeps what sensors hold. */
export const stateStore = "sensors";

/** What a change of the sensors does to what they held: gathered here, for one commit. */
interface Stage {
  readonly store: StateStore;
  readonly log: Log;
  readonly changes: StateChange[];
  readonly ended: Ended[];
}

/** What it holds in memory, as far as its new plan still has a place for it. */
export function adoptHeld(plan: SensorPlan, held: SensorState, stage: Stage): SensorState {
  const { state, dropped } = adoptState(plan, held);
  stage.changes.push(...stateChanges(plan.name, held, state));
  for (const one of dropped) stage.ended.push(endedOf(plan.name, one));
  return state;
}

/** What the bus keeps for it; undefined: nothing. */
export async function loadState(plan: SensorPlan, stage: Stage): Promise<SensorState | undefined> {
  const entries: (readonly [string, Uint8Array])[] = [];
  for await (const entry of stage.store.list(`${plan.name}/`)) entries.push(entry);
  if (entries.length === 0) return undefined;
  const { state, dropped, drop, unreadable } = decodeState(plan, entries);
  for (const { key, value } of drop) stage.changes.push({ store: stateStore, key, value });
  for (const one of dropped) stage.ended.push(endedOf(plan.name, one));
  if (unreadable.length > 0)
    stage.log.error({ sensor: plan.name, keys: unreadable }, "partial state cannot be read and is left alone");
  return state;
}

/** What a sensor held that is gone ends with it: should it come back, it starts at now with nothing. */
export async function forgetOthers(here: ReadonlySet<string>, stage: Stage): Promise<void> {
  for await (const entry of stage.store.list("")) {
    const [sensor = ""] = entry[0].split("/", 1);
    if (here.has(sensor)) continue;
    const { dropped, drop } = decodeState({ triggers: [], dependencies: [] }, [entry]);
    for (const { key, value } of drop) stage.changes.push({ store: stateStore, key, value });
    for (const one of dropped) stage.ended.push(endedOf(sensor, { ...one, reason: "the sensor is gone" }));
  }
}

export function stateChanges(sensor: string, before: SensorState, after: SensorState): StateChange[] {
  return encodeState(sensor, before, after).map(({ key, value }) => ({ store: stateStore, key, value }));
}
