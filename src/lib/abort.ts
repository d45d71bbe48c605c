/** A signal with an end of its own, tied to a parent. `using` it removes its listener and timer. */
export interface Within extends Disposable {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/**
 * A child of `parent` that also aborts after `ms` (none when undefined) with what `late()` makes. `AbortSignal.any` and
 * `AbortSignal.timeout` are not used because they keep what they link alive for longer than the call.
 */
export function within(
  parent: AbortSignal,
  ms?: number,
  late: () => unknown = () => new Error(`no end after ${ms} ms`),
): Within {
  const child = new AbortController();
  const stop = (): void => child.abort(parent.reason);
  if (parent.aborted) stop();
  else parent.addEventListener("abort", stop, { once: true });
  const timer = ms === undefined ? undefined : setTimeout(() => child.abort(late()), Math.min(ms, 2 ** 31 - 1));
  return {
    signal: child.signal,
    abort: (reason) => child.abort(reason),
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener("abort", stop);
    },
  };
}

/** Settles as `promise` does, or rejects with the reason as soon as `signal` aborts. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // what the promise comes to after the abort is nobody's business, and no unhandled rejection
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Resolves once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
