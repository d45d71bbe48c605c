import { type Clock, nowUs } from "../../lib/clock.ts";
import { decodeForRetention, decodeJson, encodeJson } from "./codec.ts";
import type { Committer, Transaction } from "./committer.ts";
import type { Dedup } from "./dedup.ts";
import { type BusNumber, lastPlace, logKey, placeOf, textKey } from "./keys.ts";
import type { Store } from "./store.ts";

export interface RetentionLimits {
  /** Events and facts together, as stored; the file itself may be larger, and never shrinks: its pages are used again. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface Retention {
  /** Counts what a commit adds. */
  added(tx: Transaction, bytes: number): void;
  /** Whether `more` bytes would go over the limit. */
  over(more: number): boolean;
  bytes(): number;
  /** About how many bytes may not go: an estimate by places. */
  pinnedBytes(): number;
  /** The oldest event kept. */
  firstSeq(): number;
  run(): Promise<void>;
}

interface Parts {
  readonly store: Store;
  readonly committer: Committer;
  readonly bus: BusNumber;
  readonly dedup: Dedup;
  readonly clock: Clock;
  readonly limits: RetentionLimits;
  /** Events after this place are still needed. */
  readonly pinnedEvents: () => number;
  /** Facts after this place are still needed. */
  readonly pinnedFacts: () => number;
}

/** A row that goes; not its value: facts of a commit may be of any size. */
interface Row {
  readonly key: Buffer;
  readonly bytes: number;
}

interface EventRow extends Row {
  readonly of: ReturnType<typeof decodeForRetention>;
}

const rowsPerCommit = 500;
/** So much is read for one commit, and one row more: rows of facts are pages, and 4 MiB of them cost 10 MB that stayed. */
const bytesPerCommit = 1 << 20;

/**
 * Takes events that are too old, or the oldest when there are too many bytes, as far as nobody needs them any more;
 * facts go once every group has read them.
 */
export function openRetention(parts: Parts): Retention {
  const { store, bus, limits } = parts;
  const counterKey = textKey(bus, "bytes");
  const counter = store.get("meta", counterKey);
  let bytes = counter === undefined ? 0 : Number(decodeJson(counter));
  /** 0: not known, or there is none. */
  let first = 0;
  let running: Promise<void> | undefined;
  const owner = {};
  const count = (tx: Transaction, change: number): void => {
    bytes += change;
    tx.afterFailure(() => {
      bytes -= change;
    });
    tx.finally(owner, () => tx.put("meta", counterKey, encodeJson(bytes)));
  };
  const all = { from: logKey(bus, 0), to: logKey(bus, lastPlace) };
  const firstSeq = (): number => {
    const first = [...store.range("events", { ...all, limit: 1 })][0];
    return first === undefined ? 0 : placeOf(first[0]);
  };
  const removeRow = (tx: Transaction, table: "events" | "facts", { key, bytes: length }: Row): void => {
    tx.remove(table, key);
    count(tx, -length);
  };
  const takeEvents = async (): Promise<void> => {
    const oldestUs = nowUs(parts.clock) - limits.maxAgeMs * 1000;
    const pin = parts.pinnedEvents();
    for (;;) {
      let excess = bytes - limits.maxBytes * 0.9;
      const rows = oldestRows(store, { table: "events", ...all }, (key, value): EventRow | undefined => {
        if (placeOf(key) > pin) return undefined;
        const of = decodeForRetention(value);
        if (excess <= 0 && of.receivedUs >= oldestUs) return undefined;
        excess -= value.byteLength;
        return { key, bytes: value.byteLength, of };
      });
      if (rows.length === 0) return;
      await parts.committer.commit({
        prepare(tx) {
          for (const row of rows) {
            removeRow(tx, "events", row);
            const { id, dedup } = row.of;
            if (dedup !== undefined) parts.dedup.remove(tx, { id, seq: placeOf(row.key) }, dedup);
          }
        },
      });
    }
  };
  const takeFacts = async (): Promise<void> => {
    const pin = parts.pinnedFacts();
    for (;;) {
      const rows = oldestRows(store, { table: "facts", ...all }, (key, { byteLength }) =>
        placeOf(key) > pin ? undefined : { key, bytes: byteLength },
      );
      if (rows.length === 0) return;
      await parts.committer.commit({
        prepare(tx) {
          for (const row of rows) removeRow(tx, "facts", row);
        },
      });
    }
  };
  const pass = async (): Promise<void> => {
    await takeFacts();
    await takeEvents();
    first = firstSeq();
  };
  return {
    added: count,
    over: (more) => bytes + more > limits.maxBytes,
    bytes: () => bytes,
    firstSeq: () => {
      first ||= firstSeq();
      return first;
    },
    pinnedBytes: () => {
      const from = firstSeq();
      const newest = Array.from(store.range("events", { ...all, limit: 1, reverse: true }), ([key]) => placeOf(key))[0];
      if (newest === undefined || newest < from) return 0;
      return Math.round((bytes * Math.max(0, newest - parts.pinnedEvents())) / (newest - from + 1));
    },
    run() {
      running ??= pass().finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}

/** What `row` makes of the oldest rows; one that it makes nothing of stays. */
function oldestRows<T extends Row>(
  store: Store,
  { table, from, to }: { readonly table: "events" | "facts"; readonly from: Buffer; readonly to: Buffer },
  row: (key: Buffer, value: Buffer) => T | undefined,
): readonly T[] {
  const rows: T[] = [];
  let read = 0;
  for (const [key, value] of store.range(table, { from, to, limit: rowsPerCommit })) {
    const made = row(key, value);
    if (made !== undefined) rows.push(made);
    read += value.byteLength;
    if (read >= bytesPerCommit) break;
  }
  return rows;
}
