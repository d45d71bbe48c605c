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

interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

const rowsPerCommit = 500;

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
  const oldest = (table: "events" | "facts", limit: number): Row[] =>
    Array.from(store.range(table, { from: logKey(bus, 0), to: logKey(bus, lastPlace), limit }), ([key, value]) => ({
      key,
      value,
    }));
  const firstSeq = (): number => {
    const row = oldest("events", 1)[0];
    return row === undefined ? 0 : placeOf(row.key);
  };
  const remove = (table: "events" | "facts", rows: readonly Row[]): Promise<void> =>
    parts.committer.commit({
      prepare(tx) {
        for (const { key, value } of rows) {
          tx.remove(table, key);
          count(tx, -value.byteLength);
          if (table === "facts") continue;
          const { id, dedup } = decodeForRetention(value);
          if (dedup !== undefined) parts.dedup.remove(tx, { id, seq: placeOf(key) }, dedup);
        }
      },
    });
  const takeEvents = async (): Promise<void> => {
    const oldestUs = nowUs(parts.clock) - limits.maxAgeMs * 1000;
    const pin = parts.pinnedEvents();
    for (;;) {
      let excess = bytes - limits.maxBytes * 0.9;
      const rows = oldest("events", rowsPerCommit).filter(({ key, value }) => {
        if (placeOf(key) > pin) return false;
        const goes = excess > 0 || decodeForRetention(value).receivedUs < oldestUs;
        if (goes) excess -= value.byteLength;
        return goes;
      });
      if (rows.length === 0) return;
      await remove("events", rows);
    }
  };
  const takeFacts = async (): Promise<void> => {
    const pin = parts.pinnedFacts();
    for (;;) {
      const rows = oldest("facts", rowsPerCommit).filter(({ key }) => placeOf(key) <= pin);
      if (rows.length === 0) return;
      await remove("facts", rows);
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
      const newest = Array.from(
        store.range("events", { from: logKey(bus, 0), to: logKey(bus, lastPlace), limit: 1, reverse: true }),
        ([key]) => placeOf(key),
      )[0];
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
