import type { Outcome, Trigger } from "../kit/trigger.ts";
import type { TriggerPlan } from "../sensors/plan.ts";
import { type Breakers, downBy, downByStatus } from "./breaker.ts";

/** The circuit breaker as one trigger meets it. */
export interface TargetWatch {
  /** A call to the target of this configuration came to an answer. `by`: the firing. */
  succeeded(config: unknown, by: string, outcome: Outcome): void;
  /** It came to none. */
  failed(config: unknown, by: string, error: unknown): void;
  /**
   * How long a call has to wait because its target is down; undefined: it may be made. `configOf` is asked only where
   * some target is down and the configuration is not the same for all firings.
   */
  mustWait(configOf: () => Promise<unknown>): Promise<number | undefined> | number | undefined;
}

export function createTargetWatch(of: {
  readonly breakers: Breakers;
  readonly trigger: TriggerPlan;
  readonly type: Trigger<unknown, unknown> | undefined;
  /** Where all firings have the same. */
  readonly fixed: { readonly config: unknown } | undefined;
}): TargetWatch {
  const { breakers, trigger, type } = of;
  const { breaker: plan, policy } = trigger;
  if (plan === undefined || (type?.target ?? type?.connectionKey) === undefined) return unwatched;
  const targetOf = (config: unknown): string =>
    type?.target?.(config) ?? `${trigger.kind} ${type?.connectionKey?.(config)}`.slice(0, longestName);
  const fixed = of.fixed === undefined ? undefined : targetOf(of.fixed.config);
  const admit = async (configOf: () => Promise<unknown>): Promise<number | undefined> => {
    try {
      return breakers.admit(targetOf(await configOf()));
    } catch {
      // the attempt fails the same way, and says so
      return undefined;
    }
  };
  return {
    succeeded(config, by, outcome) {
      const error = downByStatus(outcome, policy?.allow);
      if (error !== undefined) breakers.failed(fixed ?? targetOf(config), { by, plan, error });
      else if (!breakers.allWell) breakers.succeeded(fixed ?? targetOf(config));
    },
    failed(config, by, cause) {
      const error = downBy(cause);
      if (error !== undefined) breakers.failed(fixed ?? targetOf(config), { by, plan, error });
    },
    mustWait(configOf) {
      if (breakers.allClosed) return undefined;
      return fixed === undefined ? admit(configOf) : breakers.admit(fixed);
    },
  };
}

/** A connection key may be long. */
const longestName = 200;

const unwatched: TargetWatch = { succeeded: () => undefined, failed: () => undefined, mustWait: () => undefined };
