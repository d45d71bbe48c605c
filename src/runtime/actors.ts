import type { Claimed } from "../bus/bus.ts";
import { type Actor, createActor } from "./attempt.ts";
import { triggerOf } from "./plan-store.ts";
import type { ActStageParts } from "./queue-run.ts";

/** Plans whose triggers are kept ready, of one queue: a manifest that is edited for months leaves a plan for each edit. */
const mostActors = 32;

/** At once where the plan was used before. */
export type ActorOf = (firing: Claimed) => Actor | undefined | Promise<Actor | undefined>;

/** The actor of a firing by the plan that made it; undefined where that plan is lost. `dlq`: of its `dlqTrigger`. */
export function createActors(parts: ActStageParts, dlq: boolean): ActorOf {
  const actors = new Map<string, Actor | undefined>();
  const make = async (firing: Claimed): Promise<Actor | undefined> => {
    const plan = await parts.plans.plan(firing.sensor, firing.revision);
    const trigger = plan === undefined ? undefined : triggerOf(plan, firing.trigger, dlq);
    const actor = plan === undefined || trigger === undefined ? undefined : createActor(parts, plan, trigger);
    actors.set(firing.revision, actor);
    const [oldest] = actors.keys();
    if (actors.size > mostActors && oldest !== undefined) actors.delete(oldest);
    return actor;
  };
  return (firing) => {
    const known = actors.get(firing.revision);
    return known !== undefined || actors.has(firing.revision) ? known : make(firing);
  };
}
