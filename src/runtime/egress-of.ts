import { createEgress, type Egress, type EgressPolicy } from "../kit/egress.ts";
import type { Trigger } from "../kit/trigger.ts";
import { member } from "../sensors/json.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";

/**
 * The guard of a trigger's connections, by the configuration of a firing: where a parameter made it name another place than
 * its manifest does, an event steers it. A notification's target that events name is not meant: its own allow-list is asked
 * before, and says of private places that they are to be written out.
 */
export function egressOf(
  policy: EgressPolicy,
  of: {
    readonly plan: Pick<SensorPlan, "egress" | "notifications">;
    readonly trigger: TriggerPlan;
    readonly type: Pick<Trigger<unknown, unknown>, "reaches"> | undefined;
  },
): (config: unknown) => Egress {
  const { plan, trigger, type } = of;
  const allow = plan.egress;
  const written = createEgress(policy, { allow });
  if (type?.reaches === undefined || isNotified(plan, trigger)) return () => written;
  const steered = createEgress(policy, { allow, steered: "event" });
  const known = new Set(placesOf(type, member(JSON.parse(trigger.template), trigger.kind) ?? {}) ?? []);
  // what no parameter changes is the same object at each firing: looked at once
  let last: { readonly config: unknown; readonly egress: Egress } | undefined;
  return (config) => {
    if (last !== undefined && last.config === config) return last.egress;
    const egress = placesOf(type, config)?.every((place) => known.has(place)) === true ? written : steered;
    last = { config, egress };
    return egress;
  };
}

/** undefined: what a parameter made is no configuration, and fails by itself. */
function placesOf(type: Pick<Trigger<unknown, unknown>, "reaches">, config: unknown): readonly string[] | undefined {
  try {
    return type.reaches?.(config);
  } catch {
    return undefined;
  }
}

function isNotified({ notifications }: Pick<SensorPlan, "notifications">, trigger: TriggerPlan): boolean {
  return notifications.some(({ target }) => [...(target?.ways.values() ?? [])].includes(trigger));
}
