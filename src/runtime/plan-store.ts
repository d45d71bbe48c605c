import { createHash } from "node:crypto";
import type { Bus, StateChange } from "../bus/bus.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";

/** Compiles a Sensor again from its stored spec; undefined when today's tidemill refuses it. */
export type Recompile = (
  object: unknown,
  cx: { readonly namespace: string; readonly name: string; readonly bus: string; readonly folder: string },
) => SensorPlan | undefined;

/**
 * Plans by revision. A firing is acted on, and an event explained, by the plan that decided: each revision is kept in
 * the bus from the moment it decides, and compiled again when it is asked for after a change.
 */
export interface PlanStore {
  /** Stores what is new of these plans, in one commit, and answers with the name of the set. */
  keep(plans: readonly SensorPlan[]): Promise<string>;
  plan(sensor: string, revision: string): Promise<SensorPlan | undefined>;
  /** The plans that decided together. */
  set(planSet: string): Promise<readonly SensorPlan[] | undefined>;
}

/** Old plans that are kept compiled. */
const mostOld = 64;

interface StoredPlan {
  readonly name: string;
  readonly folder: string;
  readonly spec: unknown;
}

const store = "plans";

export function createPlanStore(parts: {
  readonly namespace: string;
  /** Of the bus. */
  readonly name: string;
  readonly bus: Pick<Bus, "state" | "commit">;
  readonly recompile: Recompile;
}): PlanStore {
  const { namespace, name, bus } = parts;
  const state = bus.state(store);
  const compiled = new Map<string, SensorPlan>();
  /** Those that decide now; older ones are compiled again when they are asked for. */
  let current = new Set<string>();
  const remember = (key: string, one: SensorPlan): void => {
    compiled.set(key, one);
    for (const old of compiled.keys()) {
      if (compiled.size <= current.size + mostOld) return;
      if (!current.has(old) && old !== key) compiled.delete(old);
    }
  };
  const keyOf = (sensor: string, revision: string): string => `plan/${sensor}/${revision}`;
  const read = async (key: string): Promise<unknown> => {
    const value = await state.get(key);
    return value === undefined ? undefined : JSON.parse(Buffer.from(value).toString());
  };
  /** What is to be written so that `value` is there. */
  const change = async (key: string, value: unknown): Promise<readonly StateChange[]> =>
    (await state.get(key)) === undefined ? [{ store, key, value: Buffer.from(JSON.stringify(value)) }] : [];
  const plan = async (sensor: string, revision: string): Promise<SensorPlan | undefined> => {
    const key = keyOf(sensor, revision);
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const stored = (await read(key)) as StoredPlan | undefined;
    if (stored === undefined) return undefined;
    const object = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Sensor",
      metadata: { name: sensor, namespace },
      spec: stored.spec,
    };
    const again = parts.recompile(object, { namespace, name: sensor, bus: name, folder: stored.folder });
    if (again !== undefined) remember(key, again);
    return again;
  };
  return {
    plan,
    async keep(plans) {
      current = new Set(plans.map((one) => keyOf(one.name, one.revision)));
      const changes: StateChange[] = [];
      for (const one of plans) {
        const key = keyOf(one.name, one.revision);
        remember(key, one);
        const stored: StoredPlan = { name: one.name, folder: one.folder, spec: one.spec };
        changes.push(...(await change(key, stored)));
      }
      const members = plans.map((one) => [one.name, one.revision]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
      const planSet = createHash("sha256").update(JSON.stringify(members)).digest("hex").slice(0, 16);
      changes.push(...(await change(`set/${planSet}`, members)));
      if (changes.length > 0) await bus.commit({ state: changes });
      return planSet;
    },
    async set(planSet) {
      const members = (await read(`set/${planSet}`)) as readonly (readonly [string, string])[] | undefined;
      if (members === undefined) return undefined;
      const plans = await Promise.all(members.map(([sensor, revision]) => plan(sensor, revision)));
      return plans.filter((found) => found !== undefined);
    },
  };
}

/** A trigger of a plan by the name that its firings carry: its own, that of a `dlqTrigger`, or that of a notification. */
export function triggerOf(plan: SensorPlan, name: string, dlq: boolean): TriggerPlan | undefined {
  if (!dlq)
    return plan.triggers.find((trigger) => trigger.name === name) ?? waysOf(plan).find((way) => way.name === name);
  return plan.triggers.find((trigger) => trigger.dlqTrigger?.name === name)?.dlqTrigger;
}

/** How the notifications of a plan are told. */
export function waysOf({ notifications }: SensorPlan): readonly TriggerPlan[] {
  return notifications.flatMap(({ trigger, target }) => [trigger, ...(target?.ways.values() ?? [])]);
}
