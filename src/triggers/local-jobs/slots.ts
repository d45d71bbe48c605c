interface Waiter {
  take(slot: Disposable): void;
}

/** Places for what may run at once; given in the order of asking. */
export class Slots {
  readonly #limit: number;
  #taken = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A place, as soon as there is one; disposing gives it back. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<Disposable> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#taken < this.#limit) return Promise.resolve(this.force());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        take: (slot) => {
          signal.removeEventListener("abort", leave);
          resolve(slot);
        },
      };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** A place beyond the limit if need be: for what runs already. */
  force(): Disposable {
    this.#taken += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#taken -= 1;
        this.#next();
      },
    };
  }

  #next(): void {
    if (this.#taken >= this.#limit) return;
    const [waiter] = this.#waiting;
    if (waiter === undefined) return;
    this.#waiting.delete(waiter);
    waiter.take(this.force());
  }
}
