import { type FunctionContext, NonRetryableError } from "../../../src/kit/function.ts";
import type { Job } from "./job.ts";

/** The clock of a producer may be ahead of ours, but not by this much. */
const aheadMs = 5 * 60_000;
const maxAgeMs = 7 * 24 * 3_600_000;

/**
 * First stage: looks at what the schema cannot say, and adds what the processor and the people want to know. What it
 * returns becomes the event `ingested`, which another Sensor puts into the second queue.
 */
export function handler({ job }: { readonly job: Job }, context: FunctionContext): Job {
  const submittedMs = Date.parse(job.submittedAt);
  const nowMs = Date.now();
  if (submittedMs > nowMs + aheadMs) throw new NonRetryableError(`submittedAt ${job.submittedAt} lies in the future`);
  if (submittedMs < nowMs - maxAgeMs)
    throw new NonRetryableError(`submittedAt ${job.submittedAt} is older than a week`);
  if (job.ingest !== undefined) throw new NonRetryableError("a job is ingested once: it has `ingest` already");
  const cost = costOf(job);
  context.log.info({ job: job.id, kind: job.kind, cost }, "ingested");
  return { ...job, ingest: { at: new Date(nowMs).toISOString(), attempt: context.attempt, cost } };
}

/** In units of about a microsecond of work. */
function costOf({ kind, input }: Job): number {
  if (kind === "digest") return 1 + String(input.text ?? "").length;
  if (kind === "primes") return Math.max(1, Number(input.below ?? 1));
  return 1;
}
