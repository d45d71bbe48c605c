import type { Claimed } from "../bus/bus.ts";
import type { Egress } from "../kit/egress.ts";
import type { ConnectContext, Outcome } from "../kit/trigger.ts";
import { isTide } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { withTimeout } from "./attempt-timeout.ts";
import { type BatchParts, createBatch, type Failed } from "./batch.ts";
import { egressOf } from "./egress-of.ts";
import { type ActParts, createFire, unsupported } from "./fire.ts";
import { labelsOf } from "./policy.ts";
import { type Refit, refit } from "./refit.ts";
import { createResolver, type ResolvedFiring } from "./resolve.ts";
import { loadSdk } from "./sdk.ts";
import { createTargetWatch } from "./target-watch.ts";
import { afterFailure, doneWith, judge, type Verdict } from "./verdict.ts";

/** One trigger of one plan, made ready to act: what does not change between firings is worked out once. */
export interface Actor {
  readonly plan: SensorPlan;
  readonly trigger: TriggerPlan;
  /** What a firing that is marked invalid may do. */
  refit(firing: Claimed): Refit;
  /** How long the call of these firings has to wait because its target is down; undefined: it may be made. */
  mustWait(firings: readonly Claimed[], signal: AbortSignal): Promise<number | undefined> | number | undefined;
  /** What its type does before the first firing, where no event changes its settings. Rejects as the firing would. */
  prepare(signal: AbortSignal): Promise<void>;
  /**
   * One call, judged: a verdict for each firing, in their order. Never throws. More than one firing only where the
   * trigger has `batch`.
   */
  attempt(firings: readonly Claimed[], signal: AbortSignal): Promise<readonly Verdict[]>;
}

/** The actor of a trigger; that of a type without a connector fails each attempt with TRIGGER_UNSUPPORTED. */
export function createActor(parts: ActParts, plan: SensorPlan, trigger: TriggerPlan): Actor {
  const type = parts.triggers.get(trigger.kind);
  const names = { sensorName: plan.name, triggerName: trigger.name, triggerType: trigger.kind };
  const log = parts.log.child(names);
  const resolver = type === undefined ? undefined : createResolver(type, trigger);
  const { fixed } = resolver ?? {};
  const target = createTargetWatch({ breakers: parts.breakers, trigger, type, fixed });
  const egress = egressOf(parts.egress, { plan, trigger, type });
  const contextOf = contextFor(parts, { plan, log, egress, fixed });
  const resolve = (firing: Claimed, signal: AbortSignal): ResolvedFiring | Promise<ResolvedFiring> => {
    if (resolver === undefined) throw unsupported(trigger);
    const events = new Map<string, Event>();
    for (const { dependency, event } of firing.loaded) events.set(dependency, event);
    return resolver.resolve({ id: firing.id, madeUs: firing.madeUs, events }, (config) => contextOf(config, signal));
  };
  const fire = createFire(parts, { plan, trigger, type, fixed, target });
  const limits = { clock: parts.clock, timeoutMs: trigger.timeoutMs };
  const failed: Failed = (firings, error, status) => {
    const random = parts.random();
    return firings.map(({ attempts }) =>
      afterFailure(trigger, {
        ...{ error, attempt: attempts + 1, random, clean: parts.clean },
        ...(status === undefined ? {} : { status }),
      }),
    );
  };
  const complain = (error: unknown, firing: Claimed): void => {
    if (!isTide(error)) log.error({ err: error, firing: firing.id }, "a trigger threw what it should have named");
  };
  const shared: BatchParts = { trigger, limits, resolve, fire, failed, complain };
  const attempt = trigger.batch === undefined ? createSingle(parts, shared) : createBatch(shared);
  return {
    plan,
    trigger,
    refit: (firing) => refit(firing, { plan, trigger }),
    prepare: async (signal) => {
      if (fixed !== undefined) await type?.prepare?.(contextOf(fixed.config, signal));
    },
    mustWait: ([firing], signal) =>
      firing === undefined ? undefined : target.mustWait(async () => (await resolve(firing, signal)).config),
    attempt: (firings, signal) => (firings.length === 0 ? Promise.resolve([]) : attempt(firings, signal)),
  };
}

/** One call for one firing: the first of those given, which are no more without `batch`. */
function createSingle(parts: ActParts, { trigger, limits, resolve, fire, failed, complain }: BatchParts) {
  return async ([firing]: readonly Claimed[], signal: AbortSignal): Promise<readonly Verdict[]> => {
    if (firing === undefined) return [];
    try {
      const outcome = await withTimeout(limits, signal, async (limited, deadline) => {
        const resolving = resolve(firing, limited);
        const resolved = resolving instanceof Promise ? await resolving : resolving;
        const of = { firing, key: firing.id, attempt: firing.attempts + 1, ...deadline };
        const outcome = await fire(resolved, of, signal);
        if (trigger.policy?.k8s !== undefined) await seeLabels(parts, trigger, { outcome, signal: limited });
        return outcome;
      });
      const failure = judge(trigger, outcome);
      return failure === undefined ? [doneWith(outcome.status)] : failed([firing], failure, outcome.status);
    } catch (error) {
      complain(error, firing);
      return failed([firing], error);
    }
  };
}

/** What connecting, preparing and resolving get. */
function contextFor(
  parts: ActParts,
  of: {
    readonly plan: SensorPlan;
    readonly log: Log;
    readonly egress: (config: unknown) => Egress;
    /** Where all firings have the same configuration. */
    readonly fixed: { readonly config: unknown } | undefined;
  },
) {
  const { plan, log, egress, fixed } = of;
  const { namespace, folder } = plan;
  const { clock, cluster } = parts;
  const secret: ConnectContext<unknown>["secret"] = (ref) => parts.values.secret(namespace, ref);
  const configMap: ConnectContext<unknown>["configMap"] = (ref) => parts.values.configMap(namespace, ref);
  const keep: ConnectContext<unknown>["keep"] = (name, open) => parts.clients.keep(name, open);
  const fixedEgress = fixed === undefined ? undefined : egress(fixed.config);
  return (config: unknown, signal: AbortSignal): ConnectContext<unknown> => ({
    config,
    namespace,
    folder,
    signal,
    log,
    clock,
    secret,
    configMap,
    sdk: loadSdk,
    keep,
    egress: fixedEgress ?? egress(config),
    cluster,
  });
}

/** Waits for the labels of `policy.k8s`, where the call made an object. Rejects when they do not come. */
async function seeLabels(
  { clock, random, cluster }: ActParts,
  { policy }: TriggerPlan,
  { outcome, signal }: { readonly outcome: Outcome; readonly signal: AbortSignal },
): Promise<void> {
  const labels = policy?.k8s;
  if (labels === undefined || outcome.object === undefined || cluster === undefined) return;
  await labelsOf(outcome.object, labels, { cluster, clock, random, signal });
}
