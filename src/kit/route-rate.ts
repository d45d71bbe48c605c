/** How often a route may be called: a bucket of tokens for each key, which is refilled evenly. */
export interface RouteRate {
  /** Takes a token. undefined: there was one; else how long until there is one again. */
  take(key: string, nowMs: number): number | undefined;
}

export interface RouteRateSettings {
  /** Tokens that come back in `perMs`. */
  readonly count: number;
  readonly perMs: number;
  /** Most tokens that can be there at once. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * Buckets of at least this many keys are remembered, and of twice as many at most: a sender with many addresses costs no more
 * memory, about 2 MB. A key that is forgotten has a full bucket again.
 */
const remembered = 10_000;

export function makeRouteRate({ count, perMs, burst }: RouteRateSettings): RouteRate {
  const perToken = perMs / count;
  // the keys that came lately, and those before them
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  const bucketOf = (key: string, nowMs: number): Bucket => {
    const known = young.get(key);
    if (known !== undefined) return known;
    const bucket = old.get(key) ?? { tokens: burst, atMs: nowMs };
    if (young.size >= remembered) {
      old = young;
      young = new Map();
    }
    young.set(key, bucket);
    return bucket;
  };
  return {
    take(key, nowMs) {
      const bucket = bucketOf(key, nowMs);
      // a clock that is set back takes nothing away
      const passedMs = Math.max(0, nowMs - bucket.atMs);
      bucket.tokens = Math.min(burst, bucket.tokens + passedMs / perToken);
      bucket.atMs = nowMs;
      if (bucket.tokens < 1) return (1 - bucket.tokens) * perToken;
      bucket.tokens -= 1;
      return undefined;
    },
  };
}
