import type { Clock } from "../lib/clock.ts";
import type { Receipt } from "../lib/event.ts";
import type { Finding } from "../lib/finding.ts";
import type { Log } from "../lib/log.ts";
import type { StateStore } from "../lib/state.ts";
import type { TraceContext } from "../lib/trace.ts";
import type { Cluster } from "./cluster.ts";
import type { Egress } from "./egress.ts";
import type { KeyRef, Schema } from "./fields.ts";
import type { Listener } from "./webhook.ts";

/**
 * An event source type: a plain value in the list of `sources/index.ts`. One file and one test add one.
 * `config` is the schema of one entry (`spec.<kind>.<eventName>`); everything a person reads about it derives from there.
 */
export interface Source<C> {
  /** The key under `spec` of an EventSource, as Argo Events spells it. */
  readonly kind: string;
  /** The word in `context.type` where it is not `kind` (reference 1.5). */
  readonly type?: string;
  readonly title: string;
  /** One sentence for the list of sources. */
  readonly summary: string;
  /** A whole EventSource manifest in YAML, the smallest that works; tested to validate. */
  readonly example: string;
  readonly config: Schema<C>;
  /** Rules across fields; paths are relative to the entry. Pure. */
  lint?(config: C): Iterable<Finding>;
  /** What the entry names to connect to, each as `host:port`: lint looks at them as they are written. */
  reaches?(config: C): readonly string[];
  /** The TCP ports this entry listens on, so that two entries that cannot share one are found before start. */
  ports?(config: C): readonly number[];
  /**
   * Takes occurrences until `cx.signal` aborts, then returns within a second. Returning earlier means that the upstream
   * ended for good; throwing means "start me again after a pause", forever, with jittered backoff.
   */
  run(cx: SourceContext<C>): Promise<void>;
}

/** What a source makes of one occurrence; the stage adds id, time and envelope. */
export interface Draft {
  /** The event's data, JSON text in UTF-8, exactly in Argo Events' shape (reference 1.6). */
  readonly data: Uint8Array;
  /** The upstream's own id of the occurrence: makes the event id deterministic and so a redelivery a `duplicate`. */
  readonly upstreamId?: string;
  /** A whole event id where the reference prescribes its form (Kafka). */
  readonly id?: string;
  /** When the sender sent it, Unix microseconds, where the upstream tells. */
  readonly sentUs?: number;
  /** CloudEvents extension attributes to keep. */
  readonly extensions?: Readonly<Record<string, string>>;
  /** The trace that the occurrence brought with it: the event is a part of it. */
  readonly trace?: TraceContext | undefined;
  /** Why the source itself turns it down (no rule of it matches): its receipt is `filtered`, and nothing of it is stored. */
  readonly turnedDown?: string;
}

/** An occurrence that cannot be made into an event at all: what the record keeps of it. */
export interface Refusal {
  readonly upstreamId?: string;
  readonly sentUs?: number;
  /** A sentence for people. */
  readonly reason: string;
}

/** What all firings of an event came to, for `ackPolicy: onTriggered`. */
export type Settled = "done" | "failed";

export interface SourceContext<C> {
  readonly config: C;
  /** Which entry this is. */
  readonly entry: EntryName;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  /**
   * Hands over drafts; resolves, in their order, once the bus holds them durably: only then acknowledge upstream.
   * `filtered` is an answer too: acknowledge. `refused` (too large, no valid JSON) is final for that draft: the reason
   * says why; acknowledge or dead-letter it as the upstream allows. Rejects only when nothing is durable: do not acknowledge.
   */
  emit(drafts: readonly Draft[]): Promise<readonly Receipt[]>;
  /**
   * Records occurrences that cannot become drafts (a body that is no JSON where the entry promises JSON), so that they are
   * seen and not silently dropped. Answers `refused` receipts once they are durable; rejects as `emit` does.
   */
  refuse(refusals: readonly Refusal[]): Promise<readonly Receipt[]>;
  /** Resolves when all firings of the event are settled; only to be awaited for `ackPolicy: onTriggered`. */
  settled(eventId: string, signal: AbortSignal): Promise<Settled>;
  /**
   * Tells that the upstream was told to forget these occurrences, and may yet bring one again under its id as a new one (an
   * SQS redrive): five minutes from now their ids count as new. Only for upstreams that do that. Nothing to be waited for:
   * it is kept within a second, and where the process dies before, the ids are known as long as their events.
   */
  acknowledged(occurrences: readonly Pick<Draft, "id" | "upstreamId">[]): void;
  /** Connected and taking occurrences; may be told again after `waiting`. */
  ready(): void;
  /** Up, but nothing can come yet, and why (shown in `status`, keeps readyz green). */
  waiting(reason: string): void;
  /** Durable, of this entry alone. */
  readonly checkpoint: StateStore;
  readonly http: Listener;
  /** The value of a Secret's key, read afresh at each call; one trailing newline trimmed. Rejects with SECRET_MISSING. */
  secret(ref: KeyRef): Promise<string>;
  /** Loads a vendor's SDK on first use; rejects with SDK_MISSING and the install line when it is not there. */
  sdk<T>(name: string, load: () => Promise<T>): Promise<T>;
  /** Every connection that the source opens is opened by its leave. */
  readonly egress: Egress;
  /** Where Kubernetes objects are; undefined when there is neither a cluster nor a stand-in. */
  readonly cluster: Cluster | undefined;
}

export interface EntryName {
  readonly namespace: string;
  readonly eventSource: string;
  readonly event: string;
}

/** Keeps a connector's types while it is written; the list forgets them. */
export function defineSource<C>(source: Source<C>): Source<C> {
  return source;
}
