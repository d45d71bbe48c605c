import { z } from "zod";
import type { TopRates } from "../top.ts";
import { count, id, receipt, time } from "./shared.ts";

const names = { sensor: z.string(), trigger: z.string() };

export const tap = z
  .discriminatedUnion("k", [
    z.strictObject({
      k: z.literal("receipt"),
      at: time,
      namespace: z.string(),
      source: z.string(),
      event: id,
      outcome: receipt,
      reason: z.string().optional(),
    }),
    z.strictObject({
      k: z.literal("decision"),
      at: time,
      namespace: z.string(),
      source: z.string(),
      event: id,
      matched: count,
      filtered: count,
      fired: z.array(z.strictObject({ ...names, firing: id })),
      waiting: z.array(z.strictObject({ ...names, reason: z.string().optional() })),
      data: z
        .string()
        .meta({ description: "The beginning of the event's data; of its `body` where that stands beside a `header`." }),
    }),
    z.strictObject({
      k: z.literal("attempt"),
      at: time,
      namespace: z.string(),
      ...names,
      firing: id,
      events: z.array(id),
      attempt: count,
      state: z.enum(["done", "pending", "dead"]),
      tookMs: z.number(),
      status: z.string().optional(),
      code: z.string().optional(),
      error: z.string().optional(),
    }),
    z.strictObject({ k: z.literal("missed"), lines: count }),
  ])
  .meta({ description: "Each line." });

const perSecond = z.number().min(0);
const delayMs = z.number().optional().meta({ description: "Over the last minute." });

export const top: z.ZodType<TopRates> = z.strictObject({
  at: time,
  inPerSecond: perSecond,
  decidedPerSecond: perSecond,
  firedPerSecond: perSecond,
  pending: count,
  dead: count,
  sources: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      state: z.string(),
      inPerSecond: perSecond,
      received: count,
    }),
  ),
  sensors: z.array(z.strictObject({ name: z.string(), decidedPerSecond: perSecond, decided: count })),
  triggers: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      firedPerSecond: perSecond,
      retriesPerSecond: perSecond,
      done: count,
      pending: count,
      running: count,
      dead: count,
      p50Ms: delayMs,
      p99Ms: delayMs,
    }),
  ),
  targetsDown: z.array(z.string()),
});
