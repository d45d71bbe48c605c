import { z } from "zod";
import type { ReplayPlan } from "../../runtime/replay.ts";
import type { OperationAnswer } from "../operations.ts";
import { count, id, time } from "./shared.ts";

export const operation: z.ZodType<OperationAnswer> = z.strictObject({
  id,
  kind: z.enum(["retry", "drop", "replay"]),
  title: z.string(),
  state: z.enum(["running", "done", "cancelled", "failed"]),
  startedAt: time,
  endedAt: time.optional(),
  total: count.meta({ description: "How many there were when it was planned." }),
  done: count,
  failed: count.meta({ description: "Refused, or gone before their turn." }),
  perSecond: z.number().optional(),
  notes: z.array(z.string()),
  error: z.string().optional().meta({ description: "Why it failed." }),
});

const range = z.strictObject({
  fromUs: count,
  toUs: count,
  namespace: z.string().optional(),
  sources: z.array(z.string()),
  where: z.string().optional(),
  derived: z.boolean(),
  eventIds: z.array(id).optional(),
  toTrigger: z.string().optional(),
  config: z.enum(["current", "original"]),
  replayId: z.string(),
  upTo: z.record(z.string(), count).optional(),
});

export const replayPlan: z.ZodType<ReplayPlan> = z.strictObject({
  replayId: z.string().meta({ description: "The same again makes duplicates and no new events." }),
  count,
  bytes: count,
  bySource: z.array(z.strictObject({ source: z.string(), subject: z.string(), count })),
  sample: z.array(z.strictObject({ id, source: z.string(), subject: z.string(), receivedAt: time })),
  kept: z.array(
    z.strictObject({
      namespace: z.string(),
      bus: z.string(),
      oldestAt: time.optional(),
      newestAt: time.optional(),
      cut: z.boolean().meta({ description: "Retention took the begin of the range." }),
    }),
  ),
  skipped: z.strictObject({ replayed: count, derived: count }).meta({
    description: "Left alone: events that a replay put there, and those that triggers made of others.",
  }),
  unevaluated: z.strictObject({ count, error: z.string() }).optional(),
  missing: z.array(id).optional().meta({ description: "Of the ids asked for, those that are not kept." }),
  notes: z.array(z.string()),
  spec: range,
});

/** The plan, with `--dry-run`; else the operation. */
export const replay = z.strictObject({ plan: replayPlan, operation: operation.optional() });
