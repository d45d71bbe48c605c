import type { FastifyInstance } from "fastify";
import { rfc3339 } from "../runtime/event-answer.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Ask } from "./admin.ts";

/** What `tidemill top` makes rates of: counts since the start, and what is now. */
export interface TopSample {
  readonly at: string;
  readonly sources: readonly {
    /** `namespace/eventSource/event`. */
    readonly name: string;
    readonly kind: string;
    readonly state: string;
    readonly received: number;
  }[];
  readonly sensors: readonly { readonly name: string; readonly decided: number }[];
  readonly triggers: readonly {
    /** `namespace/sensor/trigger`. */
    readonly name: string;
    readonly kind: string;
    readonly done: number;
    readonly retries: number;
    readonly pending: number;
    readonly running: number;
    /** Dead letters now. */
    readonly dead: number;
    /** From the decision to the target's answer, over the last minute. */
    readonly p50Ms?: number | undefined;
    readonly p99Ms?: number | undefined;
  }[];
  readonly targetsDown: readonly string[];
}

/** Rates between two samples; a count that became smaller is of a tidemill that started anew. */
export interface TopRates {
  readonly at: string;
  readonly inPerSecond: number;
  readonly decidedPerSecond: number;
  readonly firedPerSecond: number;
  readonly pending: number;
  readonly dead: number;
  readonly sources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly state: string;
    readonly inPerSecond: number;
    readonly received: number;
  }[];
  readonly sensors: readonly { readonly name: string; readonly decidedPerSecond: number; readonly decided: number }[];
  readonly triggers: readonly (Omit<TopSample["triggers"][number], "retries"> & {
    readonly firedPerSecond: number;
    readonly retriesPerSecond: number;
  })[];
  readonly targetsDown: readonly string[];
}

export function serveTop(api: FastifyInstance, ask: Ask): void {
  api.get("/top", async () => topSample(ask()));
}

function topSample({ clock, counts, sources, buses, breakers }: StandardRun): TopSample {
  const nowMs = clock.nowMs();
  const now = counts.now(nowMs);
  return {
    at: rfc3339(Math.round(nowMs * 1000)),
    sources: sources.map(({ plan, status }) => {
      const name = `${plan.namespace}/${plan.eventSource}/${plan.event}`;
      return { name, kind: plan.kind, state: status().state, received: now.sources.get(name)?.received ?? 0 };
    }),
    sensors: buses.flatMap(({ namespace, sensors }) =>
      sensors.map((plan) => {
        const name = `${namespace}/${plan.name}`;
        return { name, decided: now.sensors.get(name)?.decided ?? 0 };
      }),
    ),
    triggers: buses.flatMap(({ namespace, bus, sensors, queues }) =>
      queues().map((work) => {
        const name = `${namespace}/${work.sensor}/${work.trigger}`;
        const { done = 0, retries = 0, p50Ms, p99Ms } = now.triggers.get(name) ?? {};
        const plans = sensors.find((plan) => plan.name === work.sensor)?.triggers ?? [];
        const plan = plans.map((one) => (work.dlq ? one.dlqTrigger : one)).find((one) => one?.name === work.trigger);
        const { pending, running } = bus.queue(work.queue).depth();
        const dead = bus.queue(work.queue).dead().count();
        return { name, kind: plan?.kind ?? "", done, retries, pending, running, dead, p50Ms, p99Ms };
      }),
    ),
    targetsDown: breakers.list().map(({ target }) => target),
  };
}
