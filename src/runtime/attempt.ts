import type { Claimed } from "../bus/bus.ts";
import type { Call, Cluster, ConnectContext, Parameter, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { isTide, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { Log } from "../lib/log.ts";
import type { Values } from "../manifests/values.ts";
import { seededRandom } from "../sensors/filters/random.ts";
import { member } from "../sensors/json.ts";
import {
  applyParameters,
  buildPayload,
  createPrograms,
  type ParametersContext,
  resolveParameters,
} from "../sensors/parameters.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import type { Clients } from "./clients.ts";
import { loadSdk } from "./sdk.ts";
import { afterFailure, judge, type Verdict } from "./verdict.ts";

/** What acting needs of the runtime. */
export interface ActParts {
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  readonly clients: Clients;
  readonly values: Values;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly cluster: Cluster | undefined;
}

/** One trigger of one plan, made ready to act: what does not change between firings is worked out once. */
export interface Actor {
  readonly trigger: TriggerPlan;
  /** One attempt of a firing, judged. Never throws. */
  attempt(firing: Claimed, signal: AbortSignal): Promise<Verdict>;
}

export function createActor(parts: ActParts, plan: SensorPlan, trigger: TriggerPlan): Actor {
  const type = parts.triggers.get(trigger.kind);
  const log = parts.log.child({
    namespace: plan.namespace,
    sensorName: plan.name,
    triggerName: trigger.name,
    triggerType: trigger.kind,
  });
  const programs = createPrograms();
  const plain = configOf(trigger, trigger.template);
  const connectionOf = (config: unknown): string => type?.connectionKey?.(config) ?? JSON.stringify(config);
  const plainConnection =
    plain.parameters.length === 0 && trigger.parameters.length === 0 ? connectionOf(plain.config) : undefined;
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
    cluster: parts.cluster,
  });

  const act = async (
    firing: Claimed,
    signal: AbortSignal,
  ): Promise<{ readonly status?: number; readonly failure?: TideError }> => {
    if (type === undefined) throw new TideError("TRIGGER_UNSUPPORTED", `there is no trigger type ${trigger.kind} yet`);
    const events = new Map<string, Event>(firing.loaded.map(({ dependency, event }) => [dependency, event]));
    const cx: ParametersContext = { nowMs: firing.madeUs / 1000, random: randomOf(firing.id), programs };
    const application = { events, cx };
    const resolved =
      trigger.parameters.length === 0
        ? plain
        : configOf(trigger, applyParameters(trigger.template, trigger.parameters, application));
    const shaped = type.resource === undefined && resolved.parameters.length > 0;
    const config = shaped
      ? JSON.parse(applyParameters(JSON.stringify(resolved.config), resolved.parameters, application))
      : resolved.config;
    const context = contextOf(config, signal);
    const fetched = await type.resource?.(context);
    const resource = fetched === undefined ? undefined : applyParameters(fetched, resolved.parameters, application);
    const payload = payloadOf(config);
    const leased = parts.clients.lease(type, plainConnection ?? connectionOf(config), context);
    const lease = leased instanceof Promise ? await leased : leased;
    const call: Call<unknown, unknown> = {
      ...context,
      client: lease.client,
      sensor: plan.name,
      trigger: trigger.name,
      resource,
      payload: payload === undefined ? undefined : buildPayload(payload, application),
      events,
      key: firing.id,
      attempt: firing.attempts + 1,
      resolve: (parameters) => resolveParameters(parameters, application),
    };
    try {
      const outcome = await type.fire(call);
      const failure = judge(trigger, outcome);
      return {
        ...(outcome.status === undefined ? {} : { status: outcome.status }),
        ...(failure === undefined ? {} : { failure }),
      };
    } finally {
      await lease.giveBack();
    }
  };

  return {
    trigger,
    async attempt(firing, signal) {
      const attempt = firing.attempts + 1;
      try {
        const { status, failure } = await act(firing, signal);
        if (failure === undefined)
          return { outcome: "done", status: status === undefined ? undefined : String(status) };
        return afterFailure(trigger, {
          error: failure,
          attempt,
          random: parts.random(),
          ...(status === undefined ? {} : { status }),
        });
      } catch (error) {
        if (!isTide(error)) log.error({ err: error, firing: firing.id }, "a trigger threw what it should have named");
        return afterFailure(trigger, { error, attempt, random: parts.random() });
      }
    },
  };
}

/** The type's own configuration inside a template, and its type-level parameters. */
function configOf(
  trigger: TriggerPlan,
  template: string,
): { readonly config: unknown; readonly parameters: readonly Parameter[] } {
  const parsed: unknown = JSON.parse(template);
  const config: unknown = member(parsed, trigger.kind) ?? {};
  const parameters = member(config, "parameters");
  return { config, parameters: Array.isArray(parameters) ? (parameters as Parameter[]) : [] };
}

function payloadOf(config: unknown): readonly Parameter[] | undefined {
  const payload = member(config, "payload");
  return Array.isArray(payload) ? (payload as Parameter[]) : undefined;
}

/** Randomness of a firing's templates: the same at each attempt. */
function randomOf(firing: string): () => number {
  return seededRandom(Number.parseInt(firing.slice(0, 8), 16) || 1, 0);
}
