import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type * as Sdk from "ioredis";
import { refusalIn } from "../kit/egress.ts";
import { guardedSocket } from "../kit/egress-connect.ts";
import type { SourceContext } from "../kit/source.ts";
import { tlsOptions } from "../kit/tls.ts";
import { abortable } from "../lib/abort.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { RedisStreamConfig } from "./redis-config.ts";

/** One entry as the server gave it; `fields` is undefined when it was trimmed before it could be read. */
export interface StreamEntry {
  readonly stream: string;
  readonly id: string;
  /** Name and value in turn. */
  readonly fields: readonly Buffer[] | undefined;
}

export interface ReadOptions {
  readonly group: string;
  readonly consumer: string;
  readonly count: number;
  /** How long to wait for new entries; undefined does not wait. */
  readonly blockMs?: number;
  /** `>` is what nobody has; an id is what this consumer holds unacknowledged after it. */
  readonly from: ReadonlyMap<string, string>;
}

/**
 * One connection, with the commands that the source needs. It does not reconnect by itself: a lost connection rejects what is
 * under way, and the source starts anew from what it had not acknowledged.
 */
export class RedisConnection implements Disposable {
  readonly #redis: Sdk.Redis;
  readonly #signal: AbortSignal;

  constructor(redis: Sdk.Redis, signal: AbortSignal) {
    this.#redis = redis;
    this.#signal = signal;
  }

  /** One command. The abort does not wait for its answer: what a read may still bring, the next run recovers. */
  async #ask(...words: readonly (string | number)[]): Promise<unknown> {
    this.#signal.throwIfAborted();
    return abortable(this.#call(...words), this.#signal);
  }

  async #call(...words: readonly (string | number)[]): Promise<unknown> {
    const [command = "", ...rest] = words;
    return this.#redis.callBuffer(
      String(command),
      ...rest.map((word) => (typeof word === "number" ? String(word) : word)),
    );
  }

  /** `stream`, another type's name, or `none`. */
  async typeOf(key: string): Promise<string> {
    return text(await this.#ask("TYPE", key));
  }

  /** Makes the group unless it is there; true if it was made. */
  async createGroup(stream: string, group: string, startId: string): Promise<boolean> {
    try {
      await this.#ask("XGROUP", "CREATE", stream, group, startId);
      return true;
    } catch (error) {
      if (messageOf(error).includes("BUSYGROUP")) return false;
      throw error;
    }
  }

  async read({ group, consumer, count, blockMs, from }: ReadOptions): Promise<readonly StreamEntry[]> {
    const block = blockMs === undefined ? [] : ["BLOCK", blockMs];
    const words = ["XREADGROUP", "GROUP", group, consumer, "COUNT", count, ...block];
    const answer = await this.#ask(...words, "STREAMS", ...from.keys(), ...from.values());
    return list(answer).flatMap((part) => {
      const [stream, entries] = list(part);
      return entriesOf(text(stream), entries);
    });
  }

  /** Takes over what others hold for longer than `idleMs`, from `cursor` on. */
  async claim(options: {
    readonly stream: string;
    readonly group: string;
    readonly consumer: string;
    readonly idleMs: number;
    readonly cursor: string;
    readonly count: number;
  }): Promise<{ readonly cursor: string; readonly entries: readonly StreamEntry[]; readonly gone: readonly string[] }> {
    const { stream, group, consumer, idleMs, cursor, count } = options;
    const answer = list(await this.#ask("XAUTOCLAIM", stream, group, consumer, idleMs, cursor, "COUNT", count));
    return { cursor: text(answer[0]), entries: entriesOf(stream, answer[1]), gone: list(answer[2]).map(text) };
  }

  /** Acknowledges all of them, in one round trip. */
  async acknowledge(group: string, entries: readonly StreamEntry[]): Promise<void> {
    const byStream = Map.groupBy(entries, ({ stream }) => stream);
    await Promise.all(
      [...byStream].map(([stream, of]) => this.#call("XACK", stream, group, ...of.map(({ id }) => id))),
    );
  }

  [Symbol.dispose](): void {
    this.#redis.disconnect();
  }
}

/** After a polite end the connection is cut. */
const disconnectMs = 2_000;

/** Connects and logs in. Rejects with UPSTREAM_FAILED, SECRET_MISSING or SDK_MISSING. */
export async function connectRedis(cx: SourceContext<RedisStreamConfig>): Promise<RedisConnection> {
  const { hostAddress, username, password, db, tls } = cx.config;
  const { Redis, AbstractConnector } = await cx.sdk("ioredis", () => import("ioredis"));
  const secured = await tlsOptions(tls, cx.secret);
  const place = addressOf(hostAddress);
  const { host, port } = place;
  const open = (): Socket =>
    secured === undefined
      ? guardedSocket(cx.egress, place)
      : connectTls({ ...place, ...cx.egress.admit(host, port), ...secured });
  cx.signal.throwIfAborted();
  const redis = new Redis({
    host,
    port,
    // its own would ask nobody for leave
    Connector: class extends AbstractConnector {
      constructor() {
        super(disconnectMs);
      }
      async connect(): Promise<Socket> {
        this.connecting = true;
        const socket = open();
        this.stream = socket;
        // it may end before the driver listens, and asks for this then
        socket.once("error", (error) => {
          this.firstError = error;
        });
        return socket;
      }
    },
    ...(username ? { username } : {}),
    ...(password ? { password: await cx.secret(password) } : {}),
    db: db ?? 0,
    ...(secured === undefined ? {} : { tls: secured }),
    protocol: 2,
    connectionName: "tidemill",
    connectTimeout: 10_000,
    // a half-open connection is found by the answer that does not come
    socketTimeout: 20_000,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // the commands under way only hear that the connection is closed; why is told here
  let why: unknown;
  redis.on("error", (error: unknown) => {
    why = error;
  });
  try {
    await abortable(redis.connect(), cx.signal);
  } catch (error) {
    redis.disconnect();
    cx.signal.throwIfAborted();
    throw redisError(`connecting to ${hostAddress}`, why ?? error);
  }
  return new RedisConnection(redis, cx.signal);
}

/** `host:port`; the port is 6379 when there is none. IPv6 stands in brackets. */
export function addressOf(hostAddress: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(hostAddress);
  return { host: match?.[1] ?? match?.[2] ?? hostAddress, port: Number(match?.[3] ?? 6379) };
}

/** A Redis error as one of ours. */
export function redisError(doing: string, error: unknown): TideError {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal;
  if (error instanceof TideError) return error;
  const code = messageOf(error).includes("WRONGTYPE") ? "UPSTREAM_GONE" : "UPSTREAM_FAILED";
  return new TideError(code, `${doing}: ${messageOf(error)}`, { cause: error });
}

function entriesOf(stream: string, answer: unknown): readonly StreamEntry[] {
  return list(answer).map((entry) => {
    const [id, fields] = list(entry);
    const buffers = Array.isArray(fields)
      ? fields.filter((field): field is Buffer => Buffer.isBuffer(field))
      : undefined;
    return { stream, id: text(id), fields: buffers };
  });
}

function list(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}

function text(answer: unknown): string {
  return Buffer.isBuffer(answer) ? answer.toString("utf8") : String(answer ?? "");
}
