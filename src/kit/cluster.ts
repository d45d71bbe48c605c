/** A Kubernetes object as its JSON has it. Keys such as `__proto__` are data. */
export type KubeObject = Readonly<Record<string, unknown>>;

/**
 * What kind of object is meant, by `kind` (`Job`) or by the plural that its API path has (`jobs`). The API is asked which
 * path it has and whether it is namespaced (discovery): nothing is guessed from the spelling.
 */
export type KubeKind =
  | { readonly apiVersion: string; readonly kind: string }
  | { readonly apiVersion: string; readonly resource: string };

/** One object. `namespace` is not looked at where the kind is cluster-scoped. */
export type ObjectPlace = KubeKind & { readonly namespace: string; readonly name: string };

/** Which objects a list or a watch is of. */
export type ObjectQuery = KubeKind & {
  /** undefined: all namespaces, or a cluster-scoped kind. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
};

/** How a patch is written; what `patchStrategy` of a manifest says. */
export type PatchType =
  | "application/merge-patch+json"
  | "application/json-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/apply-patch+yaml";

export interface ObjectList {
  readonly items: readonly KubeObject[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
  /** Set when there is more: the `continue` of the next call. */
  readonly continue?: string;
}

/** What a watch tells. The object of a BOOKMARK has only a new `metadata.resourceVersion`. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

/** What a change came to. */
export interface Changed {
  /** For people: `created job orders/pack-x2b`. */
  readonly said: string;
  /** The object as the API now has it; absent where it is gone, or nobody keeps one. */
  readonly object?: KubeObject;
}

export interface CreateRequest {
  readonly object: KubeObject;
  /** The object's own namespace, or the default for it; not looked at where the kind is cluster-scoped. */
  readonly namespace: string;
  /**
   * The firing id. It goes into a label, and a `generateName` becomes a name made from it; an object of this name with
   * this label was made by an earlier attempt, and counts as created.
   */
  readonly key: string;
  /** What a Job that runs as local processes tells of its runs by, in the trace of its firing (`CallTrace.ticket`). */
  readonly ticket?: string | undefined;
  /** Base of relative paths, for Jobs that run as local processes. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Where Kubernetes objects are: a real API, or local processes that stand in for Jobs (which can only be created: all else
 * rejects with OPERATION_UNSUPPORTED). One is made per run and shared by all triggers and sources; the real one connects at
 * its first use.
 *
 * Every call is one request (after discovery, which is kept), with these exceptions: credentials that are refused (401) are
 * read again once, and `update` by a function reads again after a conflict. Nothing else is retried: the stage does that.
 * Rejects with a TideError; its `retry` says whether trying again can help, `Retry-After` included:
 * TARGET_UNREACHABLE (no connection, nothing sent), CLUSTER_BUSY (429, 5xx, a connection that broke), QUOTA_EXCEEDED,
 * CLUSTER_UNAUTHORIZED, CLUSTER_FORBIDDEN (final; names verb, resource, namespace, account and the rule to add),
 * CLUSTER_REFUSED (final: the API says that the object is not valid), KIND_UNKNOWN, RESOURCE_EXISTS, RESOURCE_CONFLICT,
 * RESOURCE_MISSING (of `patch`, `update` and `create`: the object or its namespace), WATCH_EXPIRED (list again).
 */
export interface Cluster {
  /** Creates an object, once per `key`. RESOURCE_EXISTS when another than this firing made one of that name. */
  create(request: CreateRequest): Promise<Changed>;
  /** undefined when there is none. */
  get(place: ObjectPlace, signal: AbortSignal): Promise<KubeObject | undefined>;
  /** One page: `limit` objects, `continue` of the page before. Without a limit, all. */
  list(
    query: ObjectQuery & { readonly limit?: number | undefined; readonly continue?: string | undefined },
    signal: AbortSignal,
  ): Promise<ObjectList>;
  /**
   * Changes after `resourceVersion`, until the server ends the watch (which it does every few minutes: watch again from the
   * last version seen) or `signal` aborts; both end the iteration quietly. Asks for bookmarks. Throws WATCH_EXPIRED when
   * the server no longer has that version.
   */
  watch(query: ObjectQuery & { readonly resourceVersion: string }, signal: AbortSignal): AsyncIterable<WatchEvent>;
  /**
   * Reads the object, gives it to `change`, writes what that makes of it, and does so again (5 times at most) when another
   * wrote in between. `change` must be pure; with undefined nothing is written.
   */
  update(
    place: ObjectPlace,
    change: (object: KubeObject) => KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<Changed>;
  /** `body` is a list for a JSON patch, else a part of the object. An apply patch makes the object where it is missing. */
  patch(
    place: ObjectPlace & { readonly type: PatchType; readonly body: unknown },
    signal: AbortSignal,
  ): Promise<Changed>;
  /** An object that is not there is a success, and `said` says so. */
  delete(place: ObjectPlace, signal: AbortSignal): Promise<Changed>;
}
