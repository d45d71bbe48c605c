/** What is to be stopped, with its place among the others. */
export interface Stoppable {
  at: number;
  stop(): void;
}

/**
 * Tells many short calls of the abort of a signal that they share, by one listener. A signal goes through the listeners that it
 * has with each one that comes: with a thousand requests under way that is most of what a request costs. And what has left
 * a signal's list, a set or a map stays linked to what came later, which the collector then keeps as long as the former; in
 * an array it does not.
 */
export class AbortWatch {
  readonly #calls = new WeakMap<AbortSignal, Stoppable[]>();

  /** It is stopped at the abort, unless it is deleted before. */
  add(signal: AbortSignal, call: Stoppable): void {
    const calls = this.#calls.get(signal) ?? this.#watch(signal);
    call.at = calls.length;
    calls.push(call);
  }

  delete(signal: AbortSignal, call: Stoppable): void {
    const calls = this.#calls.get(signal);
    if (calls?.[call.at] !== call) return;
    const last = calls.pop();
    if (last === undefined || last === call) return;
    calls[call.at] = last;
    last.at = call.at;
  }

  #watch(signal: AbortSignal): Stoppable[] {
    const calls: Stoppable[] = [];
    this.#calls.set(signal, calls);
    const stopAll = (): void => {
      for (const call of calls.slice()) call.stop();
    };
    signal.addEventListener("abort", stopAll, { once: true });
    return calls;
  }
}
