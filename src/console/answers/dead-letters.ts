import { z } from "zod";
import type { BulkPlan } from "../../runtime/dead-letter-bulk.ts";
import type { DeadLetterResult } from "../../runtime/dead-letter-change.ts";
import type { DeadLetterEdited } from "../../runtime/dead-letter-edit.ts";
import type { DeadLetterAnswer } from "../../runtime/dead-letter-scan.ts";
import type { DeadLetterGroups, DeadLetterWhole, DeadLetterWithEvents } from "../../runtime/dead-letters.ts";
import { operation } from "./replay.ts";
import { count, dataShape, firingState, id, listOf, time } from "./shared.ts";

const status = z.string().optional().meta({ description: "HTTP status or the target's own word." });
const group = z
  .string()
  .meta({ description: "Of its cause: `tidemill dlq ls --group GROUP` shows those with the same." });

const deadShape = {
  id,
  namespace: z.string(),
  bus: z.string(),
  sensor: z.string(),
  trigger: z.string(),
  revision: z.string(),
  attempts: count.meta({ description: "Of its last round." }),
  code: z.string(),
  status,
  error: z.string(),
  deadAt: time,
  parent: z.string().optional(),
  group,
  rounds: count.optional().meta({ description: "How often it was tried again and died again." }),
  cameBack: z.literal(true).optional().meta({ description: "It was tried again, and died of the same cause." }),
  successor: z.string().optional().meta({ description: "The firing that an edited copy of it went on as." }),
};

export const deadLetter: z.ZodType<DeadLetterAnswer> = z.strictObject({
  ...deadShape,
  events: z.array(z.strictObject({ dependency: z.string(), id })),
});

const wholeShape = {
  ...deadShape,
  traceId: z.string(),
  events: z.array(
    z.strictObject({
      dependency: z.string(),
      id,
      source: z.string().optional(),
      subject: z.string().optional(),
      type: z.string().optional(),
      time: z.string().optional(),
      extensions: z.record(z.string(), z.string()).optional(),
      ...dataShape,
    }),
  ),
};

/** A line of `dlq export -o jsonl`. */
export const deadLetterWhole: z.ZodType<DeadLetterWhole> = z.strictObject(wholeShape);

export const deadLetterWithEvents: z.ZodType<DeadLetterWithEvents> = z.strictObject({
  ...wholeShape,
  tries: z
    .array(
      z.strictObject({
        startedAt: time,
        endedAt: time,
        outcome: z.enum(["done", "failed"]),
        code: z.string().optional(),
        status,
        error: z.string().optional(),
      }),
    )
    .optional()
    .meta({ description: "The attempts of all rounds, from the record." }),
  dlq: z.strictObject({ id, state: firingState }).optional().meta({ description: "The firing of its `dlqTrigger`." }),
  wouldSend: z
    .strictObject({
      kind: z.string(),
      rendered: z.record(z.string(), z.unknown()).optional(),
      error: z.string().optional(),
    })
    .optional()
    .meta({ description: "What a retry would send, secrets left out." }),
});

const deadLetterResult: z.ZodType<DeadLetterResult> = z.strictObject({
  id,
  outcome: z.enum(["retried", "dropped", "unknown", "refused"]),
  newId: z.string().optional(),
  reason: z.string().optional(),
});

export const deadLetterGroups: z.ZodType<DeadLetterGroups> = z.strictObject({
  items: z.array(
    z.strictObject({
      id: group,
      namespace: z.string(),
      bus: z.string(),
      sensor: z.string(),
      trigger: z.string(),
      code: z.string(),
      status,
      cause: z.string().meta({ description: "The message without what varies." }),
      sample: z.string().meta({ description: "The message of one of them." }),
      count,
      cameBack: count.meta({ description: "Of these, tried again and died of the same." }),
      firstAt: time,
      lastAt: time,
    }),
  ),
  groups: count.meta({ description: "In all, also those that are not among the items." }),
  letters: count,
  further: count.meta({ description: "Letters of groups that were not told apart any more." }),
});

const unevaluated = z
  .strictObject({ count, error: z.string() })
  .optional()
  .meta({ description: "For so many the expression could not be evaluated: they are left alone." });

export const bulkPlan: z.ZodType<BulkPlan> = z.strictObject({
  action: z.enum(["retry", "drop"]),
  count,
  oldestAt: time.optional(),
  newestAt: time.optional(),
  by: z.array(
    z.strictObject({
      namespace: z.string(),
      sensor: z.string(),
      trigger: z.string(),
      code: z.string(),
      target: z.string().optional().meta({ description: "Where it would be sent." }),
      count,
    }),
  ),
  sample: z.array(deadLetter),
  edited: count.meta({ description: "Left alone: an edited copy went on." }),
  refused: count.meta({ description: "Of the count: nobody would try them, so that they stay." }),
  unevaluated,
  asOfUs: count.meta({ description: "What dies later is not meant." }),
});

/** Of letters named by id, or few: what became of each. Of many: the operation. With `--dry-run`: the plan. */
export const deadLetterChange = listOf(deadLetterResult).extend({
  plan: bulkPlan.optional().meta({ description: "Only with `--dry-run`." }),
  operation: operation.optional().meta({ description: "Where the server does it: `items` is empty then." }),
});

export const deadLetterEdited: z.ZodType<DeadLetterEdited> = z.strictObject({
  id,
  dependency: z.string(),
  event: id.meta({ description: "The event that is changed." }),
  newEvent: id.meta({ description: "The id of the changed one." }),
  before: z.string(),
  after: z.string(),
  newId: z.string().optional().meta({ description: "The new firing; absent in a plan." }),
});
