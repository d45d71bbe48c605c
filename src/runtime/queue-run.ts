import type { Bus, Claimed, Queue } from "../bus/bus.ts";
import type { AttemptFact } from "../lib/facts.ts";
import type { Metrics, TriggerMetrics } from "../telemetry/metrics.ts";
import type { ActorOf } from "./actors.ts";
import type { ActParts } from "./fire.ts";
import type { NotifyBook } from "./notify.ts";
import type { PlanStore } from "./plan-store.ts";
import type { QueueWork } from "./queue-work.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { SettledWatch } from "./settled.ts";

/** What acting on the firings of one bus needs. */
export interface ActStageParts extends ActParts {
  readonly namespace: string;
  readonly bus: Bus;
  readonly plans: PlanStore;
  readonly metrics: Metrics;
  readonly watch: SettledWatch;
  readonly notify: NotifyBook;
  /** Each settled attempt, for whoever watches. */
  readonly told?: (firing: Claimed, fact: AttemptFact) => void;
}

/** One queue that is worked, for as long as it is. */
export interface QueueRun {
  readonly parts: ActStageParts;
  readonly work: QueueWork;
  readonly queue: Queue;
  readonly metrics: TriggerMetrics;
  readonly limit: RateLimit | undefined;
  readonly actorOf: ActorOf;
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}
