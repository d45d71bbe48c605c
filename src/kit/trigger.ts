import type { Clock } from "../lib/clock.ts";
import type { Event } from "../lib/event.ts";
import type { Finding } from "../lib/finding.ts";
import type { Log } from "../lib/log.ts";
import type { KeyRef, Schema } from "./fields.ts";

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
}

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
  /** Where Kubernetes objects go; undefined when there is neither a cluster nor a stand-in. */
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
  /** The idempotency key: the firing id. */
  readonly key: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Resolves parameters that are not part of config or payload (such as `dynamicHeaders`); absent ones are left out. */
  resolve(parameters: readonly Parameter[]): ReadonlyMap<string, string>;
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

/** Where Kubernetes objects go: a real API, or local processes that stand in for Jobs. */
export interface Cluster {
  /**
   * Creates `object`. With `key` an object made by an earlier attempt of the same firing is found again and counts as
   * created. Rejects with a TideError that says what to do.
   */
  create(request: {
    readonly object: Readonly<Record<string, unknown>>;
    readonly namespace: string;
    readonly key: string;
    readonly folder: string;
    readonly signal: AbortSignal;
  }): Promise<{ readonly said: string }>;
}

export function defineTrigger<C, Client = undefined>(trigger: Trigger<C, Client>): Trigger<C, Client> {
  return trigger;
}
