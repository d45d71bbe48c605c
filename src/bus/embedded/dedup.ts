import { digest } from "../../lib/digest.ts";
import { decodeJson, encodeJson } from "./codec.ts";
import type { Transaction } from "./committer.ts";
import { type BusNumber, idKey } from "./keys.ts";
import type { Store } from "./store.ts";

/** What is known of an id that an upstream brought. */
export interface Known {
  /** The id of the newest occurrence: the given one, or derived when the window had ended. */
  readonly id: string;
  readonly seq: number;
  /** The end of the dedup window, where the upstream may bring the id again. */
  readonly endsUs?: number;
}

/** The ids that one bus has seen within its dedup window, those included whose commit is under way. */
export class Dedup {
  readonly #store: Store;
  readonly #bus: BusNumber;
  /** Not yet to be seen in the store. */
  readonly #publishing = new Map<string, Known>();

  constructor(store: Store, bus: BusNumber) {
    this.#store = store;
    this.#bus = bus;
  }

  known(id: string): Known | undefined {
    const publishing = this.#publishing.get(id);
    if (publishing !== undefined) return publishing;
    const value = this.#store.get("dedup", idKey(this.#bus, id));
    return value === undefined ? undefined : (decodeJson(value) as Known);
  }

  /**
   * With a commit that is being put together; `published` must follow its end, however it ended. A later occurrence is known by
   * the id that it got as well: whoever waits for it asks by that.
   */
  add(tx: Transaction, id: string, known: Known): void {
    tx.put("dedup", idKey(this.#bus, id), encodeJson(known));
    if (known.id !== id) tx.put("dedup", idKey(this.#bus, known.id), encodeJson(known));
    this.#publishing.set(id, known);
    // what is taken back makes no duplicate of the next one
    tx.afterFailure(() => this.#publishing.delete(id));
  }

  published(id: string): void {
    this.#publishing.delete(id);
  }

  /** The occurrence goes; a later one under the same id stays known. */
  remove(tx: Transaction, occurrence: Known, id: string): void {
    if (this.known(id)?.seq === occurrence.seq) tx.remove("dedup", idKey(this.#bus, id));
    if (occurrence.id !== id) tx.remove("dedup", idKey(this.#bus, occurrence.id));
  }

  /** From `atUs` on the upstream may bring these ids again, for other occurrences. */
  end(tx: Transaction, ids: readonly string[], atUs: number): void {
    for (const id of ids) {
      const known = this.known(id);
      if (known !== undefined) tx.put("dedup", idKey(this.#bus, id), encodeJson({ ...known, endsUs: atUs }));
    }
  }
}

/** The id of a later occurrence under an upstream id whose dedup window had ended. */
export function laterOccurrence(known: Known): string {
  return digest(`${known.id}\n${known.seq}`);
}
