import type { LogEntry } from "../bus/bus.ts";
import type { Receipt } from "../lib/event.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { Decided } from "../sensors/decided.ts";
import type { ActStageParts } from "./queue-run.ts";

/** Who watches events go by, in this process: progress lines, tests. Called on the way of the event: must not wait. */
export interface Witness {
  received(plan: SourcePlan, receipts: readonly Receipt[]): void;
  forBus(bus: { readonly namespace: string; readonly bus: string }): {
    decided?(entry: LogEntry, decided: Decided): void;
    attempted?: NonNullable<ActStageParts["told"]>;
  };
}
