import type { Clock } from "../lib/clock.ts";
import type { KeyRef } from "./fields.ts";

/**
 * Secrets that each request needs, without reading a file for each. They are read anew when ten seconds have passed, and when
 * one that came does not fit (at most once a second): a secret that is renewed counts at once, one that is taken away is
 * forgotten within ten seconds.
 */
export interface KeptSecrets<T> {
  /** At once while they are fresh. */
  get(): readonly T[] | Promise<readonly T[]>;
  /** For a request that none of them fits: others, or undefined where they are the same or were just read. */
  again(): Promise<readonly T[] | undefined>;
}

export interface SecretsToKeep<T> {
  readonly refs: readonly KeyRef[];
  readonly secret: (ref: KeyRef) => Promise<string>;
  /** What a value is used as. Throws where it cannot be used. */
  readonly make: (value: string) => T;
  readonly clock: Clock;
}

const freshMs = 10_000;
const againMs = 1_000;

interface Kept<T> {
  readonly value: string;
  readonly made: T;
}

/** Rejects as `secret` and `make` do. Later on a secret that cannot be read or used leaves the one before in its place. */
export async function keepSecrets<T>({ refs, secret, make, clock }: SecretsToKeep<T>): Promise<KeptSecrets<T>> {
  const read = async (ref: KeyRef): Promise<Kept<T>> => {
    const value = await secret(ref);
    return { value, made: make(value) };
  };
  let kept = await Promise.all(refs.map(read));
  let made = kept.map((one) => one.made);
  let readMs = clock.nowMs();
  let reading: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const before = kept;
    const after = await Promise.all(refs.map((ref, at) => read(ref).catch(() => before[at])));
    readMs = clock.nowMs();
    const now = after.filter((one) => one !== undefined);
    if (now.every(({ value }, at) => value === before[at]?.value)) return;
    kept = now;
    made = kept.map((one) => one.made);
  };
  const renewed = (): Promise<void> => {
    reading ??= renew().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  // a clock that is set back must not make them last for ever
  const olderThan = (ms: number): boolean => Math.abs(clock.nowMs() - readMs) >= ms;
  return {
    get: () => (olderThan(freshMs) ? renewed().then(() => made) : made),
    async again() {
      if (!olderThan(againMs) && reading === undefined) return undefined;
      const before = made;
      await renewed();
      return made === before ? undefined : made;
    },
  };
}
