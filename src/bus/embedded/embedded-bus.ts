import type { Clock } from "../../lib/clock.ts";
import { TideError } from "../../lib/errors.ts";
import type { Event, Receipt } from "../../lib/event.ts";
import type { Fact } from "../../lib/facts.ts";
import type { StateStore } from "../../lib/state.ts";
import type { Bus, BusStats, FactChunk, Log, LogEntry, NewEvent, Publication, Queue, Step } from "../bus.ts";
import { decodeEntry, decodeText, encodeEntry, encodeJson, encodeText } from "./codec.ts";
import type { Committer, Transaction } from "./committer.ts";
import { Dedup, laterOccurrence } from "./dedup.ts";
import type { DiskSpace } from "./disk-space.ts";
import { type CommitWith, SequenceLog } from "./event-log.ts";
import { factChunks } from "./fact-chunks.ts";
import { FiringQueues } from "./firing-queues.ts";
import { type BusNumber, logKey, textKey } from "./keys.ts";
import { Publications, type Stored } from "./publications.ts";
import { receiptFact, storedFact } from "./receipt-facts.ts";
import { openRetention, type Retention, type RetentionLimits } from "./retention.ts";
import { openState } from "./state-table.ts";
import type { Store } from "./store.ts";

/** What is the same for all buses of a folder. */
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
  readonly #queues: FiringQueues;
  readonly #retention: Retention;
  readonly #dedup: Dedup;
  /** Facts of the commit that is being put together. */
  #gathered: Fact[] = [];
  readonly #publications: Publications;

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
    this.#dedup = new Dedup(this.#store, this.#bus);
    this.#queues = new FiringQueues({
      ...shared,
      hurry: () => this.#committer.hurry(),
      clock: this.#options.clock,
      entry: (seq) => this.#events.get(seq),
    });
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
    this.#publications = new Publications({
      committer: this.#committer,
      clock: this.#options.clock,
      log: this.#events,
      begin: (tx) => this.#name(tx),
      admit: (tx, made, stored) => this.#admit(tx, made, stored),
      step: (tx, step, effects) => this.#prepareStep(tx, step, effects),
      over: (events) => {
        for (const { event, dedup } of events) if (dedup) this.#dedup.published(event.id);
      },
    });
    this.#retention = openRetention({
      store: this.#store,
      committer: this.#committer,
      bus: this.#bus,
      dedup: this.#dedup,
      clock: this.#options.clock,
      limits: this.#options.limits,
      pinnedEvents: () => this.#pinnedEvents(),
      pinnedFacts: () => this.#facts.slowestPlace(),
    });
  }

  publish(publication: Publication, signal: AbortSignal): Promise<readonly Receipt[]> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const looking = this.#space?.look();
    const mustWait = looking !== undefined || this.#space?.low() !== undefined;
    // mostly there is room: an asynchronous function of its own costs as much as the rest
    if (!mustWait && !this.#retention.over(bytesOf(publication))) return this.#publications.add(publication);
    return this.#publishWhereRoom(publication, looking);
  }

  async #publishWhereRoom(publication: Publication, looking: Promise<void> | undefined): Promise<readonly Receipt[]> {
    await looking;
    const low = this.#space?.low();
    if (low !== undefined) throw new TideError("BUS_FULL", low);
    const bytes = bytesOf(publication);
    if (this.#retention.over(bytes)) await this.#retention.run();
    if (this.#retention.over(bytes)) {
      throw new TideError(
        "BUS_FULL",
        `the bus holds ${this.#retention.bytes()} bytes of at most ${this.#options.limits.maxBytes}, all still needed`,
      );
    }
    return this.#publications.add(publication);
  }

  events(group: string): Log<LogEntry> {
    return this.#events.group(group);
  }

  facts(group: string): Log<FactChunk> {
    return this.#facts.group(group);
  }

  queue(name: string): Queue {
    return this.#queues.queue(name);
  }

  queues(): Promise<readonly string[]> {
    return Promise.resolve(this.#queues.names());
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
    return Promise.resolve(this.#dedup.known(eventId)?.seq);
  }

  commit(step: Step): Promise<void> {
    return this.#commitWith(step, { prepare: () => undefined });
  }

  endDedup(ids: readonly string[], atUs: number): Promise<void> {
    return this.#committer.commit({
      prepare: (tx) => this.#dedup.end(tx, ids, atUs),
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

  #admit(tx: Transaction, made: NewEvent, stored: Stored[]): Receipt {
    const { event } = made;
    if (event.data.byteLength > this.#options.maxEventBytes) {
      const reason = `the event has ${event.data.byteLength} bytes, more than maxEventBytes ${this.#options.maxEventBytes}`;
      this.#gather(tx, [receiptFact(made, "refused", reason)]);
      return { id: event.id, outcome: "refused", reason };
    }
    const known = made.dedup ? this.#dedup.known(event.id) : undefined;
    if (known !== undefined && (known.endsUs === undefined || known.endsUs > made.receivedUs)) {
      this.#gather(tx, [receiptFact({ ...made, event: { ...event, id: known.id } }, "duplicate")]);
      return { id: known.id, outcome: "duplicate" };
    }
    const seq = this.#events.give(tx);
    const kept: Event = known === undefined ? event : { ...event, id: laterOccurrence(known) };
    const value = encodeEntry(kept, made);
    tx.put("events", logKey(this.#bus, seq), value);
    this.#retention.added(tx, value.byteLength);
    if (made.dedup) this.#dedup.add(tx, event.id, { id: kept.id, seq });
    const { receivedUs, sentUs, skewUs } = made;
    stored.push({ seq, event: kept, receivedUs, sentUs, skewUs, storedUs: undefined });
    if (this.#options.facts) this.#gather(tx, [storedFact(made, kept.id, seq)]);
    return { id: kept.id, outcome: "stored" };
  }

  /** The number of this bus is kept by its first commit: no later one may go without it. */
  #name(tx: Transaction): void {
    if (this.#named) return;
    tx.put("meta", this.#nameKey, encodeJson(this.#bus));
    tx.afterDurable(() => {
      this.#named = true;
    });
  }

  #commitWith(...[step, member]: Parameters<CommitWith>): Promise<void> {
    const effects: (() => void)[] = [];
    return this.#committer.commit({
      ...member,
      prepare: (tx) => {
        this.#name(tx);
        member.prepare(tx);
        this.#prepareStep(tx, typeof step === "function" ? step() : step, effects);
      },
      durable: () => {
        for (const effect of effects) effect();
        member.durable?.();
      },
    });
  }

  #prepareStep(tx: Transaction, step: Step, effects: (() => void)[]): void {
    for (const { store, key, value } of step.state ?? []) {
      const at = textKey(this.#bus, `${store}\0${key}`);
      if (value === undefined) tx.remove("state", at);
      else tx.put("state", at, Buffer.from(value));
    }
    for (const firing of step.firings ?? []) effects.push(this.#queues.queue(firing.queue).add(tx, firing));
    for (const { group, seq } of step.places ?? []) effects.push(this.#events.move(tx, group, seq));
    if (step.facts !== undefined && step.facts.length > 0) this.#gather(tx, step.facts);
  }

  /** The facts of one commit, of all its members, go into the log together. */
  #gather(tx: Transaction, facts: readonly Fact[]): void {
    if (!this.#options.facts) return;
    const before = this.#gathered.length;
    for (const fact of facts) this.#gathered.push(fact);
    tx.afterFailure(() => {
      this.#gathered.length = Math.min(before, this.#gathered.length);
    });
    tx.finally(this, () => {
      const chunks = factChunks(this.#gathered).map((json): FactChunk => ({ seq: this.#facts.give(tx), json }));
      this.#gathered = [];
      for (const { seq, json } of chunks) {
        const value = encodeText(json);
        tx.put("facts", logKey(this.#bus, seq), value);
        this.#retention.added(tx, value.byteLength);
      }
      tx.afterDurable(() => this.#facts.append(chunks));
    });
  }

  /** Every event up to this place is read by all groups and by no live firing. */
  #pinnedEvents(): number {
    const read = this.#events.slowestPlace();
    const oldest = this.#queues.oldestEvent();
    return oldest === undefined ? read : Math.min(read, oldest - 1);
  }
}

function bytesOf({ events }: Publication): number {
  let bytes = 0;
  for (const { event } of events) bytes += event.data.byteLength;
  return bytes;
}
