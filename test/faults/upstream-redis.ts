import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { type RedisServer, startRedis } from "../servers/redis.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayTimes, timesOf } from "./measures.ts";
import { judge } from "./model.ts";
import { type Adding, everyEntryPosted, group, streamManifests, withoutRedis } from "./redis-flow.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";

export const redisAway: Scenario = {
  name: "redis-away",
  title: "a Redis that is killed and comes back",
  promise:
    "A Redis with its log on disk is killed 12 times (and 3 times only stands still) while entries are added and read: each entry that it acknowledged is one event, none is left pending, and tidemill finds its way back by itself.",
  unavailable: () => Promise.resolve(withoutRedis()),
  run: away,
};

async function away(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  await using server = await startRedis({ durable: true });
  await place.write("stream.yaml", streamManifests(server.address, `${target.url}/stream`));
  const redis = open(server.port);
  using _ = { [Symbol.dispose]: () => redis.disconnect() };
  await redis.xgroup("CREATE", "FOO", group, "0", "MKSTREAM");
  await using adding = addEntries(redis);
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    readyTimeoutMs: 60_000,
  });
  const outages = scaled(cx, 15, 2);
  const back: number[] = [];
  for (let outage = 1; outage <= outages; outage++) {
    cx.signal.throwIfAborted();
    const before = target.calls();
    await until("entries come through", () => target.calls() > before + 20, { timeoutMs: 60_000 });
    await takeAway(server, {
      stillStanding: outage % 5 === 0,
      forMs: 200 + cx.random() * (cx.scale < 0.5 ? 300 : 1_300),
    });
    const backMs = performance.now();
    const calls = target.calls();
    await until("entries come through again", () => target.calls() > calls, { timeoutMs: 60_000 });
    back.push(performance.now() - backMs);
    cx.progress(`${outage} of ${outages} outages`);
  }
  await adding.stop();
  await everyEntryPosted(target, adding.sent);
  const audit = await drained(product, { timeoutMs: 60_000 });
  await until("none is left pending", async () => Number((await redis.xpending("FOO", group))[0]) === 0);
  if ((await product.stop()) !== 0) throw new Error("it did not end well");
  return judge({
    claims: [{ path: "/stream", sent: adding.sent }],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["outages", String(outages)],
      ["until entries came through again", sayTimes(timesOf(back))],
      ["entries read again and known by their id", String(audit.receipts.duplicate)],
    ],
  });
}

async function takeAway(
  server: RedisServer,
  { stillStanding, forMs }: { readonly stillStanding: boolean; readonly forMs: number },
): Promise<void> {
  if (stillStanding) {
    server.pause();
    await pause(forMs);
    server.resume();
    return;
  }
  await server.kill();
  await pause(forMs);
  await server.start();
}

function open(port: number): Redis {
  const redis = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  // what it means is told by the command that fails
  redis.on("error", () => undefined);
  return redis;
}

/** Numbers one after the other, each again and again until Redis has it: one whose answer was lost may be there twice. */
function addEntries(redis: Redis): Adding {
  const acknowledged = new Map<number, undefined>();
  const uncertain = new Set<number>();
  let unanswered = 0;
  let stopped = false;
  const add = async (n: number): Promise<boolean> => {
    try {
      await redis.xadd("FOO", "*", "n", String(n));
      acknowledged.set(n, undefined);
      return true;
    } catch {
      unanswered += 1;
      uncertain.add(n);
      await pause(50);
      return false;
    }
  };
  const running = (async () => {
    for (let n = 0; !stopped; n += 1) {
      while (!stopped && !(await add(n)));
      await pause(2);
    }
  })();
  const stop = async (): Promise<void> => {
    stopped = true;
    await running;
  };
  return {
    sent: { acknowledged, uncertain, unexpected: [], unanswered: () => unanswered, pushedBack: () => 0 },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
