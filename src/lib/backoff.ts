/**
 * How long to wait before try `attempt` (1 = after the first failure): `base * factor^(attempt-1)`, at most `maxMs`,
 * then spread over [1/2, 1] of that ("equal jitter"), so that many that failed together do not come back together.
 */
export interface Backoff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const fullMs = Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** Math.min(attempt - 1, 60));
  return fullMs * (0.5 + random * 0.5);
}
