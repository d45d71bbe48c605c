import { createEgress, localPolicy } from "../kit/egress.ts";
import type { ConnectContext, RenderCall, Rendered, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { recordOf } from "../lib/json.ts";
import { silentLog } from "../lib/log.ts";
import type { Values } from "../manifests/values.ts";
import { type ContextOf, createResolver, type ResolvableFiring, type Resolver } from "../runtime/resolve.ts";
import { loadSdk } from "../runtime/sdk.ts";
import { member } from "../sensors/json.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { artifactKind } from "../triggers/artifact.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** The types that triggers are rendered by: what a connector is, or less where there is none yet. */
export type RenderType = Pick<Trigger<unknown, unknown>, "kind" | "resource" | "render"> &
  Partial<Pick<Trigger<unknown, unknown>, "config">>;

export interface RenderParts {
  readonly types: readonly RenderType[];
  readonly values: Values;
  /** Objects that stand at a URL, in S3 or in git are read; else they are named. */
  readonly fetch: boolean;
  /** As triggers get it at run time: caches of what is fetched. */
  readonly keep: ConnectContext<unknown>["keep"];
  readonly signal: AbortSignal;
}

/** Shows what a firing would send. Rejects with PARAMETER_UNRESOLVED, REQUEST_INVALID and their like. */
export type Renderer = (plan: SensorPlan, trigger: TriggerPlan, firing: ResolvableFiring) => Promise<Rendered>;

/** What stands for the value of a secret, which no answer may show. */
const hidden = "***";

/**
 * Firings as their targets would see them, by the code that resolves and sends them, without a connection. Secrets are
 * `***`, whether they are known or not.
 */
export function createRenderer({ types, values, fetch, keep, signal }: RenderParts): Renderer {
  const byKind = new Map(types.map((type) => [type.kind, shownType(type, fetch)]));
  const resolvers = new Map<TriggerPlan, Resolver>();
  return async (plan, trigger, firing) => {
    const type = byKind.get(trigger.kind) ?? shownType({ kind: trigger.kind }, fetch);
    const resolver = resolvers.get(trigger) ?? createResolver(type, trigger);
    resolvers.set(trigger, resolver);
    const contextOf: ContextOf = (config) => ({
      config,
      namespace: plan.namespace,
      folder: plan.folder,
      signal,
      log: silentLog,
      clock: standing(firing.madeUs / 1000),
      secret: (ref) => values.secret(plan.namespace, ref),
      configMap: (ref) => values.configMap(plan.namespace, ref),
      sdk: loadSdk,
      keep,
      egress: createEgress(localPolicy, { allow: plan.egress }),
      cluster: undefined,
    });
    const resolved = await resolver.resolve(firing, contextOf);
    return renderCall(type, { ...resolved, sensor: plan.name, trigger: trigger.name });
  };
}

/** What one call would send. The values of its Secrets are not asked for; of a ConfigMap that is nowhere, neither. */
export async function renderCall(type: RenderType, call: RenderCall<unknown>): Promise<Rendered> {
  const shown: RenderCall<unknown> = {
    ...call,
    secret: () => Promise.resolve(hidden),
    configMap: (ref) => call.configMap(ref).catch(() => hidden),
  };
  if (type.render !== undefined) return type.render(shown);
  if (call.resource !== undefined) return { resource: JSON.parse(call.resource) as unknown };
  const { payload } = call;
  const config = withoutSecrets(call.config, type.config);
  return payload === undefined ? config : { ...config, payload: new TextDecoder().decode(payload) };
}

/** The type with its object read from where reading needs no network. */
export function shownType(type: RenderType, fetch: boolean): RenderType {
  const read = type.resource;
  if (read === undefined) return type;
  return {
    ...type,
    resource(cx) {
      const remote = remoteOf(member(cx.config, "source"));
      if (remote === undefined || fetch) return read(cx);
      throw new TideError("ARTIFACT_UNREADABLE", `its object stands in ${remote} and was not fetched`, {
        retry: "never",
      });
    },
  };
}

/** Which places of an object need a network. */
const remotePlaces: ReadonlySet<string> = new Set(["s3", "url", "git"]);

function remoteOf(source: unknown): string | undefined {
  const place = artifactKind(recordOf(source));
  return place !== undefined && remotePlaces.has(place) ? place : undefined;
}

function standing(nowMs: number): Clock {
  return {
    nowMs: () => nowMs,
    sleep: () => Promise.reject(new Error("a rendering does not wait")),
  };
}

/** Why a firing cannot be rendered, in a sentence. */
export function sayUnrendered(error: unknown): string {
  return `what it would send cannot be shown: ${messageOf(error)}`;
}
