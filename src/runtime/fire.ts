import type { Claimed } from "../bus/bus.ts";
import type { EgressPolicy } from "../kit/egress.ts";
import type { Call, Cluster, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Values } from "../manifests/values.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import type { BatchParts } from "./batch.ts";
import type { Breakers } from "./breaker.ts";
import type { Clients } from "./clients.ts";
import { type Cause, causeOf, type PutParts, put } from "./put.ts";
import type { SpanBook } from "./span-book.ts";
import type { TargetWatch } from "./target-watch.ts";
import { contextOfCall } from "./trace-of-call.ts";

/** What acting needs of the runtime. */
export interface ActParts extends PutParts {
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  readonly clients: Clients;
  readonly values: Values;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** What all triggers may connect to. */
  readonly egress: EgressPolicy;
  readonly cluster: Cluster | undefined;
  readonly breakers: Breakers;
  /** Takes secrets out of what is kept of a failure: targets repeat in their answers what they were sent. */
  readonly clean: (text: string) => string;
  /** Where calls tell of their parts. */
  readonly spans: SpanBook;
}

/** The calls of one trigger: each on a leased client, with its outcome told to whoever watches the target. */
export function createFire(
  parts: ActParts,
  made: {
    readonly plan: SensorPlan;
    readonly trigger: TriggerPlan;
    readonly type: Trigger<unknown, unknown> | undefined;
    /** Where all firings have the same configuration. */
    readonly fixed: { readonly config: unknown } | undefined;
    readonly target: TargetWatch;
  },
): BatchParts["fire"] {
  const { plan, trigger, type, fixed, target } = made;
  const connectionOf = (config: unknown): string => type?.connectionKey?.(config) ?? JSON.stringify(config);
  const fixedConnection = fixed === undefined ? undefined : connectionOf(fixed.config);
  return async (resolved, { firing, others = [], ...of }, signal) => {
    if (type === undefined) throw unsupported(trigger);
    // a connection is for all that need it: one attempt's timeout must not end it
    const shared = resolved.signal === signal ? resolved : { ...resolved, signal };
    const leased = parts.clients.lease(type, fixedConnection ?? connectionOf(resolved.config), shared);
    const lease = leased instanceof Promise ? await leased : leased;
    try {
      const { trace, emit } = aboutFiring(parts, [firing, ...others], {
        attempt: of.attempt,
        long: type.longRunning === true,
        signal,
      });
      const outcome = await type.fire({
        ...resolved,
        ...of,
        client: lease.client,
        sensor: plan.name,
        trigger: trigger.name,
        trace,
        emit,
      });
      target.succeeded(resolved.config, of.key, outcome);
      return outcome;
    } catch (error) {
      target.failed(resolved.config, of.key, error);
      throw error;
    } finally {
      const closing = lease.giveBack();
      if (closing !== undefined) await closing;
    }
  };
}

/** The failure of a trigger whose type is known and has no connector. */
export function unsupported({ kind }: Pick<TriggerPlan, "kind">): TideError {
  return new TideError("TRIGGER_UNSUPPORTED", `there is no trigger type ${kind} yet`);
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
