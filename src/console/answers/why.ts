import { z } from "zod";
import type { SensorAnswer, SourceAnswer } from "../../rehearsal/evaluate.ts";
import type { Why } from "../../runtime/why.ts";
import { count, dataShape, eventShape, firingState, id, receiptShape, replayShape, time } from "./shared.ts";

const attempt = z.strictObject({
  startedAt: time,
  endedAt: time,
  outcome: z.enum(["done", "failed"]),
  status: z.string().optional().meta({ description: "HTTP status, or the target's own word." }),
  code: z.string().optional().meta({ description: "TMnnnn of a failure." }),
  error: z.string().optional(),
  batch: z
    .strictObject({ id: z.string().meta({ description: "Its idempotency key." }), size: count })
    .optional()
    .meta({ description: "The call that it was made with others by." }),
});

export const clause = z.strictObject({
  kind: z.enum(["transform", "exprs", "data", "context", "time", "script", "pattern", "schema"]),
  index: count,
  passed: z.boolean(),
  value: z.exactOptional(z.string()).meta({ description: "The value that it met." }),
  reason: z.string(),
});

const rendered = z.record(z.string(), z.unknown()).meta({
  description:
    "`{ method, url, headers, body }` of a request, `{ resource }` of an object, else the trigger's own fields.",
});

export const evaluation: z.ZodType<SensorAnswer> = z.strictObject({
  sensor: z.string(),
  dependencies: z.array(
    z.strictObject({
      name: z.string(),
      matched: z.boolean().meta({ description: "An event of its EventSource and name was given." }),
      passed: z.boolean(),
      clauses: z.array(clause),
      data: z
        .unknown()
        .optional()
        .meta({ description: "The event's data after the transform; absent while none matched." }),
    }),
  ),
  triggers: z.array(
    z.strictObject({
      name: z.string(),
      fires: z.boolean(),
      reason: z.string().meta({ description: "What satisfied it, what it waits for, or the clause that said no." }),
      rendered: z.exactOptional(rendered),
    }),
  ),
});

export const sourceEvaluation: z.ZodType<SourceAnswer> = z.strictObject({
  source: z.string().meta({ description: "Name of the EventSource." }),
  event: z.string(),
  passed: z.boolean(),
  reason: z.string(),
});

export const why: z.ZodType<Why> = z.strictObject({
  event: z.strictObject({ ...eventShape, ...dataShape, ...replayShape }),
  receipt: z.strictObject(receiptShape),
  sensors: z.array(
    z.strictObject({
      sensor: z.string(),
      dependencies: z.array(
        z.strictObject({ name: z.string(), matched: z.boolean(), passed: z.boolean(), clauses: z.array(clause) }),
      ),
      triggers: z.array(
        z.strictObject({
          name: z.string(),
          decision: z.enum([
            ...(["fired", "waiting", "superseded", "reset", "expired", "filtered", "undecided", "unmatched"] as const),
          ]),
          reason: z.string().optional(),
          firings: z.array(
            z.strictObject({
              id,
              state: firingState,
              reason: z.string().optional().meta({ description: "How it came to its state without an attempt." }),
              parent: z.string().optional(),
              attempts: z.array(attempt),
            }),
          ),
        }),
      ),
    }),
  ),
  notes: z.array(z.string()).meta({ description: "What limits the answer." }),
});
