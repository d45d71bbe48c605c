import { createHash } from "node:crypto";
import { type Clock, nowUs } from "../../lib/clock.ts";
import { TideError } from "../../lib/errors.ts";
import type { Event, Receipt } from "../../lib/event.ts";
import type { Brought, Fact, ReceiptFact, StoredFact } from "../../lib/facts.ts";
import type { StateStore } from "../../lib/state.ts";
import type { Bus, BusStats, FactChunk, Log, LogEntry, NewEvent, Publication, Queue, Step } from "../bus.ts";
import { decodeEntry, decodeJson, decodeText, encodeEntry, encodeJson, encodeText } from "./codec.ts";
import type { Committer, Transaction } from "./committer.ts";
import type { DiskSpace } from "./disk-space.ts";
import { SequenceLog } from "./event-log.ts";
import { FiringQueue } from "./firing-queue.ts";
import { after, type BusNumber, idKey, logKey, textKey } from "./keys.ts";
import { openRetention, type Retention, type RetentionLimits } from "./retention.ts";
import { openState } from "./state-table.ts";
import type { Store } from "./store.ts";

export interface EmbeddedOptions {
  readonly clock: Clock;
  /** Whether facts are kept: off saves their writes, and with them `why`, `audit` and the record. */
  readonly facts: boolean;
  readonly limits: RetentionLimits;
  /** Events with more bytes of data are refused. */
  readonly maxEventBytes: number;
}

/** The number of a bus in keys, and where that is kept. */
export interface BusName {
  readonly number: BusNumber;
  readonly nameKey: Buffer;
  /** It is on disk already. */
  readonly named: boolean;
}

interface Known {
  /** The id of the newest occurrence: the given one, or derived when the window had ended. */
  readonly id: string;
  readonly seq: number;
  /** The end of the dedup window, where the upstream may bring the id again. */
  readonly endsUs?: number;
}

/** One bus in the shared store of a data folder. */
export class EmbeddedBus implements Bus {
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #space: DiskSpace | undefined;
  readonly #bus: BusNumber;
  readonly #nameKey: Buffer;
  #named: boolean;
  readonly #options: EmbeddedOptions;
  readonly #events: SequenceLog<LogEntry>;
  readonly #facts: SequenceLog<FactChunk>;
  readonly #queues = new Map<string, FiringQueue>();
  readonly #retention: Retention;
  /** Ids of publishes whose commit is under way: not yet to be seen in the store. */
  readonly #publishing = new Map<string, Known>();
  /** Facts of the commit that is being put together. */
  #gathered: Fact[] = [];
  #lastQueueNumber: number | undefined;

  constructor(parts: {
    readonly store: Store;
    readonly committer: Committer;
    /** Of the disk under it; undefined for one in memory. */
    readonly space: DiskSpace | undefined;
    readonly name: BusName;
    readonly options: EmbeddedOptions;
  }) {
    this.#store = parts.store;
    this.#committer = parts.committer;
    this.#space = parts.space;
    this.#bus = parts.name.number;
    this.#nameKey = parts.name.nameKey;
    this.#named = parts.name.named;
    this.#options = parts.options;
    const shared = { store: this.#store, bus: this.#bus, commit: this.#commitWith.bind(this) };
    this.#events = new SequenceLog<LogEntry>({
      ...shared,
      shape: {
        table: "events",
        decode: decodeEntry,
        sizeOf: (entry) => entry.event.data.byteLength + 400,
        timeOf: (entry) => entry.receivedUs,
      },
    });
    this.#facts = new SequenceLog<FactChunk>({
      ...shared,
      shape: {
        table: "facts",
        decode: (seq, value) => ({ seq, json: decodeText(value) }),
        sizeOf: (chunk) => chunk.json.length + 100,
        timeOf: () => undefined,
      },
    });
    this.#retention = openRetention({
      store: this.#store,
      committer: this.#committer,
      bus: this.#bus,
      clock: this.#options.clock,
      limits: this.#options.limits,
      pinnedEvents: () => this.#pinnedEvents(),
      pinnedFacts: () => this.#facts.slowestPlace(),
    });
  }

  async publish(publication: Publication, signal: AbortSignal): Promise<readonly Receipt[]> {
    signal.throwIfAborted();
    const looking = this.#space?.look();
    if (looking !== undefined) await looking;
    const low = this.#space?.low();
    if (low !== undefined) throw new TideError("BUS_FULL", low);
    const bytes = publication.events.reduce((sum, made) => sum + made.event.data.byteLength, 0);
    if (this.#retention.over(bytes)) await this.#retention.run();
    if (this.#retention.over(bytes)) {
      throw new TideError(
        "BUS_FULL",
        `the bus holds ${this.#retention.bytes()} bytes of at most ${this.#options.limits.maxBytes}, all still needed`,
      );
    }
    const receipts: Receipt[] = [];
    const stored: LogEntry[] = [];
    const prepare = (tx: Transaction): void => {
      this.#name(tx);
      for (const made of publication.events) receipts.push(this.#admit(tx, made, stored));
      if (publication.facts !== undefined) this.#gather(tx, publication.facts);
    };
    try {
      await this.#committer.commit({ prepare, durable: () => this.#stored(stored) });
      return receipts;
    } finally {
      for (const { event } of publication.events) this.#publishing.delete(event.id);
    }
  }

  events(group: string): Log<LogEntry> {
    return this.#events.group(group);
  }

  facts(group: string): Log<FactChunk> {
    return this.#facts.group(group);
  }

  queue(name: string): Queue {
    return this.#queue(name);
  }

  queues(): Promise<readonly string[]> {
    return Promise.resolve(this.#queueNames());
  }

  state(name: string): StateStore {
    return openState({ store: this.#store, bus: this.#bus, name, commit: (step) => this.commit(step) });
  }

  event(seq: number): Promise<LogEntry | undefined> {
    return Promise.resolve(this.#events.get(seq));
  }

  entries({ afterSeq, max }: { readonly afterSeq: number; readonly max: number }): Promise<readonly LogEntry[]> {
    return Promise.resolve(this.#events.read(afterSeq, max));
  }

  seqOf(eventId: string): Promise<number | undefined> {
    return Promise.resolve(this.#known(eventId)?.seq);
  }

  commit(step: Step): Promise<void> {
    return this.#commitWith(
      step,
      () => undefined,
      () => undefined,
    );
  }

  endDedup(ids: readonly string[], atUs: number): Promise<void> {
    return this.#committer.commit({
      prepare: (tx) => {
        for (const id of ids) {
          const known = this.#known(id);
          if (known !== undefined) tx.put("dedup", idKey(this.#bus, id), encodeJson({ ...known, endsUs: atUs }));
        }
      },
    });
  }

  stats(): BusStats {
    const { limits } = this.#options;
    this.#askAgain();
    const bytes = this.#retention.bytes();
    const share = bytes / limits.maxBytes;
    return {
      kind: this.#store.kind,
      bytes,
      maxBytes: limits.maxBytes,
      pinnedBytes: this.#retention.pinnedBytes(),
      firstSeq: this.#retention.firstSeq(),
      lastSeq: this.#events.lastDurable,
      dedupWindowMs: limits.maxAgeMs,
      warning: share >= 0.8 ? `the bus is ${Math.round(share * 100)} % full` : undefined,
      refusing: this.#space?.low() ?? this.#committer.failing,
    };
  }

  /** Whoever watches an idle bus must learn that the disk is well again, though nobody publishes: for the next answer. */
  #askAgain(): void {
    this.#space?.look()?.catch(() => undefined);
    if (this.#committer.failing === undefined) return;
    const trial = (tx: Transaction): void => tx.put("meta", textKey(this.#bus, "trial"), encodeJson(0));
    this.#committer.commit({ prepare: trial }).catch(() => undefined);
  }

  /** Runs retention now; the runtime calls it from time to time. */
  retain(): Promise<void> {
    return this.#retention.run();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#committer.close();
  }

  #admit(tx: Transaction, made: NewEvent, stored: LogEntry[]): Receipt {
    const { event } = made;
    if (event.data.byteLength > this.#options.maxEventBytes) {
      const reason = `the event has ${event.data.byteLength} bytes, more than maxEventBytes ${this.#options.maxEventBytes}`;
      this.#gather(tx, [receiptFact(made, "refused", reason)]);
      return { id: event.id, outcome: "refused", reason };
    }
    const known = made.dedup ? this.#known(event.id) : undefined;
    if (known !== undefined && (known.endsUs === undefined || known.endsUs > made.receivedUs)) {
      this.#gather(tx, [receiptFact({ ...made, event: { ...event, id: known.id } }, "duplicate")]);
      return { id: known.id, outcome: "duplicate" };
    }
    const seq = this.#events.give(tx);
    const kept: Event = known === undefined ? event : { ...event, id: laterOccurrence(known) };
    const value = encodeEntry(kept, made);
    tx.put("events", logKey(this.#bus, seq), value);
    this.#retention.added(tx, value.byteLength);
    if (made.dedup) {
      const now: Known = { id: kept.id, seq };
      tx.put("dedup", idKey(this.#bus, event.id), encodeJson(now));
      this.#publishing.set(event.id, now);
    }
    const { receivedUs, sentUs, skewUs } = made;
    stored.push({ seq, event: kept, receivedUs, sentUs, skewUs, storedUs: undefined });
    this.#gather(tx, [storedFact(made, kept.id, seq)]);
    return { id: kept.id, outcome: "stored" };
  }

  #stored(entries: readonly LogEntry[]): void {
    const storedUs = nowUs(this.#options.clock);
    for (const entry of entries) this.#events.append({ ...entry, storedUs });
  }

  #known(id: string): Known | undefined {
    const publishing = this.#publishing.get(id);
    if (publishing !== undefined) return publishing;
    const value = this.#store.get("dedup", idKey(this.#bus, id));
    return value === undefined ? undefined : (decodeJson(value) as Known);
  }

  /** The number of this bus is kept by its first commit: no later one may go without it. */
  #name(tx: Transaction): void {
    if (this.#named) return;
    tx.put("meta", this.#nameKey, encodeJson(this.#bus));
    tx.afterDurable(() => {
      this.#named = true;
    });
  }

  #commitWith(step: Step, prepare: (tx: Transaction) => void, durable: () => void): Promise<void> {
    const effects: (() => void)[] = [];
    return this.#committer.commit({
      prepare: (tx) => {
        this.#name(tx);
        prepare(tx);
        this.#prepareStep(tx, step, effects);
      },
      durable: () => {
        for (const effect of effects) effect();
        durable();
      },
    });
  }

  #prepareStep(tx: Transaction, step: Step, effects: (() => void)[]): void {
    for (const { store, key, value } of step.state ?? []) {
      const at = textKey(this.#bus, `${store}\0${key}`);
      if (value === undefined) tx.remove("state", at);
      else tx.put("state", at, Buffer.from(value));
    }
    for (const firing of step.firings ?? []) effects.push(this.#queue(firing.queue).add(tx, firing));
    for (const { group, seq } of step.places ?? []) effects.push(this.#events.move(tx, group, seq));
    if (step.facts !== undefined && step.facts.length > 0) this.#gather(tx, step.facts);
  }

  /** All facts of one commit become one value: a chunk. */
  #gather(tx: Transaction, facts: readonly Fact[]): void {
    if (!this.#options.facts) return;
    for (const fact of facts) this.#gathered.push(fact);
    tx.finally(this, () => {
      const json = JSON.stringify(this.#gathered);
      this.#gathered = [];
      const seq = this.#facts.give(tx);
      const value = encodeText(json);
      tx.put("facts", logKey(this.#bus, seq), value);
      this.#retention.added(tx, value.byteLength);
      tx.afterDurable(() => this.#facts.append({ seq, json }));
    });
  }

  #queue(name: string): FiringQueue {
    const open = this.#queues.get(name);
    if (open !== undefined) return open;
    const queue = new FiringQueue({
      store: this.#store,
      bus: this.#bus,
      name,
      ...this.#queueNumber(name),
      clock: this.#options.clock,
      entry: (seq) => this.#events.get(seq),
      commit: this.#commitWith.bind(this),
    });
    this.#queues.set(name, queue);
    return queue;
  }

  /** The number of a queue, for keys; a new one becomes durable with the queue's first row. */
  #queueNumber(name: string): { readonly number: number; readonly nameKey: Buffer; readonly named: boolean } {
    const nameKey = textKey(this.#bus, `queue/${name}`);
    const known = this.#store.get("meta", nameKey);
    if (known !== undefined) return { number: Number(decodeJson(known)), nameKey, named: true };
    if (this.#lastQueueNumber === undefined) {
      const prefix = textKey(this.#bus, "queue/");
      const numbers = Array.from(this.#store.range("meta", { from: prefix, to: after(prefix) }), ([, value]) =>
        Number(decodeJson(value)),
      );
      this.#lastQueueNumber = Math.max(0, ...numbers);
    }
    this.#lastQueueNumber += 1;
    return { number: this.#lastQueueNumber, nameKey, named: false };
  }

  /** Every event up to this place is read by all groups and by no live firing. */
  #pinnedEvents(): number {
    let pin = this.#events.slowestPlace();
    for (const name of this.#queueNames()) {
      const oldest = this.#queue(name).oldestEvent();
      if (oldest !== undefined) pin = Math.min(pin, oldest - 1);
    }
    return pin;
  }

  #queueNames(): readonly string[] {
    const prefix = textKey(this.#bus, "queue/");
    return Array.from(this.#store.range("meta", { from: prefix, to: after(prefix) }), ([key]) =>
      key.toString("utf8", prefix.length),
    );
  }
}

/** The id of a later occurrence under an upstream id whose dedup window had ended. */
function laterOccurrence(known: Known): string {
  return createHash("sha256").update(`${known.id}\n${known.seq}`).digest("hex").slice(0, 32);
}

function storedFact(made: NewEvent, id: string, seq: number): StoredFact {
  const { event, receivedUs } = made;
  return {
    k: "stored",
    event: id,
    seq,
    source: event.source,
    subject: event.subject,
    type: event.type,
    receivedUs,
    bytes: event.data.byteLength,
    ...(made.reason === undefined ? {} : { reason: made.reason }),
    ...broughtBy(made),
  };
}

function receiptFact(made: NewEvent, outcome: ReceiptFact["outcome"], reason?: string): ReceiptFact {
  const { event, receivedUs } = made;
  return {
    k: "receipt",
    event: event.id,
    outcome,
    source: event.source,
    subject: event.subject,
    type: event.type,
    receivedUs,
    ...(reason === undefined ? {} : { reason }),
    ...broughtBy(made),
  };
}

/** What a sender said: its clock, and the trace that it is a part of. Absent fields cost no bytes. */
function broughtBy({ event, sentUs, skewUs }: NewEvent): Brought & Pick<StoredFact, "sentUs"> {
  const { traceparent, originaltraceparent } = event.extensions;
  return {
    ...(sentUs === undefined ? {} : { sentUs }),
    ...(skewUs === undefined ? {} : { skewUs }),
    ...(traceparent === undefined ? {} : { trace: traceparent }),
    ...(originaltraceparent === undefined ? {} : { replayOf: originaltraceparent }),
  };
}
