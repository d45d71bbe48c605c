/**
 * Who may change what the sensors hold: steps under the lock, one after the other, and between them whoever decides events in
 * the commit that stores them, until that commit has ended.
 */
export class DecideTurns {
  /** The last step taken under the lock; the next waits for it. */
  #last: Promise<void> = Promise.resolve();
  #locked = false;
  #taking: Promise<void> | undefined;

  locked(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      while (this.#taking !== undefined) await this.#taking;
      this.#locked = true;
      try {
        await step();
      } finally {
        this.#locked = false;
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Nobody has it. */
  get free(): boolean {
    return !this.#locked && this.#taking === undefined;
  }

  /** Only where it is free: no step is taken until what this returns was called. */
  take(): () => void {
    const taking = Promise.withResolvers<void>();
    this.#taking = taking.promise;
    return () => {
      this.#taking = undefined;
      taking.resolve();
    };
  }
}
