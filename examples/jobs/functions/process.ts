import { createHash } from "node:crypto";
import { type FunctionContext, NonRetryableError } from "../../../src/kit/function.ts";
import type { Job } from "./job.ts";
import { parseJob } from "./parse.ts";

/** What becomes of a job: a row of the table `result`. */
export interface Result {
  readonly job: string;
  readonly kind: Job["kind"];
  readonly result: string;
  readonly submittedAt: string;
  readonly executedAt: string;
  /** Whether it came through the ingester, or was put into the second queue directly. */
  readonly direct: boolean;
}

/**
 * Second stage: parses again, for anybody may put jobs into its queue, and does the job. Its return value becomes the event
 * `executed`, and that a row of the table. `body` is the message's, in base64.
 */
export async function handler({ body }: { readonly body: string }, context: FunctionContext): Promise<Result> {
  const job = parseJob(Buffer.from(body, "base64"));
  const result = await context.tracer.startActiveSpan(`execute ${job.kind}`, async (span) => {
    try {
      return await execute(job, context);
    } finally {
      span.end();
    }
  });
  const executedAt = new Date().toISOString();
  context.log.info({ job: job.id, kind: job.kind }, "executed");
  return { job: job.id, kind: job.kind, result, submittedAt: job.submittedAt, executedAt, direct: !job.ingest };
}

async function execute({ kind, input }: Job, context: FunctionContext): Promise<string> {
  if (kind === "digest") return createHash("sha256").update(String(input.text)).digest("hex");
  if (kind === "primes") return String(await countPrimes(Number(input.below), context));
  const quotient = Number(input.dividend) / Number(input.divisor);
  // a job that is well formed and cannot be done: no other attempt ends otherwise
  if (!Number.isFinite(quotient)) throw new NonRetryableError(`${input.dividend} / ${input.divisor} is no number`);
  return String(quotient);
}

/** By trial division, in slices, so that progress is shown and the deadline is heeded. */
async function countPrimes(below: number, { signal, progress }: FunctionContext): Promise<number> {
  let count = 0;
  for (let n = 2; n < below; n++) {
    if (n % 20_000 === 0) {
      signal.throwIfAborted();
      progress(`${count} primes below ${n}`, n / below);
      await new Promise(setImmediate);
    }
    if (isPrime(n)) count += 1;
  }
  return count;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
