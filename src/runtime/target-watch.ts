import type { Outcome, Trigger } from "../kit/trigger.ts";
import type { TriggerPlan } from "../sensors/plan.ts";
import { type Breakers, downBy, downByStatus } from "./breaker.ts";

/** The circuit breaker as one trigger meets it. */
export interface TargetWatch {
  /** What a call to the target of this configuration came to. `by`: the firing. */
  ended(config: unknown, by: string, how: { readonly outcome: Outcome } | { readonly error: unknown }): void;
  /**
   * How long a call has to wait because its target is down; undefined: it may be made. `configOf` is asked only where
   * some target is down and the configuration is not the same for all firings.
   */
  mustWait(configOf: () => Promise<unknown>): Promise<number | undefined> | undefined;
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
  return {
    ended(config, by, how) {
      const target = fixed ?? targetOf(config);
      const error = "error" in how ? downBy(how.error) : downByStatus(how.outcome, policy?.allow);
      if (error !== undefined) breakers.failed(target, { by, plan, error });
      else if ("outcome" in how) breakers.succeeded(target);
    },
    async mustWait(configOf) {
      if (breakers.allClosed) return undefined;
      if (fixed !== undefined) return breakers.admit(fixed);
      try {
        return breakers.admit(targetOf(await configOf()));
      } catch {
        // the attempt fails the same way, and says so
        return undefined;
      }
    },
  };
}

/** A connection key may be long. */
const longestName = 200;

const unwatched: TargetWatch = { ended: () => undefined, mustWait: () => undefined };
