import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { describeWithServer } from "../servers/describe.ts";
import { startRedis } from "../servers/redis.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { type Product, startProduct } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { type Hit, startTarget } from "./target.ts";

/** 20 in the usual test, 200 in the long one. */
const kills = Number(process.env.TIDEMILL_KILLS ?? 20);
const seed = Number(process.env.TIDEMILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const timeoutMs = 60_000 + kills * 15_000;

function randoms(from: number): () => number {
  let state = from | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Numbers that were handed in, and what became of the handing in. */
interface Generator extends AsyncDisposable {
  /** Event ids by number. */
  readonly acknowledged: ReadonlyMap<number, string>;
  /** Sent more than once, because nobody told how the first time ended. */
  readonly repeated: ReadonlySet<number>;
  stop(): Promise<void>;
}

/** Posts numbered events without a pause, each again and again until it is acknowledged. */
function generate(port: number, path: string, lanes: number): Generator {
  const acknowledged = new Map<number, string>();
  const repeated = new Set<number>();
  let next = 0;
  let stopped = false;
  const lane = async (): Promise<void> => {
    while (!stopped) {
      const n = next++;
      for (let tries = 1; ; tries++) {
        if (tries > 1) repeated.add(n);
        const response = await post(port, path, { n, even: n % 2 === 0 }).catch(() => undefined);
        await response?.arrayBuffer().catch(() => undefined);
        if (response?.ok === true) {
          acknowledged.set(n, response.headers.get("tidemill-event-id") ?? "");
          break;
        }
        // refused connections come back at once: leave the machine to whoever starts
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  const stop = async (): Promise<void> => {
    stopped = true;
    await running;
  };
  return { acknowledged, repeated, stop, [Symbol.asyncDispose]: stop };
}

/** Kills and starts anew, `kills` times: mostly under load after some progress, every fourth time during the start. */
async function killAgainAndAgain(parts: {
  readonly start: (untilReady: boolean) => Promise<Product>;
  readonly progress: () => number;
  readonly random: () => number;
}): Promise<Product> {
  const { start, progress, random } = parts;
  for (let run = 0; run < kills; run++) {
    const early = run % 4 === 3;
    const product = await start(!early);
    if (early) {
      await new Promise((resolve) => setTimeout(resolve, random() * 1_200));
    } else {
      const goal = progress() + 100 + Math.floor(random() * 200);
      await until(`run ${run} makes progress`, () => progress() >= goal, { timeoutMs: 20_000, everyMs: 2 });
      await new Promise((resolve) => setTimeout(resolve, random() * 30));
    }
    await product.kill();
  }
  return start(true);
}

/** The keys under which each body reached a path. */
function keysByBody(hits: readonly Hit[]): ReadonlyMap<string, ReadonlySet<string>> {
  const keys = new Map<string, Set<string>>();
  for (const { body, key } of hits) {
    const text = JSON.stringify(body);
    keys.set(text, (keys.get(text) ?? new Set()).add(key));
  }
  return keys;
}

function numbersOf(hits: readonly Hit[], name: string): ReadonlySet<number> {
  return new Set(hits.map(({ body }) => Number((body as Record<string, unknown>)[name])));
}

describe(`killed ${kills} times at random points (TIDEMILL_SEED=${seed})`, () => {
  it("under webhooks: nothing acknowledged is lost, nothing fires twice under two keys, and audit adds up", {
    timeout: timeoutMs,
  }, async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    let flaky = 0;
    target.answer((hit, response) => {
      if (hit.path === "/flaky" && ++flaky % 5 === 0) response.statusCode = 503;
      response.end();
    });
    const retry = `retryStrategy: { steps: 50, duration: 20ms, factor: 1.2, jitter: 0.5 }`;
    await place.write("web.yaml", webhooks(port, ["a", "b"]));
    await place.write(
      "sensors.yaml",
      [
        sensor({
          name: "even",
          on: ["a"],
          filters: `filters: { data: [{ path: body.even, type: bool, value: ["true"] }] }`,
          url: `${target.url}/even`,
        }),
        sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url: `${target.url}/both` }),
        sensor({ name: "flaky", on: ["a"], url: `${target.url}/flaky`, trigger: retry }),
        sensor({
          name: "ordered",
          on: ["b"],
          url: `${target.url}/ordered`,
          trigger: `atLeastOnce: true\n${retry}`,
        }),
      ].join("---\n"),
    );
    await using a = generate(port, "/a", 6);
    await using b = generate(port, "/b", 2);
    const random = randoms(seed);
    await using product = await killAgainAndAgain({
      start: (untilReady) => startProduct({ dataDir: place.dataDir, paths: [place.manifests], untilReady }),
      progress: () => a.acknowledged.size + b.acknowledged.size,
      random,
    });
    await Promise.all([a.stop(), b.stop()]);
    const audit = await drained(product, { timeoutMs: 60_000 });
    expect(sumsUp(audit)).toEqual([]);

    const lost = (sent: Generator, path: string, name: string, counts: (n: number) => boolean): number[] => {
      const seen = numbersOf(target.of(path), name);
      return [...sent.acknowledged.keys()].filter((n) => counts(n) && !seen.has(n));
    };
    const every = (): boolean => true;
    expect(lost(a, "/even", "a", (n) => n % 2 === 0)).toEqual([]);
    expect(lost(a, "/flaky", "a", every)).toEqual([]);
    expect(lost(b, "/ordered", "b", every)).toEqual([]);
    expect([...numbersOf(target.of("/even"), "a")].filter((n) => n % 2 === 1)).toEqual([]);

    for (const [path, name, sent] of [
      ["/even", "a", a],
      ["/flaky", "a", a],
      ["/ordered", "b", b],
    ] as const) {
      const twice = [...keysByBody(target.of(path))]
        .filter(([, keys]) => keys.size > 1)
        .map(([body]) => Number((JSON.parse(body) as Record<string, unknown>)[name]))
        .filter((n) => !sent.repeated.has(n));
      expect(twice, `${path}: numbers under two keys`).toEqual([]);
    }
    // one key is one firing, however often it is delivered
    for (const path of ["/even", "/both", "/flaky", "/ordered"]) {
      const bodies = new Map<string, string>();
      for (const { key, body } of target.of(path)) {
        expect(key).toMatch(/^[0-9a-f]{32}$/);
        expect(bodies.get(key) ?? JSON.stringify(body), path).toBe(JSON.stringify(body));
        bodies.set(key, JSON.stringify(body));
      }
    }
    // at least once, one at a time: a key that was followed by another does not come again
    const order = target.of("/ordered").map(({ key }) => key);
    const turns = order.filter((key, at) => key !== order[at - 1]);
    expect(new Set(turns).size).toBe(turns.length);

    expect(await product.stop()).toBe(0);
    const record = new DatabaseSync(join(place.dataDir, "record.sqlite"), { readOnly: true });
    try {
      const count = (sql: string): number => Number(Object.values(record.prepare(sql).get() ?? {})[0]);
      const stored = count("SELECT count(*) FROM event WHERE receipt = 'stored'");
      expect(stored).toBe(audit.receipts.stored);
      expect(count("SELECT count(DISTINCT id) FROM event")).toBe(count("SELECT count(*) FROM event"));
      expect(count("SELECT count(DISTINCT id) FROM firing")).toBe(count("SELECT count(*) FROM firing"));
      const known = record.prepare("SELECT count(*) AS n FROM event WHERE id = ? AND receipt = 'stored'");
      const unknown = [...a.acknowledged.values(), ...b.acknowledged.values()].filter((id) => known.get(id)?.n !== 1);
      expect(unknown).toEqual([]);
      const sent = a.acknowledged.size + b.acknowledged.size;
      expect(stored).toBeGreaterThanOrEqual(sent);
      expect(stored).toBeLessThanOrEqual(sent + a.repeated.size * kills + b.repeated.size * kills);
      const delivered = new Set(target.hits.map(({ key }) => key)).size;
      expect(count("SELECT count(*) FROM firing WHERE state = 'done'")).toBe(delivered);
    } finally {
      record.close();
    }
    process.stdout.write(
      `kill -9: ${kills} runs, seed ${seed}, ${a.acknowledged.size + b.acknowledged.size} acknowledged, ${target.hits.length} deliveries of ${new Set(target.hits.map(({ key }) => key)).size} firings, ${a.repeated.size + b.repeated.size} repeated posts\n`,
    );
  });
});

describeWithServer("redis", () => {
  it(`killed ${kills} times over a Redis stream: each entry is exactly one event, none is lost (TIDEMILL_SEED=${seed})`, {
    timeout: timeoutMs,
  }, async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    await using server = await startRedis();
    const redis = new Redis(server.port, "127.0.0.1");
    const added = new Map<string, number>();
    let stopped = false;
    const adding = (async () => {
      for (let n = 0; !stopped; n += 10) {
        const batch = redis.pipeline();
        for (let i = 0; i < 10; i++) batch.xadd("FOO", "*", "n", String(n + i));
        const answers = (await batch.exec()) ?? [];
        for (const [i, [, id]] of answers.entries()) added.set(String(id), n + i);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    })();
    try {
      await until("the stream is there", () => added.size > 0);
      await redis.xgroup("CREATE", "FOO", "argo-events-cg", "0");
      await place.write(
        "stream.yaml",
        `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: redis }
spec:
  redisStream:
    foo: { hostAddress: "${server.address}", streams: [FOO], maxMsgCountPerRead: 50, consumerGroup: argo-events-cg }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: stream }
spec:
  dependencies:
    - { name: foo, eventSourceName: redis, eventName: foo }
  triggers:
    - template:
        name: post
        http:
          url: ${target.url}/stream
          method: POST
          payload:
            - { src: { dependencyName: foo, dataKey: message_id }, dest: id }
            - { src: { dependencyName: foo, dataKey: values.n }, dest: number }
`,
      );
      await using product = await killAgainAndAgain({
        start: (untilReady) => startProduct({ dataDir: place.dataDir, paths: [place.manifests], untilReady }),
        progress: () => target.hits.length,
        random: randoms(seed + 1),
      });
      stopped = true;
      await adding;
      const reached = (): ReadonlySet<string> =>
        new Set(target.hits.map(({ body }) => String((body as Record<string, unknown>).id)));
      await until("every entry reached the target", () => reached().size >= added.size, {
        timeoutMs: 60_000,
        everyMs: 100,
      });
      const audit = await drained(product);
      expect(sumsUp(audit)).toEqual([]);
      const arrived = reached();
      expect([...added.keys()].filter((id) => !arrived.has(id))).toEqual([]);
      expect(audit.receipts.stored).toBe(added.size);
      expect([...keysByBody(target.hits)].filter(([, keys]) => keys.size > 1)).toEqual([]);
      const pending = await redis.xpending("FOO", "argo-events-cg");
      expect(pending[0]).toBe(0);
      process.stdout.write(
        `kill -9 over Redis: ${kills} runs, seed ${seed}, ${added.size} entries, ${target.hits.length} deliveries, ${audit.receipts.duplicate} duplicates\n`,
      );
    } finally {
      stopped = true;
      await adding.catch(() => undefined);
      redis.disconnect();
    }
  });
});
