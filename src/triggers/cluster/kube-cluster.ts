import type {
  Changed,
  Cluster,
  CreateRequest,
  KubeKind,
  KubeObject,
  ObjectList,
  ObjectPlace,
  ObjectQuery,
  PatchType,
  WatchEvent,
} from "../../kit/cluster.ts";
import { isTide, TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { Access, type AccessOptions } from "./access.ts";
import { Discovery, type Located } from "./discovery.ts";
import { type Asked, sayAsked, statusFault } from "./faults.ts";
import { firingLabel, firingLabelOf, generatedName } from "./firing-name.ts";
import { textAt } from "./kubeconfig.ts";
import { ask as askOnce, type KubeRequest } from "./requests.ts";
import { watchLines } from "./watch.ts";

/** Who wrote a field, in `metadata.managedFields`. */
const fieldManager = "tidemill";
const mostUpdates = 5;

/** A real Kubernetes API. Connects at the first use. */
export class KubeCluster implements Cluster, AsyncDisposable {
  readonly #access: Access;
  readonly #discovery: Discovery;

  constructor(options: AccessOptions) {
    this.#access = new Access(options);
    this.#discovery = new Discovery(this.#access);
  }

  async create({ object, namespace, key, signal }: CreateRequest): Promise<Changed> {
    const kind = kindOf(object);
    const at = await this.#discovery.locate(kind, signal);
    const { named, generated } = namedBy(object, key, at.namespaced ? namespace : undefined);
    const place = { ...kind, namespace, name: textAt(named.metadata, "name") ?? "" };
    try {
      const request = { verb: "create", method: "POST", body: named } as const;
      const made = await this.#ask(at, { ...place, ...request, query: { fieldManager } }, signal);
      return changed("created", at, made);
    } catch (error) {
      if (!isTide(error, "RESOURCE_EXISTS")) throw error;
      return this.#alreadyThere(place, { at, generated, key, error }, signal);
    }
  }

  async get(place: ObjectPlace, signal: AbortSignal): Promise<KubeObject | undefined> {
    const at = await this.#discovery.locate(place, signal);
    try {
      return objectOf(await this.#ask(at, { ...place, verb: "get", method: "GET" }, signal));
    } catch (error) {
      if (isTide(error, "RESOURCE_MISSING")) return undefined;
      throw error;
    }
  }

  async list(
    query: ObjectQuery & { readonly limit?: number | undefined; readonly continue?: string | undefined },
    signal: AbortSignal,
  ): Promise<ObjectList> {
    const at = await this.#discovery.locate(query, signal);
    const { limit, labelSelector, fieldSelector } = query;
    const asked = { limit: limit === undefined ? undefined : String(limit), continue: query.continue };
    const body = objectOf(
      await this.#ask(
        at,
        { ...query, name: "", verb: "list", method: "GET", query: { labelSelector, fieldSelector, ...asked } },
        signal,
      ),
    );
    const more = textAt(body.metadata, "continue");
    return {
      // the items of a list have no apiVersion and kind of their own
      items: itemsOf(body).map((item) => ({ apiVersion: query.apiVersion, kind: at.kind, ...item })),
      resourceVersion: textAt(body.metadata, "resourceVersion") ?? "",
      ...(more === undefined ? {} : { continue: more }),
    };
  }

  async *watch(
    query: ObjectQuery & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    const at = await this.#discovery.locate(query, signal);
    const { labelSelector, fieldSelector, resourceVersion } = query;
    const parameters = { watch: "1", allowWatchBookmarks: "true", labelSelector, fieldSelector, resourceVersion };
    yield* watchLines(
      this.#access,
      requestOf(at, { ...query, name: "", verb: "watch", method: "GET", query: parameters }),
      signal,
    );
  }

  async update(
    place: ObjectPlace,
    change: (object: KubeObject) => KubeObject | undefined,
    signal: AbortSignal,
  ): Promise<Changed> {
    const at = await this.#discovery.locate(place, signal);
    for (let tries = 1; ; tries++) {
      const read = objectOf(await this.#ask(at, { ...place, verb: "get", method: "GET" }, signal));
      const next = change(read);
      if (next === undefined) return { said: `${sayPlace(at, place)} is as it should be`, object: read };
      try {
        const request = { ...place, verb: "update", method: "PUT", body: next, query: { fieldManager } } as const;
        return changed("updated", at, await this.#ask(at, request, signal));
      } catch (error) {
        if (!isTide(error, "RESOURCE_CONFLICT") || tries === mostUpdates) throw error;
      }
    }
  }

  async patch(
    place: ObjectPlace & { readonly type: PatchType; readonly body: unknown },
    signal: AbortSignal,
  ): Promise<Changed> {
    const at = await this.#discovery.locate(place, signal);
    const { type, body } = place;
    // whoever applies says that these fields are his
    const query = { fieldManager, ...(type === "application/apply-patch+yaml" ? { force: "true" } : {}) };
    const once = type === "application/json-patch+json";
    const request = { ...place, verb: "patch", method: "PATCH", body, contentType: type, query, once } as const;
    return changed("patched", at, await this.#ask(at, request, signal));
  }

  async delete(place: ObjectPlace, signal: AbortSignal): Promise<Changed> {
    const at = await this.#discovery.locate(place, signal);
    try {
      await this.#ask(at, { ...place, verb: "delete", method: "DELETE" }, signal);
      return { said: `deleted ${sayPlace(at, place)}` };
    } catch (error) {
      if (!isTide(error, "RESOURCE_MISSING")) throw error;
      return { said: `${sayPlace(at, place)} was not there` };
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#access[Symbol.asyncDispose]();
  }

  /** Ours, by its label, or by a name that only this firing can have made where the object may not be read. */
  async #alreadyThere(
    place: ObjectPlace,
    made: { readonly at: Located; readonly generated: boolean; readonly key: string; readonly error: TideError },
    signal: AbortSignal,
  ): Promise<Changed> {
    const { at, generated, key, error } = made;
    const said = `${sayPlace(at, place)} was already created by this firing`;
    let there: KubeObject | undefined;
    try {
      there = await this.get(place, signal);
    } catch (cause) {
      if (generated && isTide(cause, "CLUSTER_FORBIDDEN")) return { said };
      throw cause;
    }
    const labels = isRecord(there?.metadata) ? there.metadata.labels : undefined;
    if (there !== undefined && textAt(labels, firingLabel) === firingLabelOf(key)) return { said, object: there };
    if (there === undefined) {
      throw new TideError("CLUSTER_BUSY", `${sayPlace(at, place)} was there, and is gone now`, { cause: error });
    }
    const by = textAt(labels, firingLabel);
    const who = by === undefined ? "not by tidemill" : `by firing ${by}`;
    throw new TideError("RESOURCE_EXISTS", `${sayPlace(at, place)} is there already, made ${who}`, { cause: error });
  }

  async #ask(at: Located, part: Part, signal: AbortSignal): Promise<unknown> {
    const request = requestOf(at, part);
    const answer = await askOnce(this.#access, request, signal);
    if (answer.status < 300) return answer.body;
    // no Status object: the path itself is not there any more, because its definition has gone
    if (answer.status === 404 && !isRecord(answer.body)) this.#discovery.forget(part.apiVersion);
    throw statusFault(answer, request.asked);
  }
}

type Part = KubeKind & {
  readonly verb: string;
  readonly method: KubeRequest["method"];
  readonly namespace: string | undefined;
  /** "" for the collection; of a create, the name that the object will have. */
  readonly name: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly once?: boolean;
};

function requestOf(at: Located, part: Part): KubeRequest {
  const namespace = at.namespaced ? part.namespace : undefined;
  const asked: Asked = {
    verb: part.verb,
    resource: at.resource,
    namespace,
    name: part.name,
    ...(part.once === true ? { once: true } : {}),
  };
  if (part.name === "" && needsName.has(part.verb)) {
    throw new TideError("RESOURCE_INVALID", `${sayAsked(asked)}: the object has no metadata.name`);
  }
  for (const segment of [part.name, namespace ?? ""]) {
    // an event may have made it: it must not lead to another path, such as that of the whole collection
    if (segment === "." || segment === ".." || /[/%]/.test(segment)) {
      throw new TideError(
        "RESOURCE_INVALID",
        `${sayAsked(asked)}: ${JSON.stringify(segment.slice(0, 100))} is no name`,
      );
    }
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(part.query ?? {})) if (value) query.set(name, value);
  const segments = [
    ...(namespace === undefined ? [] : ["namespaces", encodeURIComponent(namespace)]),
    at.plural,
    ...(part.verb === "create" || part.name === "" ? [] : [encodeURIComponent(part.name)]),
  ];
  const text = query.toString();
  return {
    asked,
    method: part.method,
    path: `${at.root}/${segments.join("/")}${text === "" ? "" : `?${text}`}`,
    ...(part.body === undefined ? {} : { body: part.body }),
    ...(part.contentType === undefined ? {} : { contentType: part.contentType }),
  };
}

const needsName: ReadonlySet<string> = new Set(["get", "update", "patch", "delete"]);

/** The object with its namespace, its name and the label that says whose it is. */
function namedBy(
  object: KubeObject,
  key: string,
  namespace: string | undefined,
): { readonly named: KubeObject; readonly generated: boolean } {
  const metadata = isRecord(object.metadata) ? object.metadata : {};
  const { generateName, ...rest } = metadata;
  const labels = isRecord(metadata.labels) ? metadata.labels : {};
  const name = textAt(metadata, "name");
  const generated = name === undefined && typeof generateName === "string" && generateName !== "";
  if (name === undefined && !generated) {
    throw new TideError("RESOURCE_INVALID", "metadata.name or metadata.generateName is needed");
  }
  const named = {
    ...object,
    metadata: {
      ...rest,
      // kept for people: where the name comes from
      ...(generateName === undefined ? {} : { generateName }),
      name: name ?? generatedName(String(generateName), key),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...labels, [firingLabel]: firingLabelOf(key) },
    },
  };
  return { named, generated };
}

function kindOf(object: KubeObject): { readonly apiVersion: string; readonly kind: string } {
  const apiVersion = textAt(object, "apiVersion");
  const kind = textAt(object, "kind");
  if (apiVersion !== undefined && kind !== undefined) return { apiVersion, kind };
  throw new TideError("RESOURCE_INVALID", "the object has no apiVersion or no kind");
}

function changed(did: string, at: Located, body: unknown): Changed {
  const object = objectOf(body);
  const place = { namespace: textAt(object.metadata, "namespace") ?? "", name: textAt(object.metadata, "name") ?? "" };
  return { said: `${did} ${sayPlace(at, place)}`, object };
}

/** `job orders/pack-x2b`. */
function sayPlace(at: Located, { namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${at.kind.toLowerCase()} ${at.namespaced ? `${namespace}/` : ""}${name}`;
}

function objectOf(body: unknown): KubeObject {
  if (isRecord(body)) return body;
  throw new TideError("CLUSTER_BUSY", "the API server did not answer with an object");
}

function itemsOf(body: KubeObject): readonly KubeObject[] {
  return Array.isArray(body.items) ? body.items.filter(isRecord) : [];
}
