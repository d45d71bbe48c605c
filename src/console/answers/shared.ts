import { z } from "zod";
import type { EventAnswer, EventWithData } from "../../runtime/event-answer.ts";

export const time = z.string().meta({ description: "RFC 3339, UTC, microseconds." });
export const count = z.number().int().min(0);
export const id = z.string().min(1);
export const receipt = z.enum(["stored", "duplicate", "filtered", "refused"]);
export const firingState = z.enum(["pending", "running", "done", "dead", "dropped"]);

export const eventShape = {
  id,
  namespace: z.string(),
  bus: z.string(),
  source: z.string().meta({ description: "Name of the EventSource." }),
  subject: z.string().meta({ description: "Name of the event." }),
  type: z.string().meta({ description: "`context.type`." }),
  sentAt: time.optional(),
  receivedAt: time,
  storedAt: time.optional(),
  decidedAt: time.optional(),
  matched: count.optional().meta({ description: "Subscriptions to its source and name; absent while undecided." }),
  filtered: count.optional().meta({ description: "Of those, the ones that a filter turned down." }),
  bytes: count.optional(),
  traceId: z.string().meta({ description: "The trace that it is a part of." }),
};

export const receiptShape = {
  receipt: receipt.meta({ description: "What became of the draft." }),
  reason: z.string().optional(),
  duplicates: count.meta({ description: "How many times it came again." }),
};

export const dataShape = {
  data: z.unknown().meta({ description: "The event's data; absent when retention took it." }),
  dataBase64: z.string().optional().meta({ description: "The data where it is no JSON." }),
};

export const event: z.ZodType<EventAnswer> = z.strictObject({ ...eventShape, ...receiptShape });
export const replayShape = {
  replay: z
    .strictObject({ id: z.string(), of: z.string(), to: z.string().optional() })
    .optional()
    .meta({ description: "The replay that put it there, the event it was made of, and the one trigger it is for." }),
};
export const eventWithData: z.ZodType<EventWithData> = z.strictObject({
  ...{ ...eventShape, ...receiptShape, ...dataShape, ...replayShape },
});

export function listOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    next: z.string().optional().meta({ description: "Cursor of the next page." }),
  });
}
