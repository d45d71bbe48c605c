import { randomUUID } from "node:crypto";
import type { SourceContext } from "../kit/source.ts";
import { digest } from "../lib/digest.ts";
import { TideError } from "../lib/errors.ts";
import type { StateStore } from "../lib/state.ts";
import type { RedisStreamConfig } from "./redis-config.ts";
import type { RedisConnection } from "./redis-connection.ts";

/**
 * The name this entry has in its group: made once and kept with the bus, so that a restart finds what it had not
 * acknowledged, and no two processes are one consumer (the peer's name is the same everywhere, reference S5). Where
 * nothing is kept (`--ephemeral`) each start has a new one, and what the last left is claimed by its idle time.
 */
export async function consumerName(checkpoint: StateStore): Promise<string> {
  const kept = await checkpoint.get("consumer");
  if (kept !== undefined) return Buffer.from(kept).toString("utf8");
  const name = `tidemill-${randomUUID().slice(0, 8)}`;
  await checkpoint.put("consumer", Buffer.from(name));
  return name;
}

const lookAgainMs = 1_000;

interface Groups {
  readonly group: string;
  /** Where each stream was, in case its group vanished. */
  readonly lastIds: ReadonlyMap<string, string>;
}

/**
 * Resolves once all streams exist and have the group. Says once which are missing. A group is made as soon as its
 * stream is there, so that nothing which comes while others are missing is lost; that a stream was missing is
 * remembered durably, since all that stands in it later is new and its group begins at its first entry.
 */
export async function prepareStreams(
  cx: SourceContext<RedisStreamConfig>,
  redis: RedisConnection,
  groups: Groups,
): Promise<void> {
  for (let said = ""; ; ) {
    const missing: string[] = [];
    for (const stream of new Set(cx.config.streams)) {
      cx.signal.throwIfAborted();
      if (!(await prepareStream(cx, redis, { ...groups, stream }))) missing.push(stream);
    }
    if (missing.length === 0) return;
    const names = missing.join(", ");
    if (names !== said) cx.log.warn({ missing }, "streams do not exist yet; nothing is read before all of them do");
    said = names;
    cx.waiting(`${missing.length === 1 ? "stream" : "streams"} ${names} missing`);
    await cx.clock.sleep(lookAgainMs, cx.signal);
  }
}

/** False when the stream does not exist. */
async function prepareStream(
  { config, checkpoint, log }: SourceContext<RedisStreamConfig>,
  redis: RedisConnection,
  { stream, group, lastIds }: Groups & { readonly stream: string },
): Promise<boolean> {
  const type = await redis.typeOf(stream);
  // stream names may be longer than a key of the checkpoint
  const missingKey = `missing/${digest(stream)}`;
  const wasMissing = (await checkpoint.get(missingKey)) !== undefined;
  if (type === "none") {
    if (!wasMissing) await checkpoint.put(missingKey, new Uint8Array(0));
    return false;
  }
  if (type !== "stream") throw new TideError("UPSTREAM_GONE", `the key ${stream} is a ${type}, not a stream`);
  const startId = wasMissing ? "0" : (lastIds.get(stream) ?? startIdOf(config.startFrom));
  if (await redis.createGroup(stream, group, startId)) log.info({ stream, group, startId }, "consumer group made");
  if (wasMissing) await checkpoint.delete(missingKey);
  return true;
}

function startIdOf(startFrom: string | undefined): string {
  if (!startFrom || startFrom === "latest") return "$";
  return startFrom === "oldest" ? "0" : startFrom;
}
