import type { Cluster, KubeObject, ObjectQuery, WatchEvent } from "../kit/cluster.ts";
import { handOver } from "../kit/hand-over.ts";
import { type Draft, defineSource, type Refusal, type SourceContext } from "../kit/source.ts";
import { type CodeName, isTide, messageOf, TideError } from "../lib/errors.ts";
import { type ResourceConfig, resourceConfig, resourceRules } from "./resource-config.ts";
import { compileObjectFilter, labelSelector, type ObjectFilter } from "./resource-filter.ts";
import { gather } from "./resource-gather.ts";
import { isNewer, KeptObjects, nameOf, uidOf, versionOf } from "./resource-kept.ts";
import { type Change, type ChangeType, dataOfChange, objectJson, sentUsOf } from "./resource-object.ts";

/**
 * `resource` (reference 1.6, S14): changes of Kubernetes objects. When an entry runs for the first time, each object that is
 * there is an ADD, as in Argo Events, unless `filter.afterStart` is set; from then on the place in the API's history is
 * kept, so that a restart brings what happened meanwhile and nothing again. Where the API has forgotten that history, all
 * objects are listed and compared with what was kept: the last state of each change is found, deletions too.
 */
export const resource = defineSource<ResourceConfig>({
  kind: "resource",
  title: "Kubernetes objects",
  summary: "Watches the objects of a cluster.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: cluster
spec:
  resource:
    jobs:
      group: batch
      version: v1
      resource: jobs
      namespace: orders
      eventTypes: [ADD, UPDATE, DELETE]
`,
  config: resourceConfig,
  lint: resourceRules,
  async run(cx) {
    const { cluster, signal } = cx;
    if (cluster === undefined) throw new TideError("CLUSTER_MISSING", "objects are watched, and there is no cluster");
    try {
      const follower = new Follower(
        cx,
        cluster,
        await KeptObjects.load(cx.checkpoint, JSON.stringify(queryOf(cx.config))),
      );
      for (let told = ""; ; ) {
        const error = await follower.follow();
        const reason = messageOf(error);
        cx.waiting(reason);
        if (reason !== told) cx.log.warn({ reason }, "the objects cannot be watched yet");
        told = reason;
        await cx.clock.sleep(refusedPauseMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
});

/** Somebody has to do something first; asking now and then is all that can be done. */
const awaited: ReadonlySet<CodeName> = new Set(["CLUSTER_FORBIDDEN", "CLUSTER_UNAUTHORIZED", "KIND_UNKNOWN"]);
const refusedPauseMs = 5_000;
/** Some servers end a watch at once, when they are overloaded. */
const shortestWatchMs = 1_000;
const pageSize = 100;
/** An event takes 1 MiB by default: better the change without what was before it than no event. */
const longestPair = 1_000_000;
const batchSize = 256;
const batchBytes = 4 * 1024 * 1024;
/** Of a list that takes longer than the API keeps its history. */
const mostLists = 3;

function queryOf(config: ResourceConfig): ObjectQuery {
  const { group = "", version = "", resource = "", namespace = "" } = config;
  return {
    apiVersion: group === "" ? version : `${group}/${version}`,
    resource,
    namespace: namespace === "" ? undefined : namespace,
    labelSelector: labelSelector(config),
  };
}

/** What is to be said of some changes. */
interface Batch {
  readonly drafts: Draft[];
  readonly refusals: Refusal[];
  bytes: number;
}

class Follower {
  readonly #cx: SourceContext<ResourceConfig>;
  readonly #cluster: Cluster;
  readonly #kept: KeptObjects;
  readonly #query: ObjectQuery;
  readonly #passes: ObjectFilter;
  readonly #wanted: ReadonlySet<string>;
  #batch: Batch = emptyBatch();

  constructor(cx: SourceContext<ResourceConfig>, cluster: Cluster, kept: KeptObjects) {
    this.#cx = cx;
    this.#cluster = cluster;
    this.#kept = kept;
    this.#query = queryOf(cx.config);
    this.#passes = compileObjectFilter(cx.config);
    this.#wanted = new Set(cx.config.eventTypes);
  }

  /** Until the abort, which rejects. Resolves with why the cluster does not let it, where that may change. */
  async follow(): Promise<TideError> {
    const { clock, signal } = this.#cx;
    try {
      if (!(await this.#canGoOn())) await this.#list();
      for (;;) {
        const version = this.#kept.version ?? (await this.#list());
        this.#cx.ready();
        const startedMs = clock.nowMs();
        try {
          await this.#watch(version);
        } catch (error) {
          if (!isTide(error, "WATCH_EXPIRED")) throw error;
          this.#cx.log.info({}, "the API server has forgotten what happened meanwhile: all objects are compared");
          await this.#list();
        }
        signal.throwIfAborted();
        if (clock.nowMs() - startedMs < shortestWatchMs) await clock.sleep(shortestWatchMs, signal);
      }
    } catch (error) {
      if (isTide(error) && awaited.has(error.code)) return error;
      throw error;
    }
  }

  /** false too when the place is ahead of the API: its database was put back, and a watch would wait without a word. */
  async #canGoOn(): Promise<boolean> {
    const { version } = this.#kept;
    if (version === undefined) return false;
    const { resourceVersion } = await this.#cluster.list({ ...this.#query, limit: 1 }, this.#cx.signal);
    if (!isNewer(version, resourceVersion) || !/^\d+$/.test(version)) return true;
    this.#cx.log.warn(
      { version, resourceVersion },
      "the cluster is older than what was seen of it: all objects are compared",
    );
    return false;
  }

  /** Compares all objects with what was kept of them; answers the version to watch from. */
  async #list(): Promise<string> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#listOnce();
      } catch (error) {
        if (!isTide(error, "WATCH_EXPIRED") || tries === mostLists) throw error;
      }
    }
  }

  async #listOnce(): Promise<string> {
    const silent = this.#kept.version === undefined && this.#cx.config.filter?.afterStart === true;
    const there = new Set<string>();
    for (let next: string | undefined; ; ) {
      const page = await this.#cluster.list({ ...this.#query, limit: pageSize, continue: next }, this.#cx.signal);
      for (const object of page.items) {
        there.add(uidOf(object));
        await this.#compare(object, silent);
      }
      next = page.continue;
      await this.#flush(undefined);
      if (next === undefined) {
        await this.#missedDeletes(there, page.resourceVersion);
        return page.resourceVersion;
      }
    }
  }

  async #missedDeletes(there: ReadonlySet<string>, version: string): Promise<void> {
    for (const uid of [...this.#kept.present()]) if (!there.has(uid)) await this.#missedDelete(uid, version);
    await this.#flush(version);
  }

  async #compare(object: KubeObject, silent: boolean): Promise<void> {
    const uid = uidOf(object);
    const seen = this.#kept.seen(uid);
    if (seen !== undefined && !seen.gone) {
      if (seen.version !== versionOf(object)) await this.#changed(object, { type: "UPDATE" });
      return;
    }
    // the name was given to another object meanwhile
    const former = this.#kept.named(nameOf(object));
    if (former !== undefined && former !== uid) await this.#missedDelete(former, versionOf(object));
    await this.#changed(object, { type: "ADD", silent });
  }

  async #watch(version: string): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#cx.signal, ended.signal]);
    try {
      const events = this.#cluster.watch({ ...this.#query, resourceVersion: version }, signal);
      for await (const batch of gather(events, batchSize)) {
        for (const event of batch) await this.#take(event);
        const last = batch.at(-1);
        await this.#flush(last === undefined ? undefined : versionOf(last.object));
      }
    } finally {
      ended.abort();
    }
  }

  async #take({ type, object }: WatchEvent): Promise<void> {
    if (type === "BOOKMARK") return;
    const seen = this.#kept.seen(uidOf(object));
    const version = versionOf(object);
    // it came before the crash, too
    if (seen !== undefined && !isNewer(version, seen.version)) return;
    const known = seen !== undefined && !seen.gone;
    if (type !== "DELETED") await this.#changed(object, { type: known ? "UPDATE" : "ADD", live: true });
    else if (known) this.#deleted(object, seen.version);
  }

  async #changed(
    object: KubeObject,
    as: { readonly type: "ADD" | "UPDATE"; readonly silent?: boolean; readonly live?: boolean },
  ): Promise<void> {
    const { type, silent = false, live = false } = as;
    const uid = uidOf(object);
    const version = versionOf(object);
    const body = objectJson(object);
    const passed = body !== undefined && this.#passes(object, body);
    if (body === undefined) this.#refuse(object, type);
    else if (passed && this.#wanted.has(type) && !silent) {
      const old = type === "UPDATE" ? await this.#kept.read(uid) : undefined;
      const oldBody = old?.whole === true && body.length + old.json.length <= longestPair ? old.json : undefined;
      await this.#say({ type, uid, version, body, oldBody }, live ? sentUsOf(type, object) : undefined);
    }
    const keeps = this.#wanted.has("UPDATE") || this.#wanted.has("DELETE");
    this.#kept.note(uid, object, { json: keeps ? body : undefined, passed });
  }

  /** `before`: the version that the object had. */
  #deleted(object: KubeObject, before: string): void {
    const uid = uidOf(object);
    const body = objectJson(object);
    this.#kept.bury(uid, versionOf(object));
    if (body === undefined) this.#refuse(object, "DELETE");
    else if (this.#wanted.has("DELETE") && this.#passes(object, body)) {
      this.#add({ type: "DELETE", uid, version: before, body, oldBody: undefined }, undefined);
    }
  }

  /** Its last state that was seen is what can be told of it. */
  async #missedDelete(uid: string, nowVersion: string): Promise<void> {
    const kept = await this.#kept.read(uid);
    const version = this.#kept.seen(uid)?.version ?? "";
    this.#kept.bury(uid, nowVersion);
    if (kept === undefined || !this.#wanted.has("DELETE")) return;
    const passes = kept.whole ? this.#passes(JSON.parse(kept.json) as KubeObject, kept.json) : kept.passed;
    if (passes) await this.#say({ type: "DELETE", uid, version, body: kept.json, oldBody: undefined }, undefined);
  }

  async #say(change: Change, sentUs: number | undefined): Promise<void> {
    this.#add(change, sentUs);
    if (this.#batch.drafts.length >= batchSize || this.#batch.bytes >= batchBytes) await this.#flush(undefined);
  }

  #add(change: Change, sentUs: number | undefined): void {
    const data = dataOfChange(this.#cx.config, change);
    const upstreamId = `${change.uid}/${change.version}/${change.type}`;
    this.#batch.bytes += data.length;
    this.#batch.drafts.push({ data, upstreamId, ...(sentUs === undefined ? {} : { sentUs }) });
  }

  #refuse(object: KubeObject, type: ChangeType): void {
    if (!this.#wanted.has(type)) return;
    const reason = `${type} of ${nameOf(object)}: the object is nested deeper than any schema allows`;
    this.#batch.refusals.push({ upstreamId: `${uidOf(object)}/${versionOf(object)}/${type}`, reason });
  }

  /** First the bus, then what was seen, then the place: a crash in between repeats, and loses nothing. */
  async #flush(version: string | undefined): Promise<void> {
    const { drafts, refusals } = this.#batch;
    if (drafts.length > 0 || refusals.length > 0) await handOver(this.#cx, { drafts, refusals });
    this.#batch = emptyBatch();
    await this.#kept.commit(version);
  }
}

function emptyBatch(): Batch {
  return { drafts: [], refusals: [], bytes: 0 };
}
