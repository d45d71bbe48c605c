import type { Claimed } from "../bus/bus.ts";
import type { Call, Cluster, ConnectContext, Outcome, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { isTide, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { Values } from "../manifests/values.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { withTimeout } from "./attempt-timeout.ts";
import { createBatch, type Failed, type FireOf } from "./batch.ts";
import type { Breakers } from "./breaker.ts";
import type { Clients } from "./clients.ts";
import { labelsOf } from "./policy.ts";
import { type Cause, causeOf, type PutParts, put } from "./put.ts";
import { type Refit, refit } from "./refit.ts";
import { createResolver, type ResolvedFiring } from "./resolve.ts";
import { loadSdk } from "./sdk.ts";
import type { SpanBook } from "./span-book.ts";
import { createTargetWatch } from "./target-watch.ts";
import { contextOfCall } from "./trace-of-call.ts";
import { afterFailure, doneWith, judge, type Verdict } from "./verdict.ts";

/** What acting needs of the runtime. */
export interface ActParts extends PutParts {
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  readonly clients: Clients;
  readonly values: Values;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly cluster: Cluster | undefined;
  readonly breakers: Breakers;
  /** Where calls tell of their parts. */
  readonly spans: SpanBook;
}

/** One trigger of one plan, made ready to act: what does not change between firings is worked out once. */
export interface Actor {
  readonly plan: SensorPlan;
  readonly trigger: TriggerPlan;
  /** What a firing that is marked invalid may do. */
  refit(firing: Claimed): Refit;
  /** How long the call of these firings has to wait because its target is down; undefined: it may be made. */
  mustWait(firings: readonly Claimed[], signal: AbortSignal): Promise<number | undefined> | undefined;
  /** What its type does before the first firing, where no event changes its settings. Rejects as the firing would. */
  prepare(signal: AbortSignal): Promise<void>;
  /**
   * One call, judged: a verdict for each firing, in their order. Never throws. More than one firing only where the
   * trigger has `batch`.
   */
  attempt(firings: readonly Claimed[], signal: AbortSignal): Promise<readonly Verdict[]>;
}

export function createActor(parts: ActParts, plan: SensorPlan, trigger: TriggerPlan): Actor {
  const type = parts.triggers.get(trigger.kind);
  const names = { sensorName: plan.name, triggerName: trigger.name, triggerType: trigger.kind };
  const log = parts.log.child(names);
  const resolver = type === undefined ? undefined : createResolver(type, trigger);
  const connectionOf = (config: unknown): string => type?.connectionKey?.(config) ?? JSON.stringify(config);
  const { fixed } = resolver ?? {};
  const fixedConnection = fixed === undefined ? undefined : connectionOf(fixed.config);
  const target = createTargetWatch({ breakers: parts.breakers, trigger, type, fixed });
  const contextOf = (config: unknown, signal: AbortSignal): ConnectContext<unknown> => ({
    config,
    namespace: plan.namespace,
    folder: plan.folder,
    signal,
    log,
    clock: parts.clock,
    secret: (ref) => parts.values.secret(plan.namespace, ref),
    configMap: (ref) => parts.values.configMap(plan.namespace, ref),
    sdk: loadSdk,
    keep: (name, open) => parts.clients.keep(name, open),
    cluster: parts.cluster,
  });

  const resolve = (firing: Claimed, signal: AbortSignal): Promise<ResolvedFiring> => {
    if (resolver === undefined)
      throw new TideError("TRIGGER_UNSUPPORTED", `there is no trigger type ${trigger.kind} yet`);
    const events = new Map<string, Event>(firing.loaded.map(({ dependency, event }) => [dependency, event]));
    const { id, madeUs } = firing;
    return resolver.resolve({ id, madeUs, events }, (config) => contextOf(config, signal));
  };
  const fire = async (
    resolved: ResolvedFiring,
    { firing, others = [], ...of }: FireOf,
    signal: AbortSignal,
  ): Promise<Outcome> => {
    if (type === undefined) throw new TideError("TRIGGER_UNSUPPORTED", `there is no trigger type ${trigger.kind} yet`);
    // a connection is for all that need it: one attempt's timeout must not end it
    const shared = resolved.signal === signal ? resolved : { ...resolved, signal };
    const leased = parts.clients.lease(type, fixedConnection ?? connectionOf(resolved.config), shared);
    const lease = leased instanceof Promise ? await leased : leased;
    try {
      const about = aboutFiring(parts, [firing, ...others], {
        attempt: of.attempt,
        long: type.longRunning === true,
        signal,
      });
      const call = { client: lease.client, sensor: plan.name, trigger: trigger.name, ...about, ...of };
      const outcome = await type.fire({ ...resolved, ...call });
      target.ended(resolved.config, of.key, { outcome });
      return outcome;
    } catch (error) {
      target.ended(resolved.config, of.key, { error });
      throw error;
    } finally {
      await lease.giveBack();
    }
  };
  const limits = { clock: parts.clock, timeoutMs: trigger.timeoutMs };
  const failed: Failed = (firings, error, status) => {
    const random = parts.random();
    return firings.map(({ attempts }) =>
      afterFailure(trigger, { error, attempt: attempts + 1, random, ...(status === undefined ? {} : { status }) }),
    );
  };
  const watched = async ({ object }: Outcome, signal: AbortSignal): Promise<void> => {
    const labels = trigger.policy?.k8s;
    if (labels === undefined || object === undefined || parts.cluster === undefined) return;
    const { clock, random, cluster } = parts;
    await labelsOf(object, labels, { cluster, clock, random, signal });
  };
  const complain = (error: unknown, firing: Claimed): void => {
    if (!isTide(error)) log.error({ err: error, firing: firing.id }, "a trigger threw what it should have named");
  };
  /** One call for one firing, or for a batch; the verdicts in the order of the firings. */
  const one = async (firing: Claimed, signal: AbortSignal): Promise<readonly Verdict[]> => {
    try {
      const outcome = await withTimeout(limits, signal, async (limited, deadline) => {
        const resolved = await resolve(firing, limited);
        const of = { firing, key: firing.id, attempt: firing.attempts + 1, ...deadline };
        const outcome = await fire(resolved, of, signal);
        await watched(outcome, limited);
        return outcome;
      });
      const failure = judge(trigger, outcome);
      return failure === undefined ? [doneWith(outcome.status)] : failed([firing], failure, outcome.status);
    } catch (error) {
      complain(error, firing);
      return failed([firing], error);
    }
  };
  const batch = createBatch({ trigger, limits, resolve, fire, failed, complain });

  return {
    plan,
    trigger,
    refit: (firing) => refit(firing, { plan, trigger }),
    prepare: async (signal) => {
      if (fixed !== undefined) await type?.prepare?.(contextOf(fixed.config, signal));
    },
    mustWait: ([firing], signal) =>
      firing === undefined ? undefined : target.mustWait(async () => (await resolve(firing, signal)).config),
    attempt: (firings, signal) => {
      const [firing] = firings;
      if (firing === undefined) return Promise.resolve([]);
      return trigger.batch === undefined ? one(firing, signal) : batch(firings, signal);
    },
  };
}

/** What a call may do with the firings it is made for. */
function aboutFiring(
  parts: PutParts & Pick<ActParts, "spans">,
  firings: readonly [Claimed, ...Claimed[]],
  { attempt, long, signal }: { readonly attempt: number; readonly long: boolean; readonly signal: AbortSignal },
): Pick<Call<unknown, unknown>, "trace" | "emit"> {
  const [first, ...others] = firings;
  const trace = parts.spans.open(first, { n: attempt, long });
  const cause = (firing: Claimed): Cause => causeOf(firing, contextOfCall(firing, firing.attempts + 1));
  return {
    trace,
    emit: (drafts) => put(parts, { causes: [causeOf(first, trace.context), ...others.map(cause)], signal }, drafts),
  };
}
