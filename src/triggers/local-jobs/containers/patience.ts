import { systemClock } from "../../../lib/clock.ts";
import { isTide, messageOf } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";

/** Asks an engine that is away again and again. Real time: it is another program's. */
export class Patience {
  readonly #log: Log;
  readonly #pauseMs: number;
  #away = false;

  constructor(log: Log, pauseMs: number) {
    this.#log = log;
    this.#pauseMs = pauseMs;
  }

  /** Rejects as `ask` does, but for CONTAINERS_AWAY, and with the signal's reason. One line is logged per outage. */
  async ask<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const answer = await ask();
        if (this.#away) this.#log.info({}, "the container engine answers again");
        this.#away = false;
        return answer;
      } catch (error) {
        if (!isTide(error, "CONTAINERS_AWAY")) throw error;
        if (!this.#away) this.#log.warn({ error: messageOf(error) }, "the container engine is away; it is waited for");
        this.#away = true;
        await this.pause(signal);
      }
    }
  }

  pause(signal: AbortSignal): Promise<void> {
    return systemClock.sleep(this.#pauseMs, signal);
  }
}
