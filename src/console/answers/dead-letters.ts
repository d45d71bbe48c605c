import { z } from "zod";
import type { DeadLetterAnswer, DeadLetterResult, DeadLetterWithEvents } from "../../runtime/dead-letters.ts";
import { count, dataShape, id, time } from "./shared.ts";

const deadShape = {
  id,
  namespace: z.string(),
  bus: z.string(),
  sensor: z.string(),
  trigger: z.string(),
  revision: z.string(),
  attempts: count,
  code: z.string(),
  error: z.string(),
  deadAt: time,
  parent: z.string().optional(),
};

export const deadLetter: z.ZodType<DeadLetterAnswer> = z.strictObject({
  ...deadShape,
  events: z.array(z.strictObject({ dependency: z.string(), id })),
});

export const deadLetterWithEvents: z.ZodType<DeadLetterWithEvents> = z.strictObject({
  ...deadShape,
  events: z.array(
    z.strictObject({
      dependency: z.string(),
      id,
      source: z.string().optional(),
      subject: z.string().optional(),
      type: z.string().optional(),
      time: z.string().optional(),
      ...dataShape,
    }),
  ),
});

export const deadLetterResult: z.ZodType<DeadLetterResult> = z.strictObject({
  id,
  outcome: z.enum(["retried", "dropped", "unknown", "refused"]),
  newId: z.string().optional(),
  reason: z.string().optional(),
});
