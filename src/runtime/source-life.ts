import type { KeyRef } from "../kit/fields.ts";
import type { WebResponse } from "../kit/webhook.ts";
import { type Within, within } from "../lib/abort.ts";
import { TideError } from "../lib/errors.ts";
import type { Pause } from "./pauses.ts";

/** The lives of a source between its pauses, one after the other. */
export class Lives {
  readonly #parent: AbortSignal;
  readonly #live: (life: AbortSignal) => Promise<void>;
  #now: Within | undefined;
  #closed = false;
  #last: Promise<void> = Promise.resolve();

  constructor(parent: AbortSignal, live: (life: AbortSignal) => Promise<void>) {
    this.#parent = parent;
    this.#live = live;
  }

  /** False: it lives. */
  begin(): boolean {
    if (this.#now !== undefined || this.#closed || this.#parent.aborted) return false;
    const life = within(this.#parent);
    this.#now = life;
    this.#last = this.#last.then(async () => {
      if (!life.signal.aborted) await this.#live(life.signal);
      life[Symbol.dispose]();
    });
    return true;
  }

  end(): void {
    this.#now?.abort(new TideError("STOPPED", "the source stops"));
    this.#now = undefined;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.end();
    return this.#last;
  }
}

/** The secrets that a source read, with their values then. */
export class ReadSecrets {
  readonly #ask: (ref: KeyRef) => Promise<string>;
  readonly #values = new Map<string, { readonly ref: KeyRef; readonly value: string }>();

  constructor(ask: (ref: KeyRef) => Promise<string>) {
    this.#ask = ask;
  }

  async read(ref: KeyRef): Promise<string> {
    const value = await this.#ask(ref);
    this.#values.set(JSON.stringify([ref.name, ref.key]), { ref, value });
    return value;
  }

  /** A secret that cannot be read now is not a change: what runs goes on with the one it has. */
  async changed(): Promise<boolean> {
    for (const { ref, value } of this.#values.values()) {
      const now = await this.#ask(ref).catch(() => value);
      if (now !== value) return true;
    }
    return false;
  }
}

/** Nobody waits longer than this for a pause without an end before trying again. */
const longestRetryAfterS = 3_600;
const usualRetryAfterS = 30;

export function pausedAnswer({ untilMs }: Pause, nowMs: number): WebResponse {
  const leftS = untilMs === undefined ? usualRetryAfterS : Math.ceil((untilMs - nowMs) / 1000);
  const after = Math.min(Math.max(1, leftS), longestRetryAfterS);
  return {
    status: 503,
    headers: { "Retry-After": String(after) },
    body: "the source is paused; send it again later\n",
  };
}
