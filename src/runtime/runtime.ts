import type { Cluster, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { EventRecord } from "../record/record.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Breakers } from "./breaker.ts";
import type { BusRun } from "./bus-run.ts";
import type { Control } from "./control.ts";
import type { Operations } from "./operations.ts";
import type { ReloadReport } from "./reload-report.ts";
import type { RunningSource } from "./source-run.ts";

/** A running tidemill. Disposing drains it. */
export interface Runtime extends AsyncDisposable {
  readonly startedMs: number;
  /** Those of now: a reload changes what is in these lists. */
  readonly buses: readonly BusRun[];
  readonly sources: readonly RunningSource[];
  /** Pauses, and what the last reload did. */
  readonly control: Control;
  readonly record: EventRecord | undefined;
  readonly metrics: Metrics;
  readonly cluster: Cluster | undefined;
  /** Which targets are down. */
  readonly breakers: Breakers;
  /** By kind. */
  readonly triggers: ReadonlyMap<string, Trigger<unknown, unknown>>;
  /** Bulk work that goes on by itself: retries of dead letters, replays. */
  readonly operations: Operations;
  readonly clock: Clock;
  readonly durable: boolean;
  /** Resolves once every source is up, waits, or has failed at least once. */
  readonly settledStart: Promise<void>;
  /**
   * Makes of what runs what these manifests say: only what differs is started anew, and an object that is bad in them goes on
   * as it was. Calls take turns. Rejects with STOPPED once it stops, or with the signal's reason.
   */
  reload(manifests: Manifests, options?: { readonly signal?: AbortSignal }): Promise<ReloadReport>;
  /** The parts that are not well, for readyz; empty is ready. */
  faults(): readonly string[];
  /** Stops intake, finishes what is in flight within the drain time, keeps the rest. A second call ends at once. */
  stop(): Promise<void>;
}
