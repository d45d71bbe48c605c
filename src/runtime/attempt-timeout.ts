import type { Call } from "../kit/trigger.ts";
import { within } from "../lib/abort.ts";
import type { Clock } from "../lib/clock.ts";
import { sayDuration } from "../lib/duration.ts";
import { TideError } from "../lib/errors.ts";

/** A trigger ends within this time of the abort of its signal; what takes longer is left behind. */
const graceMs = 1_000;

/**
 * Runs an attempt under a signal that aborts after `timeoutMs` too (none when undefined), and then rejects with
 * ATTEMPT_TIMEOUT. What the attempt still comes to after that abort, a status that was known already, is its outcome.
 */
export function withTimeout<T>(
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number | undefined },
  signal: AbortSignal,
  run: Run<T>,
): Promise<T> {
  return timeoutMs === undefined ? run(signal, {}) : limited({ clock, timeoutMs }, signal, run);
}

type Run<T> = (signal: AbortSignal, deadline: Pick<Call<unknown, unknown>, "deadlineMs">) => Promise<T>;

async function limited<T>(
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  signal: AbortSignal,
  run: Run<T>,
): Promise<T> {
  const late = new TideError("ATTEMPT_TIMEOUT", `no end within ${sayDuration(timeoutMs)}`);
  using limit = within(signal);
  using over = within(signal);
  const giveUp = async (): Promise<never> => {
    await clock.sleep(timeoutMs, over.signal);
    limit.abort(late);
    await clock.sleep(graceMs, over.signal);
    throw late;
  };
  const given = giveUp();
  // the end of the attempt ends the clock's wait, and nobody asks for that
  given.catch(() => undefined);
  const running = run(limit.signal, { deadlineMs: clock.nowMs() + timeoutMs });
  running.catch(() => undefined);
  try {
    return await Promise.race([running, given]);
  } catch (error) {
    if (limit.signal.reason === late && !signal.aborted) throw late;
    throw error;
  } finally {
    over.abort(undefined);
  }
}
