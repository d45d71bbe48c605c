import type { Clock } from "../../lib/clock.ts";
import { Wakeup } from "../../lib/wakeup.ts";
import type { LogStore } from "./log-store.ts";

export interface ShipperOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  /** Lines that wait in memory take at most so many characters; then the oldest go. */
  readonly maxWaiting?: number;
}

const perPut = 500;
/** A line is in the store this much later, and goes there together with what came in this time. */
const gatherMs = 500;

/**
 * Takes the process's own log lines to a store, without ever holding up who writes them: while the store is away they
 * wait in memory, 32 Mi characters of them, and beyond that the oldest are dropped and counted.
 */
export class LogShipper {
  readonly #options: ShipperOptions;
  readonly #max: number;
  readonly #wakeup = new Wakeup();
  #lines: string[] = [];
  #waiting = 0;
  dropped = 0;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#max = options.maxWaiting ?? 32 * 1024 * 1024;
  }

  /** A line of ECS JSON, with or without its newline. */
  write(line: string): void {
    this.#lines.push(line.endsWith("\n") ? line.slice(0, -1) : line);
    this.#waiting += line.length;
    while (this.#waiting > this.#max && this.#lines.length > 1) {
      this.#waiting -= this.#lines.shift()?.length ?? 0;
      this.dropped += 1;
    }
    this.#wakeup.ring();
  }

  /** Works until `stop` aborts, and then until all is shipped or `hard` aborts. */
  async run({ stop, hard }: { readonly stop: AbortSignal; readonly hard: AbortSignal }): Promise<void> {
    const { clock, store } = this.#options;
    while (!stop.aborted || this.#lines.length > 0) {
      const seen = this.#wakeup.rings;
      if (this.#lines.length === 0) {
        await this.#wakeup.wait(seen, stop);
        await clock.sleep(gatherMs, stop).catch(() => undefined);
        continue;
      }
      const some = this.#lines.slice(0, perPut);
      this.#lines = this.#lines.slice(some.length);
      this.#waiting -= some.reduce((sum, line) => sum + line.length, 0);
      try {
        await store.put(
          some.map((json) => ({ json })),
          hard,
        );
      } catch (error) {
        if (!hard.aborted) throw error;
        this.dropped += some.length + this.#lines.length;
        return;
      }
    }
  }
}
