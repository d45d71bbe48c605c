import type { Call, ConnectContext, Parameter, Trigger } from "../kit/trigger.ts";
import type { Event } from "../lib/event.ts";
import { seededRandom } from "../sensors/filters/random.ts";
import { member } from "../sensors/json.ts";
import { failureName } from "../sensors/notify-failure.ts";
import {
  applyParameters,
  buildPayload,
  createPrograms,
  type ParametersContext,
  resolveParameters,
} from "../sensors/parameters.ts";
import type { TriggerPlan } from "../sensors/plan.ts";

/** What of a firing its parameters see. */
export interface ResolvableFiring {
  readonly id: string;
  readonly madeUs: number;
  /** By dependency, as transformed. */
  readonly events: ReadonlyMap<string, Event>;
}

/** A firing with its parameters at all three levels applied: everything of a call but its connection. */
export type ResolvedFiring = ConnectContext<unknown> &
  Pick<Call<unknown, unknown>, "resource" | "payload" | "events" | "resolve">;

/**
 * The parameters of one trigger (reference 3.7), for attempts and for `eval` and `test` alike: what does not change
 * between firings is worked out once.
 */
export interface Resolver {
  /** The configuration, the same object at each firing, where no parameter can change it. */
  readonly fixed: { readonly config: unknown } | undefined;
  /**
   * In the order of the reference: the template, the fetched object or the type's own configuration, the payload.
   * `contextOf` gives the context for the configuration. At once where nothing is fetched. Throws (or rejects with)
   * PARAMETER_UNRESOLVED, or what fetching throws.
   */
  resolve(firing: ResolvableFiring, contextOf: ContextOf): ResolvedFiring | Promise<ResolvedFiring>;
}

export type ContextOf = (config: unknown) => ConnectContext<unknown>;

export function createResolver(type: Pick<Trigger<unknown, unknown>, "resource">, trigger: TriggerPlan): Resolver {
  const programs = createPrograms(trigger.env === undefined ? {} : { env: trigger.env });
  const plain = configOf(trigger, trigger.template);
  return {
    fixed: plain.parameters.length === 0 && trigger.parameters.length === 0 ? { config: plain.config } : undefined,
    resolve({ id, madeUs, events }, contextOf) {
      const cx: ParametersContext = { nowMs: madeUs / 1000, random: randomOf(id), programs };
      const application = { events, cx };
      const resolved =
        trigger.parameters.length === 0
          ? plain
          : configOf(trigger, applyParameters(trigger.template, trigger.parameters, application));
      const shaped = type.resource === undefined && resolved.parameters.length > 0;
      const config = shaped
        ? JSON.parse(applyParameters(JSON.stringify(resolved.config), resolved.parameters, application))
        : resolved.config;
      const context = contextOf(config);
      const made = (fetched: string | undefined): ResolvedFiring => {
        const payload = payloadOf(config);
        return {
          ...context,
          resource: fetched === undefined ? undefined : applyParameters(fetched, resolved.parameters, application),
          payload: payload === undefined ? undefined : buildPayload(payload, application),
          events: sent(trigger, events),
          resolve: (parameters) => resolveParameters(parameters, application),
        };
      };
      return type.resource === undefined ? made(undefined) : type.resource(context).then(made);
    },
  };
}

/**
 * The events that a trigger sends where its manifest says nothing else. The failure that a `dlqTrigger` is told of is for its
 * parameters alone: the dead message is the message that failed.
 */
function sent(trigger: TriggerPlan, events: ReadonlyMap<string, Event>): ReadonlyMap<string, Event> {
  if (trigger.path.at(-1) !== "dlqTrigger" || events.get(failureName)?.subject !== failureName) return events;
  return new Map([...events].filter(([dependency]) => dependency !== failureName));
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
