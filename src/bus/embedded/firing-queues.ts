import { decodeJson } from "./codec.ts";
import { FiringQueue, type QueueParts } from "./firing-queue.ts";
import { after, textKey } from "./keys.ts";

/** What the queues of one bus have in common. */
type SharedParts = Pick<QueueParts, "store" | "bus" | "clock" | "entry" | "commit" | "hurry">;

/** The queues of one bus, each opened when it is first asked for. */
export class FiringQueues {
  readonly #parts: SharedParts;
  readonly #open = new Map<string, FiringQueue>();
  #lastNumber: number | undefined;

  constructor(parts: SharedParts) {
    this.#parts = parts;
  }

  queue(name: string): FiringQueue {
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    const queue = new FiringQueue({ ...this.#parts, name, ...this.#number(name) });
    this.#open.set(name, queue);
    return queue;
  }

  /** Of all that have ever had a firing. */
  names(): readonly string[] {
    const prefix = textKey(this.#parts.bus, "queue/");
    return Array.from(this.#parts.store.range("meta", { from: prefix, to: after(prefix) }), ([key]) =>
      key.toString("utf8", prefix.length),
    );
  }

  /** The place of the oldest event that a live firing reads from the log; undefined when none does. */
  oldestEvent(): number | undefined {
    const places = this.names().flatMap((name) => this.queue(name).oldestEvent() ?? []);
    return places.length === 0 ? undefined : Math.min(...places);
  }

  /** The number of a queue, for keys; a new one becomes durable with the queue's first row. */
  #number(name: string): { readonly number: number; readonly nameKey: Buffer; readonly named: boolean } {
    const nameKey = textKey(this.#parts.bus, `queue/${name}`);
    const known = this.#parts.store.get("meta", nameKey);
    if (known !== undefined) return { number: Number(decodeJson(known)), nameKey, named: true };
    if (this.#lastNumber === undefined) {
      const prefix = textKey(this.#parts.bus, "queue/");
      const numbers = Array.from(this.#parts.store.range("meta", { from: prefix, to: after(prefix) }), ([, value]) =>
        Number(decodeJson(value)),
      );
      this.#lastNumber = Math.max(0, ...numbers);
    }
    this.#lastNumber += 1;
    return { number: this.#lastNumber, nameKey, named: false };
  }
}
