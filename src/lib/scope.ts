type Closer = () => Promise<void> | void;

/**
 * Holds what was opened, and closes it last first. All closers run, also when one fails; the first failure is thrown at
 * the end. (`AsyncDisposableStack`, for the Node versions that lack it.)
 */
export class Scope implements AsyncDisposable {
  #closers: Closer[] = [];

  /** Takes what is disposed with the scope; undefined passes through. */
  use<T extends AsyncDisposable | Disposable | undefined>(opened: T): T {
    if (opened !== undefined) this.defer(() => dispose(opened));
    return opened;
  }

  defer(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** Hands everything over to a new scope; this one then closes nothing. */
  move(): Scope {
    const next = new Scope();
    next.#closers = this.#closers;
    this.#closers = [];
    return next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

async function dispose(opened: AsyncDisposable | Disposable): Promise<void> {
  if (Symbol.asyncDispose in opened) await opened[Symbol.asyncDispose]();
  else opened[Symbol.dispose]();
}
