import { Redis } from "ioredis";
import { available } from "../../test/servers/recipes.ts";
import { startRedis } from "../../test/servers/redis.ts";
import type { Case } from "../figure.ts";
import { argoMissing, startArgoWith } from "../peers/argo.ts";
import { type Child, start } from "../processes.ts";
import { sensor, startTidemill } from "../systems.ts";
import { program, startTarget, type Target } from "../traffic.ts";

const full = 200_000;
/** What a manifest that says nothing reads at once. */
const atOnce = 10;
const stream = "orders";

/** A stream that is full when its reader starts: one consumer, from the first entry at the target to the last. */
export const redis: Case = {
  name: "redis",
  title: "Redis Streams → HTTP, backlog of 200,000",
  usual: true,
  size: ({ backlog = full }) => `a backlog of ${backlog}, once each`,
  async run(rig) {
    const redis = available("redis");
    if (!redis.ok) return rig.remark(`Not run: no Redis here (${redis.install})`);
    const count = rig.options.backlog ?? full;
    await using target = await startTarget();
    await using server = await startRedis();
    await using closing = new AsyncDisposableStack();
    const client = new Redis({ port: server.port, host: "127.0.0.1" });
    closing.defer(() => client.disconnect());
    await fill(client, count);
    // all read as one group, from the first entry on: Argo Events would begin a group of its own at the end
    const group = "argo-events-cg";
    const fromTheStart = async (): Promise<void> => {
      await client.xgroup("DESTROY", stream, group);
      await client.xgroup("CREATE", stream, group, "0");
    };
    const raw = await drained(target, count, () => {
      const args = [server.port, stream, atOnce, target.port].map(String);
      return start([...program("peers/redis-client.ts"), ...args], /ready/);
    });
    rig.found({ what: `raw client that reads ${atOnce}, posts and acknowledges`, value: shown(raw) });
    await fromTheStart();
    const argo = await drained(target, count, () => startArgoWith(rig, target, manifest(server.address, target.url)));
    if (argo === undefined) rig.remark(argoMissing);
    for (const record of ["off", "on"] as const) {
      const options = { manifest: manifest(server.address, target.url), record };
      await fromTheStart();
      const mine = await drained(target, count, () => startTidemill(rig, options));
      if (mine === undefined) continue;
      const ofRaw = raw === undefined ? 0 : mine.perSecond / raw.perSecond;
      rig.found({ what: `record ${record}`, value: `${shown(mine)}; ${ofRaw.toFixed(2)} of the raw client's rate` });
      if (argo === undefined) continue;
      const times = mine.perSecond / argo.perSecond;
      rig.found({
        what: `record ${record}: rate, of Argo Events' on JetStream`,
        value: `${times.toFixed(1)} times (${shown(argo)})`,
        goal: ">= 4 times",
        good: times >= 4,
      });
    }
  },
};

interface Drained {
  readonly perSecond: number;
  readonly cpuMs: number;
}

function shown(drained: Drained | undefined): string {
  return drained === undefined ? "" : `${Math.round(drained.perSecond)}/s, ${drained.cpuMs.toFixed(3)} ms cpu`;
}

/** From the first entry at the target until the last. */
async function drained(
  target: Target,
  count: number,
  startReader: () => Promise<Child | undefined>,
): Promise<Drained | undefined> {
  await target.forget();
  await using reader = await startReader();
  if (reader === undefined) return undefined;
  const { firstMs, lastMs } = await target.until(count);
  const perSecond = (count * 1000) / (lastMs - firstMs);
  return { perSecond, cpuMs: (await reader.quietCpuMs()) / count };
}

async function fill(client: Redis, count: number): Promise<void> {
  const filler = "x".repeat(960);
  for (let at = 0; at < count; at += 1_000) {
    const pipeline = client.pipeline();
    for (let n = at; n < Math.min(count, at + 1_000); n++)
      pipeline.xadd(stream, "*", "n", String(n), "kind", "order", "filler", filler);
    await pipeline.exec();
  }
}

function manifest(address: string, url: string): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: shop }
spec:
  redisStream:
    orders: { hostAddress: "${address}", streams: [${stream}] }
---
${sensor({ name: "orders", url, source: "shop", dataKey: "values" })}`;
}
