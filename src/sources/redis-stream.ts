import { placeOf } from "../kit/egress-place.ts";
import { goMap, goString, goStringOfBytes, goTextOfBytes, metadataMember } from "../kit/go-json.ts";
import { handOver, outlast } from "../kit/hand-over.ts";
import { badValue, tlsRules } from "../kit/rules.ts";
import { type Draft, defineSource, type Refusal, type SourceContext } from "../kit/source.ts";
import { parseDurationMs } from "../lib/duration.ts";
import { messageOf } from "../lib/errors.ts";
import { markJson } from "../lib/json-bytes.ts";
import { traceFrom } from "../lib/trace.ts";
import { type RedisStreamConfig, redisStreamConfig } from "./redis-config.ts";
import { addressOf, connectRedis, type RedisConnection, redisError, type StreamEntry } from "./redis-connection.ts";
import { consumerName, prepareStreams } from "./redis-groups.ts";
import { ReadSize } from "./redis-read-size.ts";

/**
 * `redisStream` (reference 1.6, S5): one consumer of a group on all streams. States of a run:
 * waiting (a stream is missing) → recovering (what this consumer holds unacknowledged, from the oldest on) → reading (new
 * entries, and now and then those that dead consumers of the group left). A batch is acknowledged together, once the
 * bus has it. A lost connection ends the run; the next one recovers. Stream and entry id make the event id.
 */
export const redisStream = defineSource({
  kind: "redisStream",
  title: "Redis Streams",
  summary: "Reads the entries of Redis streams as one consumer of a group.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: shop
spec:
  redisStream:
    orders:
      hostAddress: localhost:6379
      streams:
        - ORDERS
`,
  config: redisStreamConfig,
  *lint(config) {
    yield* tlsRules(config.tls, ["tls"]);
    if (config.claimIdle !== undefined && idleMsOf(config) === undefined) {
      yield badValue(["claimIdle"], `"${config.claimIdle}" is no duration`, "Write it as 30s or 5m; 0 for never.");
    }
    if (config.startFrom && !/^(latest|oldest|\d+(-\d+)?)$/.test(config.startFrom)) {
      yield badValue(["startFrom"], `"${config.startFrom}" is no place in a stream`, "Use latest, oldest or an id.");
    }
  },
  reaches({ hostAddress }) {
    const { host, port } = addressOf(hostAddress);
    return [placeOf(host, port)];
  },
  async run(cx) {
    const { hostAddress } = cx.config;
    try {
      using redis = await connectRedis(cx);
      await new Reader(cx, redis, await consumerName(cx.checkpoint)).run();
    } catch (error) {
      if (cx.signal.aborted) return;
      throw redisError(`reading from ${hostAddress}`, error);
    }
  },
});

const defaultIdleMs = 60_000;
/** What is left for acknowledging when the stop came before the bus had answered. */
const lastMs = 250;

function idleMsOf({ claimIdle }: RedisStreamConfig): number | undefined {
  if (claimIdle === undefined) return defaultIdleMs;
  return typeof claimIdle === "number" ? claimIdle / 1e6 : parseDurationMs(claimIdle);
}

class Reader {
  readonly #cx: SourceContext<RedisStreamConfig>;
  readonly #redis: RedisConnection;
  readonly #consumer: string;
  readonly #group: string;
  readonly #size: ReadSize;
  readonly #idleMs: number;
  /** The last entry of each stream that was handed over, for a group that vanishes under us. */
  readonly #lastIds = new Map<string, string>();
  #claimedAtMs = Number.NEGATIVE_INFINITY;

  constructor(cx: SourceContext<RedisStreamConfig>, redis: RedisConnection, consumer: string) {
    const { consumerGroup, maxMsgCountPerRead } = cx.config;
    const chosen = maxMsgCountPerRead !== undefined && maxMsgCountPerRead > 0 ? maxMsgCountPerRead : undefined;
    this.#cx = cx;
    this.#redis = redis;
    this.#consumer = consumer;
    this.#group = consumerGroup || "argo-events-cg";
    this.#size = new ReadSize(chosen);
    this.#idleMs = idleMsOf(cx.config) ?? defaultIdleMs;
  }

  /** Until the abort, which rejects, or a failure. */
  async run(): Promise<never> {
    for (;;) {
      await prepareStreams(this.#cx, this.#redis, { group: this.#group, lastIds: this.#lastIds });
      this.#cx.ready();
      try {
        await this.#recover();
        await this.#readNew();
      } catch (error) {
        // the stream was deleted (also under a blocked read), or the group: both are made again from where we were
        if (!/NOGROUP|UNBLOCKED/.test(messageOf(error))) throw error;
        this.#cx.log.warn({ group: this.#group, error: messageOf(error) }, "a stream or its group is gone");
      }
    }
  }

  /** What this consumer was given and never acknowledged, from the oldest on; also what a crash left. */
  async #recover(): Promise<void> {
    const from = new Map<string, string>(this.#cx.config.streams.map((stream) => [stream, "0-0"]));
    for (;;) {
      const entries = await this.#read({ from });
      if (entries.length === 0) return;
      this.#cx.log.info({ entries: entries.length }, "entries left unacknowledged are taken again");
      await this.#take(entries);
      // on to the next, whatever became of these: an entry that cannot be taken blocks nobody
      for (const { stream, id } of entries) from.set(stream, id);
    }
  }

  async #readNew(): Promise<never> {
    const from = new Map<string, string>(this.#cx.config.streams.map((stream) => [stream, ">"]));
    for (;;) {
      await this.#claimIfDue();
      const entries = await this.#read({ from, blockMs: 2_000 });
      if (entries.length > 0) await this.#take(entries);
    }
  }

  async #read(what: {
    readonly from: ReadonlyMap<string, string>;
    readonly blockMs?: number;
  }): Promise<readonly StreamEntry[]> {
    const { count } = this.#size;
    const entries = await this.#redis.read({ group: this.#group, consumer: this.#consumer, count, ...what });
    this.#size.seen(entries);
    return entries;
  }

  /** Takes over what consumers that are gone have left, twice per idle time. */
  async #claimIfDue(): Promise<void> {
    const nowMs = this.#cx.clock.nowMs();
    if (this.#idleMs <= 0 || nowMs - this.#claimedAtMs < Math.min(this.#idleMs / 2, 30_000)) return;
    this.#claimedAtMs = nowMs;
    for (const stream of new Set(this.#cx.config.streams)) {
      let cursor = "0-0";
      do {
        const claimed = await this.#redis.claim({
          stream,
          group: this.#group,
          consumer: this.#consumer,
          idleMs: Math.ceil(this.#idleMs),
          cursor,
          count: this.#size.count,
        });
        cursor = claimed.cursor;
        const gone = claimed.gone.map((id): StreamEntry => ({ stream, id, fields: undefined }));
        const entries = [...claimed.entries, ...gone];
        if (entries.length === 0) continue;
        this.#cx.log.info({ stream, entries: entries.length }, "entries of another consumer are taken over");
        await this.#take(entries);
      } while (cursor !== "0-0");
    }
  }

  /** To the bus, then acknowledged together. */
  async #take(entries: readonly StreamEntry[]): Promise<void> {
    const cx = this.#cx;
    const drafts: Draft[] = [];
    const refusals: Refusal[] = [];
    for (const entry of entries) {
      const about = { upstreamId: `${entry.stream}/${entry.id}`, ...sentAt(entry.id, cx.clock.nowMs()) };
      if (entry.fields === undefined) {
        refusals.push({ ...about, reason: "the entry was deleted from the stream before it could be read" });
      } else drafts.push({ ...about, data: dataOf(entry, entry.fields, cx.config), ...traceOf(entry.fields) });
    }
    const receipts = await handOver(cx, { drafts, refusals });
    for (const { id, outcome, reason } of receipts) {
      if (outcome === "refused") cx.log.warn({ event: id, reason }, "an entry was refused by the bus");
    }
    await outlast(this.#redis.acknowledge(this.#group, entries), cx.signal, lastMs);
    for (const { stream, id } of entries) this.#lastIds.set(stream, laterOf(this.#lastIds.get(stream), id));
  }
}

/** `{stream, message_id, values, metadata?}` (reference 1.6); a name that comes twice keeps its last value. */
function dataOf({ stream, id }: StreamEntry, fields: readonly Buffer[], config: RedisStreamConfig): Uint8Array {
  const values: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i], fields[i + 1]];
    if (name !== undefined && value !== undefined) values.push([goTextOfBytes(name), goStringOfBytes(value)]);
  }
  const data = `{"stream":${goString(stream)},"message_id":${goString(id)},"values":${goMap(values)}${metadataMember(config.metadata)}}`;
  return markJson(Buffer.from(data));
}

/** The trace in fields of W3C's names. */
function traceOf(fields: readonly Buffer[]): Pick<Draft, "trace"> {
  const trace = traceFrom((name) => {
    // fields are few, and mostly not these
    for (let i = 0; i + 1 < fields.length; i += 2)
      if (fields[i]?.toString("latin1") === name) return fields[i + 1]?.toString();
    return undefined;
  });
  return trace === undefined ? {} : { trace };
}

/** Ids that the server makes begin with its clock, in milliseconds; ids that a sender made up are no time. */
function sentAt(id: string, nowMs: number): { readonly sentUs?: number } {
  const ms = Number(id.split("-", 1)[0]);
  return ms > 1e12 && ms < nowMs + 86_400_000 ? { sentUs: ms * 1000 } : {};
}

function laterOf(a: string | undefined, b: string): string {
  if (a === undefined) return b;
  const [aMs = 0n, aSeq = 0n] = a.split("-").map(BigInt);
  const [bMs = 0n, bSeq = 0n] = b.split("-").map(BigInt);
  return bMs > aMs || (bMs === aMs && bSeq > aSeq) ? b : a;
}
