import type { Clock } from "../lib/clock.ts";
import type { Event, Receipt } from "../lib/event.ts";
import type { Finding } from "../lib/finding.ts";
import type { Log } from "../lib/log.ts";
import type { TraceContext } from "../lib/trace.ts";
import type { BatchAnswer } from "./batch.ts";
import type { Cluster, ObjectPlace } from "./cluster.ts";
import type { Egress } from "./egress.ts";
import type { KeyRef, Schema } from "./fields.ts";

export type { Cluster } from "./cluster.ts";

/**
 * A trigger type: a plain value in the list of `triggers/index.ts`. Parameters, payload, retry, rate limit, policy and
 * dead letters are the stage's; a trigger only acts, once, when told.
 */
export interface Trigger<C, Client = undefined> {
  /** The key in a trigger's `template`, as Argo Events spells it. */
  readonly kind: string;
  readonly title: string;
  readonly summary: string;
  /** A whole Sensor manifest in YAML, the smallest that works; tested to validate. */
  readonly example: string;
  /** Schema of `template.<kind>`. */
  readonly config: Schema<C>;
  /** Rules across fields; paths are relative to `template.<kind>`. Pure. */
  lint?(config: C): Iterable<Finding>;
  /** What of the resolved configuration decides the connection; firings with equal keys share one. */
  connectionKey?(config: C): string;
  /**
   * What may be down as a whole, such as `host:port`: firings of all triggers wait together for one that is. The type and the
   * connection key unless given; without either, they never wait.
   */
  target?(config: C): string;
  /**
   * What the settings name to connect to, each as `host:port`: an event that changes one of them steers the connection, and
   * lint looks at them as they are written. Needed of each type whose settings name a place.
   */
  reaches?(config: C): readonly string[];
  /**
   * An attempt may take seconds or hours (a function, a Job): one that has run for 250 ms is told in its trace as `started`,
   * so that it is seen before it ends.
   */
  readonly longRunning?: boolean;
  /**
   * Asked once of each trigger whose settings no event changes, when its Sensor begins to run: makes ready what its first
   * firing would wait for. What it throws is told in the log, and changes nothing: the firing says it again.
   */
  prepare?(cx: ConnectContext<C>): Promise<void>;
  /** Opens what is kept between firings; disposed when unused or at the end. Renewed when a secret it read changes. */
  connect?(cx: ConnectContext<C>): Promise<Client & AsyncDisposable>;
  /**
   * Only for triggers that act with an object (k8s, argoWorkflow): fetches it, as JSON text, before type-level
   * parameters are applied to it (reference 3.7).
   */
  resource?(cx: ConnectContext<C>): Promise<string>;
  /**
   * One attempt. Returns what the target said; throws a TideError (its `retry` is obeyed) when it could not be told, or
   * refused. Must be safe to repeat with the same `key`. Ends within a second of `signal`'s abort.
   */
  fire(call: Call<C, Client>): Promise<Outcome>;
  /**
   * What `fire` would send, for people and for tests, without sending: `eval` prints it, `test` compares it. Opens no
   * connection. Secrets of the call are placeholders here, and what is new at each send (ids, labels, traces) is left
   * out. Absent: the resolved configuration is shown.
   */
  render?(call: RenderCall<C>): Promise<Rendered> | Rendered;
}

/** A call that is only shown: there is no client. */
export type RenderCall<C> = Omit<Call<C, never>, "client" | "key" | "attempt" | "deadlineMs" | "trace" | "emit">;

/** JSON: `{ method, url, headers, body }` of a request, `{ resource }` of an object, else the trigger's own fields. */
export type Rendered = Readonly<Record<string, unknown>>;

/** What a trigger may ask of the runtime. */
export interface ConnectContext<C> {
  readonly config: C;
  /** The sensor's namespace: the default for objects. */
  readonly namespace: string;
  /** The folder of the sensor's manifest: base of relative file paths. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  secret(ref: KeyRef): Promise<string>;
  configMap(ref: KeyRef): Promise<string>;
  sdk<T>(name: string, load: () => Promise<T>): Promise<T>;
  /**
   * What connectors keep between firings beside their clients, such as caches: opened at the first use of its name, the
   * same for all that ask for this name, disposed when the run ends and nothing fires any more.
   */
  keep<T extends AsyncDisposable>(name: string, open: () => T): T;
  /** Every connection that the trigger opens is opened by its leave. */
  readonly egress: Egress;
  /** Where Kubernetes objects are; undefined when there is neither a cluster nor a stand-in. */
  readonly cluster: Cluster | undefined;
}

export interface Call<C, Client> extends ConnectContext<C> {
  readonly client: Client;
  /** The sensor and trigger, for labels and log lines. */
  readonly sensor: string;
  readonly trigger: string;
  /** The object after type-level parameters, JSON text; only where the trigger has `resource`. */
  readonly resource: string | undefined;
  /** The body made by `payload`; undefined when the manifest has none. */
  readonly payload: Uint8Array | undefined;
  /** The events that satisfied the condition, by dependency, as transformed. */
  readonly events: ReadonlyMap<string, Event>;
  /** The idempotency key: the firing id; of a batch, the hash of the ids of its firings. */
  readonly key: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** When the trigger's `timeout` will abort `signal`, Unix milliseconds; absent where it has none. */
  readonly deadlineMs?: number;
  /**
   * Set when the call is for several firings: `payload` is the JSON list of their bodies, the rest is of the first one.
   * `keys`: their ids, in the order of the bodies; `items`: what each would be alone.
   */
  readonly batch?: {
    readonly size: number;
    readonly keys: readonly string[];
    readonly items: readonly BatchItem<C>[];
  };
  /** This attempt's place in the trace of its events; of a batch, of its first firing. */
  readonly trace: CallTrace;
  /**
   * Puts new events on the sensor's own bus: durable when it resolves, receipts in the order of the drafts. An attempt that
   * is repeated makes duplicates, not new events. Rejects with LOOP_GUARD where events cause each other without end.
   */
  emit(drafts: readonly NewDraft[]): Promise<readonly Receipt[]>;
  /** Resolves parameters that are not part of config or payload (such as `dynamicHeaders`); absent ones are left out. */
  resolve(parameters: readonly Parameter[]): ReadonlyMap<string, string>;
}

/** One firing of a batch. */
export interface BatchItem<C> extends Pick<Call<C, never>, "config" | "key" | "payload" | "events"> {
  /** Its own place in its own trace, to be handed on. */
  readonly trace: TraceContext;
}

export interface CallTrace {
  /** To be handed on in whatever the call sends: what its receiver does hangs below this attempt. */
  readonly context: TraceContext;
  /** How often the firing was a dead letter before: attempts count from 1 in each round. Absent in the first one. */
  readonly round?: number | undefined;
  /**
   * With it parts are told of after the attempt has ended, in another run too: text to be kept with what the call starts
   * and does not wait for (a Job). Undefined where nobody reads them.
   */
  readonly ticket?: string | undefined;
  /** Tells of a part of this attempt that has ended, or of a moment (`started`, progress): kept and shown at once. */
  span(span: ChildSpan): void;
}

/** A part of an attempt in its trace. Times are Unix microseconds; a moment has two equal ones. */
export interface ChildSpan {
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
  /** Set where it failed: why, in a sentence. */
  readonly error?: string;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** 16 hex digits, where other spans name it as their parent; made up unless given. */
  readonly spanId?: string;
  /** The span it is a part of; the attempt unless given. */
  readonly parentId?: string;
}

/** A new event for the bus. */
export interface NewDraft {
  /** As a dependency names it: `eventSourceName`. */
  readonly source: string;
  /** As a dependency names it: `eventName`. */
  readonly subject: string;
  /** JSON text in UTF-8. */
  readonly data: Uint8Array;
  /** Tells apart the events of one firing, the same at each attempt; their order does unless given. */
  readonly id?: string;
  /** In a call with `batch`: the key of the item that it comes of, the first one unless given. */
  readonly item?: string;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** What the target said. The stage judges `status` by the policy. */
export interface Outcome {
  /** HTTP status, where there is one. */
  readonly status?: number;
  /** A short text for people: `created job orders/x`, `200 OK`. */
  readonly said?: string;
  /** First bytes of the answer, for `why` and dead letters; at most 4 KiB. */
  readonly body?: string;
  /** When the target asked to wait (`Retry-After`), counted from now. */
  readonly retryAfterMs?: number;
  /** The target asked never to be sent this again, in these words. Counts only where the outcome is a failure. */
  readonly stop?: string;
  /** The Kubernetes object that was made or changed: `policy.k8s` polls its labels (reference 3.8). */
  readonly object?: ObjectPlace;
  /** Only for a call with `batch`: the items that failed although the call as such did not. */
  readonly failedItems?: BatchAnswer;
}

/** A parameter as the manifest has it (reference 3.7). */
export interface Parameter {
  readonly src: ParameterSource;
  readonly dest: string;
  readonly operation?: "" | "overwrite" | "append" | "prepend" | undefined;
}

export interface ParameterSource {
  readonly dependencyName: string;
  readonly contextKey?: string | undefined;
  readonly contextTemplate?: string | undefined;
  readonly dataKey?: string | undefined;
  readonly dataTemplate?: string | undefined;
  readonly value?: string | null | undefined;
  readonly useRawData?: boolean | undefined;
}

export function defineTrigger<C, Client = undefined>(trigger: Trigger<C, Client>): Trigger<C, Client> {
  return trigger;
}
