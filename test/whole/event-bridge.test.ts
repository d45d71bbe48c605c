import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { describe, expect, it } from "vitest";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { type Product, startProduct } from "./product.ts";
import { makePlace } from "./shop.ts";
import { startTarget } from "./target.ts";

function eventSource(name: string, { port, pattern }: { readonly port: number; readonly pattern: string }): string {
  return `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: ${name} }
spec:
  eventBridge:
    rule: { port: "${port}", pattern: ${pattern} }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: ${name} }
spec:
  dependencies:
    - { name: job, eventSourceName: ${name}, eventName: rule }
  triggers:
    - template:
        name: post
        http:
          url: TARGET/${name}
          payload:
            - { src: { dependencyName: job, dataKey: detail.n, useRawData: true }, dest: number }
`;
}

async function bus() {
  const place = await makePlace();
  const target = await startTarget();
  const port = await freePort();
  const write = (name: string, pattern: string) =>
    place.write(`${name}.yaml`, eventSource(name, { port, pattern }).replace("TARGET", target.url));
  await write("all", "{ source: [jobs] }");
  await write("odd", '{ detail: { odd: ["yes"] } }');
  const start = () => startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
  const client = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 30,
  });
  const stack = new AsyncDisposableStack();
  stack.use(place);
  stack.use(target);
  stack.defer(() => client.destroy());
  let product: Product = await start();
  stack.defer(async () => void (await product.stop()));
  return {
    target,
    write,
    get product() {
      return product;
    },
    async crash() {
      await product.kill();
      product = await start();
    },
    async put(ns: readonly number[]) {
      const Entries = ns.map((n) => ({
        Source: "jobs",
        DetailType: "job",
        Detail: JSON.stringify({ n, odd: n % 2 === 1 ? "yes" : "no" }),
      }));
      const { Entries: results = [] } = await client.send(new PutEventsCommand({ Entries }));
      return ns.filter((_, at) => results[at]?.ErrorCode === undefined);
    },
    /** Keys by which each number reached a path. */
    keysOf(path: string): ReadonlyMap<number, ReadonlySet<string>> {
      const keys = new Map<number, Set<string>>();
      for (const hit of target.of(path)) {
        const { number: n } = hit.body as { readonly number: number };
        keys.set(n, (keys.get(n) ?? new Set()).add(hit.key));
      }
      return keys;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

describe("a local event bus", { timeout: 60_000 }, () => {
  it("loses nothing that it took, and makes nothing of it twice, when it is killed while an SDK sends", async () => {
    await using bench = await bus();
    const taken: number[] = [];
    let over = false;
    const sending = (async () => {
      for (let n = 0; !over; n += 10) taken.push(...(await bench.put(Array.from({ length: 10 }, (_, i) => n + i))));
    })();
    for (let crashes = 0; crashes < 2; crashes++) {
      const before = taken.length;
      await until("more is taken", () => taken.length > before + 100, { timeoutMs: 20_000 });
      await bench.crash();
    }
    over = true;
    await sending;
    const odd = taken.filter((n) => n % 2 === 1);
    await until(
      "all have come",
      () => bench.keysOf("/all").size >= taken.length && bench.keysOf("/odd").size >= odd.length,
      {
        timeoutMs: 20_000,
      },
    );
    expect([...bench.keysOf("/all").keys()].sort((a, b) => a - b)).toEqual(taken);
    expect([...bench.keysOf("/odd").keys()].sort((a, b) => a - b)).toEqual(odd);
    // a request whose answer the crash took was sent again, and was known
    for (const path of ["/all", "/odd"]) {
      expect([...bench.keysOf(path)].filter(([, keys]) => keys.size > 1)).toEqual([]);
    }
  });

  it("misses no event for a rule that is changed while an SDK sends", async () => {
    await using bench = await bus();
    const taken: number[] = [];
    let over = false;
    const sending = (async () => {
      for (let n = 1; !over; n += 2) {
        // single entries are not repeated by the SDK
        while ((await bench.put([n])).length === 0);
        taken.push(n);
      }
    })();
    const reloads = new Set<string>([JSON.stringify(undefined)]);
    for (let change = 0; change < 3; change++) {
      await bench.write("odd", `{ detail: { odd: ["yes", "change ${change}"] } }`);
      bench.product.signal("SIGHUP");
      const before = taken.length;
      await until("it holds, and more is taken", async () => {
        const { reload } = await bench.product.get<{ readonly reload?: { readonly sources: object } }>("/status");
        reloads.add(JSON.stringify(reload));
        return reloads.size > change + 1 && taken.length > before + 20;
      });
    }
    over = true;
    await sending;
    await until("all have come", () => bench.keysOf("/odd").size >= taken.length, { timeoutMs: 20_000 });
    expect([...bench.keysOf("/odd").keys()].sort((a, b) => a - b)).toEqual(taken);
  });

  it("holds back what is for a paused rule, over a restart too, and takes the rest", async () => {
    await using bench = await bus();
    await bench.product.post("/pause?kind=source&name=odd", {});
    expect(await bench.put([1, 2])).toEqual([2]);
    await bench.crash();
    expect(await bench.put([3, 4])).toEqual([4]);
    await bench.product.post("/resume?kind=source&name=odd", {});
    expect(await bench.put([5])).toEqual([5]);
    await until("it has come", () => bench.keysOf("/odd").size === 1 && bench.keysOf("/all").size === 3);
  });
});
