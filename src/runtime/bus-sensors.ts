import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../lib/clock.ts";
import { isNotifyQueue, queueOf } from "../sensors/firing-of.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { BusRun } from "./bus-run.ts";
import type { DecideStage } from "./decide.ts";
import { heldAt, nextBoundaryMs } from "./hold.ts";
import type { Pauses } from "./pauses.ts";
import type { PlanStore } from "./plan-store.ts";
import { type QueueWork, queuesOf } from "./queue-work.ts";
import type { QueueWorkers } from "./queue-workers.ts";

interface BusSensorsParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly pauses: Pauses;
  readonly plans: PlanStore;
  readonly decide: DecideStage;
  readonly workers: QueueWorkers;
}

/** The sensors of one bus as they are now: which decide, and which queues are worked. */
export interface BusSensors extends Pick<BusRun, "replan" | "hold" | "heldBy"> {
  readonly all: readonly SensorPlan[];
}

export function createBusSensors(parts: BusSensorsParts): BusSensors {
  const { namespace, bus, clock, pauses, decide, workers } = parts;
  let all: readonly SensorPlan[] = [];
  let byName: ReadonlyMap<string, SensorPlan> = new Map();
  let invalid: readonly string[] = [];
  /** What `decide` was given last. */
  let planned = "";
  const pausedOf = (plans: readonly SensorPlan[]): ReadonlySet<string> => {
    const names = plans.map((plan) => plan.name);
    return new Set(names.filter((name) => pauses.of({ kind: "sensor", namespace, names: [name] }) !== undefined));
  };
  const heldBy: BusRun["heldBy"] = (sensor, trigger) =>
    heldAt({ namespace, sensor, trigger, pauses, plan: byName.get(sensor), nowMs: clock.nowMs() });
  const work = (works: readonly QueueWork[]): void => {
    const held = works.filter(({ sensor, trigger }) => heldBy(sensor, trigger) !== undefined);
    workers.set(works, new Set(held.map(({ queue }) => queue)));
  };
  const replan: BusRun["replan"] = async (plans, without) => {
    const paused = pausedOf(plans);
    const wanted = JSON.stringify([plans.map(planName), without, [...paused]]);
    if (wanted === planned) return;
    const planSet = await parts.plans.keep(plans.filter((plan) => !paused.has(plan.name)));
    await decide.replan({ plans, invalid: without, paused, planSet });
    all = plans;
    byName = new Map(plans.map((plan) => [plan.name, plan]));
    invalid = without;
    planned = wanted;
    const own = new Map(plans.flatMap((plan) => queuesOf(plan, queueOf)).map((one) => [one.queue, one]));
    // looked for after the last firing that the old plans can make
    work(await withOthers(bus, own, workers.works));
  };
  return {
    get all() {
      return all;
    },
    replan,
    async hold() {
      await replan(all, invalid);
      work(workers.works);
      return nextBoundaryMs(all, clock.nowMs());
    },
    heldBy,
  };
}

/** What of a sensor makes it another one. */
function planName({ name, revision, folder }: SensorPlan): readonly string[] {
  return [name, revision, folder];
}

/**
 * And the queues of triggers that are no longer in the manifests, while they hold firings, which are still due (their plan
 * revision is kept for them), or dead letters, which may be tried again. A worker that has one goes on as it is.
 */
async function withOthers(
  bus: Bus,
  known: ReadonlyMap<string, QueueWork>,
  running: readonly QueueWork[],
): Promise<readonly QueueWork[]> {
  const others: QueueWork[] = [];
  for (const queue of await bus.queues()) {
    if (known.has(queue)) continue;
    const [sensor = "", trigger = ""] = queue.split("/", 2);
    const orphan: QueueWork = {
      queue,
      sensor: sensor.replace(/#(?:dlq|notify)$/, ""),
      trigger,
      dlq: sensor.endsWith("#dlq"),
      ...(isNotifyQueue(queue) ? { notify: true as const } : {}),
      concurrency: 1,
      serial: false,
      rateLimit: undefined,
    };
    others.push(running.find((work) => work.queue === queue) ?? orphan);
  }
  return [...known.values(), ...others];
}
