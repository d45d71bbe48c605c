import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { startRedis } from "../servers/redis.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { killAgainAndAgain } from "./kills-loop.ts";
import { judge } from "./model.ts";
import { type Adding, everyEntryPosted, group, streamManifests, withoutRedis } from "./redis-flow.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import type { Sent } from "./senders.ts";

export const killsOverRedis: Scenario = {
  name: "kills-redis",
  title: "kill -9 over a Redis stream",
  promise:
    "Killed 50 times while it reads a stream: each entry is exactly one event under exactly one key, and none is left pending.",
  unavailable: () => Promise.resolve(withoutRedis()),
  run: killed,
};

async function killed(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  await using server = await startRedis();
  const redis = new Redis(server.port, "127.0.0.1");
  using _ = { [Symbol.dispose]: () => redis.disconnect() };
  await redis.xgroup("CREATE", "FOO", group, "0", "MKSTREAM");
  await place.write("stream.yaml", streamManifests(server.address, `${target.url}/stream`, { atOnce: 50 }));
  await using adding = addEntries(redis);
  const { product: last, counts } = await killAgainAndAgain({
    ...{ target, random: cx.random, signal: cx.signal, tell: cx.progress },
    kills: scaled(cx, 50, 4),
    moments: ["taking in", "acting", "deciding", "starting"],
    async start(untilReady) {
      await redis.acl("SETUSER", "default", "+xack");
      return startTidemill(cx, { dataDir: place.dataDir, paths: [place.manifests], untilReady });
    },
    progress: target.calls,
    holdUpstream: () => refuseAcknowledgement(redis),
  });
  await using product = last;
  await adding.stop();
  await everyEntryPosted(target, adding.sent);
  const audit = await drained(product, { timeoutMs: 60_000 });
  const pending = Number((await redis.xpending("FOO", group))[0]);
  if (pending > 0) throw new Error(`${pending} entries were never acknowledged`);
  if (audit.receipts.duplicate === 0) throw new Error("no entry was delivered again: the run proves nothing of it");
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code} when it was stopped`);
  return judge({
    claims: [{ path: "/stream", sent: adding.sent }],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["kills", [...counts].map(([moment, count]) => `${count} ${moment}`).join(", ")],
      ["entries delivered again and known by their id", String(audit.receipts.duplicate)],
    ],
  });
}

/** From now on entries are read and become events, but cannot be acknowledged. Resolves when that has happened to some. */
async function refuseAcknowledgement(redis: Redis): Promise<void> {
  const refused = async (): Promise<number> =>
    Number(/cmdstat_xack:.*rejected_calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
  const before = await refused();
  await redis.acl("SETUSER", "default", "-xack");
  await until("an acknowledgement is refused", async () => (await refused()) > before, { everyMs: 2 });
}

/** 10 entries every 25 ms. Redis holds them from the first, so all of them must become events. */
function addEntries(redis: Redis): Adding {
  const acknowledged = new Map<number, undefined>();
  let stopped = false;
  const running = (async () => {
    for (let n = 0; !stopped; n += 10) {
      const batch = redis.pipeline();
      for (let i = 0; i < 10; i++) batch.xadd("FOO", "*", "n", String(n + i));
      for (const [i, [error]] of ((await batch.exec()) ?? []).entries())
        if (error === null) acknowledged.set(n + i, undefined);
      await pause(25);
    }
  })();
  const stop = async (): Promise<void> => {
    stopped = true;
    await running;
  };
  const sent: Sent = {
    acknowledged,
    uncertain: new Set(),
    unexpected: [],
    unanswered: () => 0,
    pushedBack: () => 0,
  };
  return { sent, stop, [Symbol.asyncDispose]: stop };
}
