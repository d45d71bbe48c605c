import { codes } from "../lib/codes/index.ts";
import { isTide } from "../lib/errors.ts";
import { readTarget, type Target } from "./notify-allow.ts";
import type { FailureData } from "./notify-failure.ts";
import { createPrograms, type FiringEvents, type ParametersContext, resolveParameter } from "./parameters.ts";
import type { OwnTargetPlan, TriggerPlan } from "./plan.ts";

/** Where a notification goes: to the template's own target unless `way` is given. */
export interface TargetChoice {
  readonly way?: TriggerPlan;
  readonly target?: Target;
  /** The event names a target that may not be used. */
  readonly refused?: NonNullable<FailureData["targetRefused"]>;
}

/**
 * The target that the events name, where they name one. One that is not on the list is refused: then the template's own
 * target is told, and what it is told says so. Pure; never throws.
 */
export function chooseTarget(
  plan: OwnTargetPlan | undefined,
  events: FiringEvents,
  cx: Omit<ParametersContext, "programs">,
): TargetChoice {
  if (plan === undefined) return {};
  const given = namedBy(plan, events, cx);
  if (given === undefined || given === "") return {};
  const target = readTarget(given);
  const refuse = (shown: string, reason: string): TargetChoice => ({
    refused: { target: shown, code: codes.NOTIFY_TARGET_REFUSED.id, reason },
  });
  if ("refused" in target) return refuse(target.shown, target.refused);
  if (!plan.allow.some((entry) => entry.allows(target))) return refuse(target.shown, "it is not on the allow-list");
  const way = plan.ways.get(target.kind);
  if (way === undefined)
    return refuse(target.shown, `the notification has no settings for targets of type ${target.kind}`);
  return { way, target };
}

/** undefined where the events have none. */
function namedBy({ from }: OwnTargetPlan, events: FiringEvents, cx: Omit<ParametersContext, "programs">) {
  try {
    const found = resolveParameter(from, events, { ...cx, programs: createPrograms() });
    return found?.value === "null" && !found.text ? undefined : found?.value;
  } catch (error) {
    if (isTide(error, "PARAMETER_UNRESOLVED")) return undefined;
    throw error;
  }
}
