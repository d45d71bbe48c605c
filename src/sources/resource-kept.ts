import type { KubeObject } from "../kit/cluster.ts";
import { recordOf } from "../lib/json.ts";
import type { StateStore } from "../lib/state.ts";
import { textOf } from "./resource-object.ts";

/** What is known of an object without reading it. */
interface Seen {
  readonly version: string;
  /** Deleted at that version. */
  readonly gone: boolean;
  /** `namespace/name`. */
  readonly name: string;
}

/** An object as it was last seen. */
interface Kept {
  readonly json: string;
  /** false: only what names it, because it is large or nobody asks for more. */
  readonly whole: boolean;
  /** The filter's answer when it was seen. */
  readonly passed: boolean;
}

interface Place {
  /** Which objects, as `queryOf` has them: another query begins anew. */
  readonly of: string;
  /** Absent until all objects were listed once. */
  readonly version?: string;
}

/** An event holds the object before a change and the one after it, and takes 1 MiB in all by default. */
const maxKeptBytes = 512 * 1024;
const placeKey = "place";
const objectPrefix = "object/";

/**
 * What an entry has seen of its objects: in memory who there is and in which version, in the checkpoint also the objects.
 * From it come the changes that were missed, and the `oldBody` of those that were not. What is noted is durable with
 * `commit`, and only then the place moves on: after a crash in between, changes come again and are known by their versions.
 */
export class KeptObjects {
  readonly #store: StateStore;
  readonly #seen = new Map<string, Seen>();
  readonly #names = new Map<string, string>();
  readonly #gone = new Map<string, string>();
  readonly #unwritten = new Map<string, Uint8Array | undefined>();
  readonly #of: string;
  #version: string | undefined;

  private constructor(store: StateStore, of: string) {
    this.#store = store;
    this.#of = of;
  }

  /** `of`: which objects these are; what was kept of others is dropped. */
  static async load(store: StateStore, of: string): Promise<KeptObjects> {
    const kept = new KeptObjects(store, of);
    const bytes = await store.get(placeKey);
    const place = bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as Place);
    if (place?.of !== of) {
      await dropAll(store);
      // before there are any, so that nobody takes them for those of another query
      await store.put(placeKey, Buffer.from(JSON.stringify({ of } satisfies Place)));
      return kept;
    }
    kept.#version = place.version;
    for await (const [key, value] of store.list(objectPrefix)) {
      kept.#remember(key.slice(objectPrefix.length), headOf(value).seen);
    }
    return kept;
  }

  /** Where the watch goes on; undefined until all objects were listed once. */
  get version(): string | undefined {
    return this.#version;
  }

  seen(uid: string): Seen | undefined {
    return this.#seen.get(uid);
  }

  /** The object that has this `namespace/name`. */
  named(name: string): string | undefined {
    return this.#names.get(name);
  }

  /** Those that are there. */
  *present(): Iterable<string> {
    for (const [uid, { gone }] of this.#seen) if (!gone) yield uid;
  }

  /** undefined when it is gone, or was never seen. */
  async read(uid: string): Promise<Kept | undefined> {
    const key = objectPrefix + uid;
    const value = this.#unwritten.has(key) ? this.#unwritten.get(key) : await this.#store.get(key);
    return value === undefined ? undefined : headOf(value).kept;
  }

  /** `json` is what to keep of it; undefined: only what names it. */
  note(
    uid: string,
    object: KubeObject,
    { json, passed }: { readonly json: string | undefined; readonly passed: boolean },
  ) {
    const whole = json !== undefined && Buffer.byteLength(json) <= maxKeptBytes;
    const seen: Seen = { version: versionOf(object), gone: false, name: nameOf(object) };
    const text = whole ? json : JSON.stringify(naming(object));
    this.#unwritten.set(objectPrefix + uid, Buffer.from(`${JSON.stringify({ ...seen, whole, passed })}\n${text}`));
    this.#remember(uid, seen);
  }

  /** Until the place is past `version`, a change from before that comes again is not taken for a new object. */
  bury(uid: string, version: string): void {
    const seen: Seen = { version, gone: true, name: this.#seen.get(uid)?.name ?? "" };
    this.#unwritten.set(objectPrefix + uid, Buffer.from(`${JSON.stringify(seen)}\n`));
    this.#remember(uid, seen);
  }

  /** What was noted is durable when this resolves, and after it that everything up to `version` was seen. */
  async commit(version: string | undefined): Promise<void> {
    const writes = [...this.#unwritten].map(([key, value]) =>
      value === undefined ? this.#store.delete(key) : this.#store.put(key, value),
    );
    await Promise.all(writes);
    this.#unwritten.clear();
    if (version === undefined || version === this.#version) return;
    const place: Place = { of: this.#of, version };
    await this.#store.put(placeKey, Buffer.from(JSON.stringify(place)));
    this.#version = version;
    for (const [uid, goneAt] of this.#gone) {
      if (isNewer(goneAt, version)) continue;
      this.#gone.delete(uid);
      this.#seen.delete(uid);
      this.#unwritten.set(objectPrefix + uid, undefined);
    }
  }

  #remember(uid: string, seen: Seen): void {
    this.#seen.set(uid, seen);
    if (seen.gone) {
      this.#gone.set(uid, seen.version);
      if (this.#names.get(seen.name) === uid) this.#names.delete(seen.name);
    } else {
      this.#gone.delete(uid);
      this.#names.set(seen.name, uid);
    }
  }
}

async function dropAll(store: StateStore): Promise<void> {
  const keys: string[] = [];
  for await (const [key] of store.list(objectPrefix)) keys.push(key);
  await Promise.all(keys.map((key) => store.delete(key)));
}

function headOf(value: Uint8Array): { readonly seen: Seen; readonly kept: Kept | undefined } {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = bytes.indexOf(10);
  const { version, gone, name, whole, passed } = JSON.parse(bytes.toString("utf8", 0, end)) as Seen & Kept;
  const seen = { version, gone, name };
  if (gone) return { seen, kept: undefined };
  return { seen, kept: { json: bytes.toString("utf8", end + 1), whole, passed } };
}

/**
 * Versions are opaque texts by the letter of the API, and decimal revisions of etcd in every one of them (Kubernetes 1.35
 * promises that). Others count as newer where they differ.
 */
export function isNewer(version: string, than: string): boolean {
  const digits = /^\d+$/;
  if (!digits.test(version) || !digits.test(than)) return version !== than;
  return BigInt(version) > BigInt(than);
}

export function uidOf(object: KubeObject): string {
  return textOf(recordOf(object.metadata).uid) || nameOf(object);
}

export function versionOf(object: KubeObject): string {
  return textOf(recordOf(object.metadata).resourceVersion);
}

export function nameOf(object: KubeObject): string {
  const { namespace, name } = recordOf(object.metadata);
  return `${textOf(namespace)}/${textOf(name)}`;
}

/** What is left of an object that is not kept whole: enough to say which one was deleted. Keys sorted, as Go writes them. */
function naming({ apiVersion, kind, metadata }: KubeObject): object {
  const { creationTimestamp, name, namespace, resourceVersion, uid } = recordOf(metadata);
  return { apiVersion, kind, metadata: { creationTimestamp, name, namespace, resourceVersion, uid } };
}
