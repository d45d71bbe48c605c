import type { RefusalReason, Route } from "../kit/webhook.ts";
import type { createFold } from "../telemetry/fold.ts";
import type { SourceMetrics } from "../telemetry/metrics.ts";

/** Counts the requests of an entry that were refused before they became anything, and tells of them. */
export interface Refusals {
  /** They may come: the count begins at 0. */
  expect(reasons: readonly RefusalReason[]): void;
  refused(reason: RefusalReason, remoteAddress: string): void;
}

/** A line a minute for each reason, with the address of the first; what was sent is in none of them. */
export function createRefusals(metrics: SourceMetrics, fold: ReturnType<typeof createFold>): Refusals {
  return {
    expect(reasons) {
      for (const reason of reasons) metrics.requestsRefused(reason, 0);
    },
    refused(reason, remoteAddress) {
      metrics.requestsRefused(reason, 1);
      fold(`refused ${reason}`, { reason, remoteAddress }, "a request was refused");
    },
  };
}

/** The route, with its refusals counted. */
export function counted(route: Route, { expect, refused }: Refusals): Route {
  if (route.guard !== undefined) expect([...route.guard.reasons, "size"]);
  return { ...route, refused };
}
