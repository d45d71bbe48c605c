import { createEgress, localPolicy } from "../kit/egress.ts";
import type { Rendered, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import type { SensorPlan, TriggerPlan } from "../sensors/plan.ts";
import { revisionFor } from "./dead-letter-change.ts";
import type { Found } from "./dead-letter-scan.ts";
import { triggerOf } from "./plan-store.ts";
import { type ContextOf, createResolver } from "./resolve.ts";
import type { Runtime } from "./runtime.ts";
import { loadSdk } from "./sdk.ts";

interface Planned {
  readonly plan: SensorPlan;
  readonly trigger: TriggerPlan;
  readonly type: Trigger<unknown, unknown>;
}

/** The trigger that a retry would fire; undefined where its plan or its type is gone. */
async function plannedFor(
  { triggers }: Pick<Runtime, "triggers">,
  found: Found,
  current: boolean,
): Promise<Planned | undefined> {
  const revision = revisionFor(found, current);
  if (revision === undefined) return undefined;
  const { firing } = found.letter;
  const plan = await found.run.plans.plan(firing.sensor, revision);
  const dlq = found.run.queues().find(({ queue }) => queue === found.queue)?.dlq === true;
  const trigger = plan === undefined ? undefined : triggerOf(plan, firing.trigger, dlq);
  const type = trigger === undefined ? undefined : triggers.get(trigger.kind);
  return plan === undefined || trigger === undefined || type === undefined ? undefined : { plan, trigger, type };
}

/** Where a retry would go, such as `http api.example.com:443`; without a place where that depends on the event. */
export async function targetOfTrigger(
  runtime: Pick<Runtime, "triggers">,
  found: Found,
  current: boolean,
): Promise<string | undefined> {
  const planned = await plannedFor(runtime, found, current);
  if (planned === undefined) return undefined;
  const { trigger, type } = planned;
  try {
    const fixed = createResolver(type, trigger).fixed;
    const place = fixed === undefined ? undefined : type.target?.(fixed.config);
    return place === undefined ? trigger.kind : `${trigger.kind} ${place}`;
  } catch {
    // a configuration that is no address fails at the attempt, with its own words
    return trigger.kind;
  }
}

/** What a retry would send, without its secrets; absent where the type cannot show it. Why not, where it fails. */
export interface WouldSend {
  readonly kind: string;
  readonly rendered?: Rendered | undefined;
  readonly error?: string | undefined;
}

/** Shows what a retry with the original configuration would send; nothing is sent, and no Secret is read. */
export async function wouldSend(runtime: Pick<Runtime, "triggers">, found: Found): Promise<WouldSend | undefined> {
  const planned = await plannedFor(runtime, found, false);
  if (planned === undefined) return undefined;
  const { plan, trigger, type } = planned;
  const { kind } = trigger;
  // an object may stand at a URL: showing it must not need a network
  if (type.render === undefined || type.resource !== undefined) return { kind };
  const { id, madeUs } = found.letter.firing;
  const contextOf: ContextOf = (config) => ({
    config,
    namespace: plan.namespace,
    folder: plan.folder,
    signal: AbortSignal.timeout(longestMs),
    log: silentLog,
    clock: standing(madeUs / 1000),
    secret: () => Promise.resolve(hidden),
    configMap: () => Promise.resolve(hidden),
    sdk: loadSdk,
    keep: (_name, open) => open(),
    egress: createEgress(localPolicy, { allow: plan.egress }),
    cluster: undefined,
  });
  try {
    const events = new Map(found.letter.events.map(({ dependency, event }) => [dependency, event]));
    const resolved = await createResolver(type, trigger).resolve({ id, madeUs, events }, contextOf);
    return { kind, rendered: await type.render({ ...resolved, sensor: plan.name, trigger: trigger.name }) };
  } catch (error) {
    return { kind, error: messageOf(error) };
  }
}

/** What stands for the value of a Secret. */
const hidden = "***";
const longestMs = 2_000;

function standing(nowMs: number): Clock {
  return { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("a rendering does not wait")) };
}
