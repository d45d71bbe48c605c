import { type Backoff, backoffMs } from "../lib/backoff.ts";
import { messageOf } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { Draft, Refusal, SourceContext } from "./source.ts";

/** How long a source may go on after the abort to finish what it has begun; `run` must end within a second. */
export const graceMs = 700;

const pauses: Backoff = { baseMs: 200, factor: 2, maxMs: 15_000 };

/** Settles as `promise` does; after the abort it has `graceMs` left, then this rejects with the signal's reason. */
export async function outlast<T>(promise: Promise<T>, signal: AbortSignal, ms = graceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    stop = () => {
      timer = setTimeout(() => reject(signal.reason), ms);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

type Context = Pick<SourceContext<unknown>, "emit" | "refuse" | "signal" | "log" | "clock" | "ready" | "waiting">;

/**
 * Hands drafts and refusals to the bus until it has them, for sources that hold their messages meanwhile (SQS, Redis
 * Streams): giving them back at each failure would use up their upstream's count of deliveries while the bus is down.
 * Answers the drafts' receipts, in their order. Rejects only when the source is stopped: the messages then are not to be acknowledged.
 */
export async function handOver(
  cx: Context,
  { drafts, refusals = [] }: { readonly drafts: readonly Draft[]; readonly refusals?: readonly Refusal[] },
): Promise<readonly Receipt[]> {
  let receipts: readonly Receipt[] | undefined = drafts.length === 0 ? [] : undefined;
  for (let failures = 0; ; ) {
    try {
      receipts ??= await outlast(cx.emit(drafts), cx.signal);
      if (refusals.length > 0) await outlast(cx.refuse(refusals), cx.signal);
      if (failures > 0) {
        cx.log.info({ failures }, "the bus takes events again");
        cx.ready();
      }
      return receipts;
    } catch (error) {
      cx.signal.throwIfAborted();
      failures++;
      const why = messageOf(error);
      cx.waiting(`the bus does not take events: ${why}`);
      if (failures === 1) cx.log.warn({ error: why }, "the bus does not take events; they are held, not acknowledged");
      await cx.clock.sleep(backoffMs(pauses, failures, Math.random()), cx.signal);
    }
  }
}
