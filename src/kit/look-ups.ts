import { type LookupOptions, lookup as systemLookup } from "node:dns";
import type { ResolveAll } from "./egress.ts";

type Answer = Parameters<ResolveAll>[2];

interface LookUp {
  readonly host: string;
  readonly options: LookupOptions & { readonly all: true };
  /** All that asked for it since. */
  readonly waiting: Answer[];
  slow: boolean;
}

export interface LookUpsOptions {
  readonly resolveAll?: ResolveAll;
  /** How many may run at once; by default as many as libuv has threads for. */
  readonly most?: number;
  /** What takes longer is slow, and so is its name the next time. */
  readonly slowMs?: number;
}

/** So many slow names are remembered. */
const manyNames = 1_000;

/**
 * Look-ups that do not hold each other up. The system's own are calls of libc on a few threads of libuv (half of
 * `UV_THREADPOOL_SIZE`: two), in the order in which they are asked for. A name server that does not answer holds such a
 * thread for 10 s and more, and a trigger with retries asks for its name again and again, so that one target whose DNS is
 * away would keep all others from being reached. So a name is asked for once at a time, however many wait for it, and
 * names that were slow never take the last thread. Nothing is kept: each answer goes to those who asked before it came.
 */
export function createLookUps({
  resolveAll = systemLookup,
  most = threadsForNames(),
  slowMs = 1_000,
}: LookUpsOptions = {}): ResolveAll {
  const asked = new Map<string, LookUp>();
  const queue = new Set<LookUp>();
  const slowNames = new Set<string>();
  let running = 0;
  let slow = 0;

  const next = (): void => {
    for (const one of queue) {
      if (running >= most) return;
      // with one thread alone there is none to keep free
      if (slowNames.has(one.host) && slow >= Math.max(1, most - 1)) continue;
      queue.delete(one);
      start(one);
    }
  };
  const start = (one: LookUp): void => {
    running += 1;
    const isSlow = (): void => {
      if (one.slow) return;
      one.slow = true;
      slow += 1;
    };
    if (slowNames.has(one.host)) isSlow();
    const startedMs = performance.now();
    const timer = setTimeout(isSlow, slowMs);
    timer.unref();
    resolveAll(one.host, one.options, (error, addresses) => {
      clearTimeout(timer);
      running -= 1;
      if (one.slow) slow -= 1;
      if (performance.now() - startedMs >= slowMs) remember(one.host);
      else slowNames.delete(one.host);
      asked.delete(keyOf(one.host, one.options));
      next();
      // each gets a list of its own: they may change it
      for (const answer of one.waiting) answer(error, error === null ? [...addresses] : []);
    });
  };
  const remember = (host: string): void => {
    const [oldest] = slowNames;
    if (slowNames.size >= manyNames && oldest !== undefined) slowNames.delete(oldest);
    slowNames.add(host);
  };

  return (host, options, answer) => {
    const key = keyOf(host, options);
    const known = asked.get(key);
    if (known !== undefined) {
      known.waiting.push(answer);
      return;
    }
    const one: LookUp = { host, options, waiting: [answer], slow: false };
    asked.set(key, one);
    queue.add(one);
    next();
  };
}

function keyOf(host: string, { family, hints, order, verbatim }: LookupOptions): string {
  return JSON.stringify([host, family, hints, order, verbatim]);
}

/** As libuv reckons: half of its threads may be taken by what is slow, and looking up is. */
function threadsForNames(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  return Number.isInteger(threads) && threads > 0 ? Math.floor((threads + 1) / 2) : 2;
}
