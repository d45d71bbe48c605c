import { join } from "node:path";
import { freePort } from "../servers/server.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayMb, watchMemory } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { type Senders, startSenders } from "./senders.ts";

export const manySources: Scenario = {
  name: "many-sources",
  title: "5,000 sources",
  promise: "5,000 webhooks on 5 ports and 50 sensors on them: all come up, each takes its events, and they fire.",
  run,
};

/** Sources of one EventSource, on which one sensor depends. */
const perGroup = 100;
const eventsPerSource = 2;

interface Group {
  readonly name: string;
  readonly port: number;
  readonly sources: readonly string[];
}

async function run(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const ports = await Promise.all(Array.from({ length: 5 }, freePort));
  const groups = Array.from({ length: Math.ceil(scaled(cx, 5_000, 200) / perGroup) }, (_, at) => groupOf(at, ports));
  for (const { name, port, sources } of groups) {
    const conditions = sources.join(" || ");
    await place.write(`${name}-sources.yaml`, webhooks(port, sources, name));
    await place.write(
      `${name}.yaml`,
      sensor({ name, on: sources, conditions, url: `${target.url}/${name}`, eventSource: name }),
    );
  }
  const beganMs = performance.now();
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    readyTimeoutMs: 120_000,
  });
  const readyMs = performance.now() - beganMs;
  const count = groups.length * perGroup;
  cx.progress(`${count} sources are up after ${(readyMs / 1000).toFixed(1)} s`);
  using memory = watchMemory(product.pid);
  const idleMb = memory.nowMb();
  await using stack = new AsyncDisposableStack();
  const claims = groups.map((group) => ({ path: `/${group.name}`, sent: stack.use(sendTo(group)) }));
  const sendingMs = performance.now();
  await Promise.all(claims.map(({ sent }) => sent.done));
  const perSecond = (count * eventsPerSource) / ((performance.now() - sendingMs) / 1000);
  const audit = await drained(product, { timeoutMs: 120_000 });
  const mostMb = memory.mostMb();
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code}`);
  return judge({
    claims,
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["sources and sensors", `${count} and ${groups.length}`],
      ["ready after", `${(readyMs / 1000).toFixed(1)} s`],
      ["RssAnon", `${sayMb(idleMb)} when ready, at most ${sayMb(mostMb)} under load`],
      ["taken in", `${Math.round(perSecond)} events a second`],
    ],
  });
}

function groupOf(at: number, ports: readonly number[]): Group {
  const name = `group-${at}`;
  return {
    name,
    port: ports[at % ports.length] ?? 0,
    sources: Array.from({ length: perGroup }, (_, n) => `${name}-${n}`),
  };
}

/** Each source gets its events in turn, one after the other. */
function sendTo({ port, sources }: Group): Senders {
  const path = (n: number): string => `/${sources[n % sources.length]}`;
  return startSenders({ port, path, senders: 1, end: perGroup * eventsPerSource });
}
