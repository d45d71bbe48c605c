import { z } from "zod";
import type { LoadReport } from "../../load/join.ts";
import { malformedKinds } from "../../load/malform.ts";
import { count, time } from "./shared.ts";

const recorded = z
  .strictObject({
    stored: count,
    filtered: count,
    refused: count,
    lost: count.meta({ description: "The target has it, and nothing was recorded." }),
    twice: count.meta({ description: "More events than one of the same message." }),
    recognised: count.meta({ description: "Came again under its own id, and was seen to be the same." }),
  })
  .meta({ description: "In the record; absent without one." });

const tally = {
  sent: count,
  taken: count.meta({ description: "The target has it." }),
  refused: count.meta({ description: "The target will not have it, ever." }),
  failed: count.meta({ description: "Nobody knows, or later." }),
  recorded: z.exactOptional(recorded),
};

const milliseconds = z.strictObject({ count, p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() });

export const load: z.ZodType<LoadReport> = z.strictObject({
  load: z.string().meta({ description: "The load's id: the first half of the trace ids of its messages." }),
  seed: z.string(),
  target: z.string(),
  startedAt: time,
  seconds: z.number(),
  perSecond: z.number(),
  bytes: count,
  behindMs: count.meta({ description: "How far behind its times it was at most." }),
  valid: z.strictObject(tally),
  malformed: z.strictObject({
    ...tally,
    kinds: z.array(z.strictObject({ kind: z.enum(malformedKinds), ...tally })),
  }),
  answerMs: milliseconds.meta({ description: "From the sending to the target's answer." }),
  delayMs: z.exactOptional(milliseconds.meta({ description: "From the sending until the event was durable." })),
  reasons: z.array(z.strictObject({ reason: z.string(), count })),
  lost: z.array(z.strictObject({ seq: count, traceId: z.string() })).meta({ description: "Some of them." }),
  ok: z.boolean().meta({ description: "No valid message is lost, refused or there twice; the exit code." }),
});
