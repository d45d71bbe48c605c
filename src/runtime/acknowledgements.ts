import type { Bus } from "../bus/bus.ts";
import { outlast } from "../kit/hand-over.ts";
import { type Within, within } from "../lib/abort.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";

/** An SQS redrive may bring a message back under its old id: it counts as a new occurrence this long after the delete. */
const dedupAfterAcknowledgeMs = 5 * 60_000;
/** So long ids wait for others. They lie all over their table: a commit for each batch of ten writes as many pages as the events. */
const gatherMs = 1_000;
/** So many go to the bus at once; more would keep the other events of a commit waiting. */
const most = 256;
/** What a source that ends leaves for the last ones: its end takes no longer than a second. */
const lastMs = 250;

export interface AcknowledgementParts {
  readonly bus: Pick<Bus, "endDedup">;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Gathers the ids that upstreams were told to forget, and tells the bus within a second. Nobody waits for it: where the process
 * dies before, or the bus takes nothing, an id stays known as long as its event is kept, as if it had not been told. Disposing it
 * tells the bus what is left.
 */
export class Acknowledgements implements AsyncDisposable {
  readonly #parts: AcknowledgementParts;
  readonly #life: Within;
  #gathered: string[] = [];
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: AcknowledgementParts) {
    this.#parts = parts;
    this.#life = within(parts.signal);
  }

  add(ids: readonly string[]): void {
    if (ids.length === 0) return;
    if (this.#gathered.length === 0) this.#tellLater();
    this.#gathered.push(...ids);
    if (this.#gathered.length >= most) this.#tell();
  }

  #tellLater(): void {
    // a source that is being stopped still deletes; its end tells the bus
    if (this.#life.signal.aborted) return;
    const gathered = this.#gathered;
    this.#parts.clock.sleep(gatherMs, this.#life.signal).then(
      () => {
        // as soon as there were enough of them they did not wait
        if (gathered === this.#gathered) this.#tell();
      },
      () => undefined,
    );
  }

  #tell(): void {
    const ids = this.#gathered;
    if (ids.length === 0) return;
    this.#gathered = [];
    const { bus, clock, log } = this.#parts;
    const told = bus
      .endDedup(ids, nowUs(clock) + dedupAfterAcknowledgeMs * 1000)
      .catch((error: unknown) => {
        log.debug({ error: messageOf(error) }, "the end of the dedup window was not kept; it ends with the event");
      })
      .finally(() => this.#underWay.delete(told));
    this.#underWay.add(told);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell();
    this.#life.abort(this.#parts.signal.reason);
    this.#life[Symbol.dispose]();
    const { signal } = this.#parts;
    await outlast(Promise.all(this.#underWay), signal, lastMs).catch(() => undefined);
  }
}
