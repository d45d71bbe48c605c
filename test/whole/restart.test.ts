import { describe, expect, it } from "vitest";
import type { DeadLetterAnswer } from "../../src/runtime/dead-letters.ts";
import type { Status } from "../../src/runtime/status.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { type Product, startProduct } from "./product.ts";
import { makePlace, type Place, post, sensor, webhooks } from "./shop.ts";
import { type Hit, startTarget, type Target } from "./target.ts";

interface Bench extends AsyncDisposable {
  readonly place: Place;
  readonly target: Target;
  readonly port: number;
  start(args?: readonly string[]): Promise<Product>;
  send(path: string, n: number): Promise<void>;
  /** Numbers of dependency `name` that reached a path, in order. */
  numbers(path: string, name: string): readonly number[];
}

async function bench(names: readonly string[]): Promise<Bench> {
  const place = await makePlace();
  const target = await startTarget();
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, names));
  return {
    place,
    target,
    port,
    start: (args = []) => startProduct({ dataDir: place.dataDir, paths: [place.manifests], args }),
    async send(path, n) {
      const response = await post(port, path, { n });
      expect(response.status).toBe(200);
      await response.arrayBuffer();
    },
    numbers: (path, name) => target.of(path).map(({ body }) => Number((body as Record<string, unknown>)[name])),
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

const twoTries = "retryStrategy: { steps: 2, duration: 1s, factor: 1, jitter: 0 }";

describe("a restart", { timeout: 60_000 }, () => {
  it("keeps partial state, also after kill -9: the second half fires with the first", async () => {
    await using b = await bench(["a", "b"]);
    const url = `${b.target.url}/both`;
    await b.place.write("s.yaml", sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url }));
    const first = await b.start();
    await b.send("/a", 1);
    await until("the first half is decided", async () => {
      const { decisions } = await first.get<{ decisions: { waiting: number } }>("/audit");
      return decisions.waiting === 1;
    });
    await first.kill();
    await using second = await b.start();
    await b.send("/b", 2);
    await until("it fired", () => b.target.hits.length > 0);
    expect(b.target.hits[0]?.body).toEqual({ a: "1", b: "2" });
    // and the state is spent
    await b.send("/b", 3);
    const audit = await drained(second);
    expect(sumsUp(audit)).toEqual([]);
    expect(b.target.hits.length).toBe(1);
    expect(audit.decisions.waiting).toBe(1);
  });

  it("keeps attempts and due times of pending retries", async () => {
    await using b = await bench(["a"]);
    const trigger = "retryStrategy: { steps: 3, duration: 3s, factor: 1, jitter: 0 }";
    await b.place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${b.target.url}/down`, trigger }));
    b.target.answer((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    const first = await b.start();
    await b.send("/a", 1);
    await until("the first attempt is settled", async () => {
      const status = await first.get<Status>("/status");
      return b.target.hits.length === 1 && status.sensors[0]?.triggers[0]?.pending === 1;
    });
    await first.kill();
    const second = await b.start();
    await until("the second attempt", () => b.target.hits.length === 2);
    await until("it is settled", async () => {
      const status = await second.get<Status>("/status");
      return status.sensors[0]?.triggers[0]?.pending === 1;
    });
    expect(await second.stop()).toBe(0);
    await using third = await b.start();
    const { items } = await until("it is dead", async () => {
      const letters = await third.get<{ items: DeadLetterAnswer[] }>("/deadletters");
      return letters.items.length === 1 && letters;
    });
    expect(items[0]?.attempts).toBe(3);
    const [one, two, three] = b.target.hits.map(({ atMs }) => atMs);
    expect((two ?? 0) - (one ?? 0)).toBeGreaterThan(2_950);
    expect((three ?? 0) - (two ?? 0)).toBeGreaterThan(2_950);
    expect(new Set(b.target.hits.map(({ key }) => key)).size).toBe(1);
  });

  it("lets a sensor that was invalid catch up alone once it is mended, and its new trigger start at now", async () => {
    await using b = await bench(["a"]);
    const t = (more: Partial<Parameters<typeof sensor>[0]> = {}): string =>
      sensor({ name: "t", on: ["a"], url: `${b.target.url}/t`, ...more });
    await b.place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${b.target.url}/s` }));
    await b.place.write("t.yaml", t());
    const first = await b.start();
    await b.send("/a", 1);
    await drained(first);
    expect(await first.stop()).toBe(0);

    await b.place.write("t.yaml", t({ conditions: "a && (" }));
    const second = await b.start();
    await b.send("/a", 2);
    await b.send("/a", 3);
    await drained(second);
    expect(b.numbers("/s", "a")).toEqual([1, 2, 3]);
    expect(b.numbers("/t", "a")).toEqual([1]);
    await second.kill();

    const added = `    - template:
        name: added
        http: { url: "${b.target.url}/added", method: POST, payload: [{ src: { dependencyName: a, dataKey: body.n }, dest: a }] }
`;
    await b.place.write("t.yaml", t() + added);
    await using third = await b.start();
    await until("it has caught up", () => b.numbers("/t", "a").length === 3);
    await b.send("/a", 4);
    const audit = await drained(third);
    expect([...b.numbers("/t", "a")].sort()).toEqual([1, 2, 3, 4]);
    expect(b.numbers("/s", "a")).toEqual([1, 2, 3, 4]);
    expect(b.numbers("/added", "a")).toEqual([4]);
    expect(sumsUp(audit)).toEqual([]);
  });

  it("starts a new sensor and a new trigger at now, and drops the place of a removed one", async () => {
    await using b = await bench(["a"]);
    await b.place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${b.target.url}/s` }));
    await b.place.write("gone.yaml", sensor({ name: "gone", on: ["a"], url: `${b.target.url}/gone` }));
    const first = await b.start();
    await b.send("/a", 1);
    await drained(first);
    expect(await first.stop()).toBe(0);

    await b.place.remove("gone.yaml");
    await b.place.write("new.yaml", sensor({ name: "new", on: ["a"], url: `${b.target.url}/new` }));
    const second = await b.start();
    expect(second.output()).toContain("the sensor is gone: its place is dropped");
    await b.send("/a", 2);
    await drained(second);
    await second.kill();

    await b.place.write("gone.yaml", sensor({ name: "gone", on: ["a"], url: `${b.target.url}/gone` }));
    await using third = await b.start();
    await b.send("/a", 3);
    expect(sumsUp(await drained(third))).toEqual([]);
    expect(b.numbers("/s", "a")).toEqual([1, 2, 3]);
    expect(b.numbers("/new", "a")).toEqual([2, 3]);
    expect(b.numbers("/gone", "a")).toEqual([1, 3]);
  });

  it("does not give a sensor that comes back the half that it held when it was removed", async () => {
    await using b = await bench(["a", "b"]);
    const both = sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url: `${b.target.url}/both` });
    await b.place.write("both.yaml", both);
    const first = await b.start();
    await b.send("/a", 1);
    await drained(first);
    expect(await first.stop()).toBe(0);
    await b.place.remove("both.yaml");
    const second = await b.start();
    await drained(second);
    expect(await second.stop()).toBe(0);
    await b.place.write("both.yaml", both);
    await using third = await b.start();
    await b.send("/b", 2);
    await b.send("/a", 3);
    expect(sumsUp(await drained(third))).toEqual([]);
    expect(b.target.hits.map(({ body }) => body)).toEqual([{ a: "3", b: "2" }]);
  });

  it("retries a pending firing by the plan revision that made it", async () => {
    await using b = await bench(["a"]);
    const at = (path: string): string =>
      sensor({ name: "s", on: ["a"], url: `${b.target.url}${path}`, trigger: twoTries.replace("2", "5") });
    await b.place.write("s.yaml", at("/v1"));
    b.target.answer((_, response) => {
      response.statusCode = b.target.hits.length === 1 ? 503 : 200;
      response.end();
    });
    const first = await b.start();
    await b.send("/a", 1);
    await until("the first attempt failed", () => b.target.hits.length === 1);
    expect(await first.stop()).toBe(0);
    await b.place.write("s.yaml", at("/v2"));
    await using second = await b.start();
    await b.send("/a", 2);
    expect(sumsUp(await drained(second))).toEqual([]);
    expect(b.numbers("/v1", "a")).toEqual([1, 1]);
    expect(b.numbers("/v2", "a")).toEqual([2]);
  });

  it("still tries what is pending of a trigger that is no longer in the manifests", async () => {
    await using b = await bench(["a"]);
    await b.place.write(
      "s.yaml",
      sensor({ name: "s", on: ["a"], url: `${b.target.url}/orphan`, trigger: twoTries.replace("2", "5") }),
    );
    b.target.answer((_, response) => {
      response.statusCode = b.target.hits.length === 1 ? 503 : 200;
      response.end();
    });
    const first = await b.start();
    await b.send("/a", 1);
    await until("the first attempt failed", () => b.target.hits.length === 1);
    await first.kill();
    await b.place.write("s.yaml", sensor({ name: "other", on: ["a"], url: `${b.target.url}/other` }));
    await using second = await b.start();
    await until("the retry", () => b.numbers("/orphan", "a").length === 2);
    await until("it is done", async () => {
      const { firings } = await second.get<{ firings: { done: number } }>("/audit");
      return firings.done === 1;
    });
    expect(sumsUp(await drained(second))).toEqual([]);
  });

  it("gives a rate limit no second allowance", async () => {
    await using b = await bench(["a", "free"]);
    const trigger = "rateLimit: { unit: Minute, requestsPerUnit: 3 }";
    await b.place.write(
      "s.yaml",
      [
        sensor({ name: "limited", on: ["a"], url: `${b.target.url}/limited`, trigger }),
        sensor({ name: "free", on: ["free"], url: `${b.target.url}/free` }),
      ].join("---\n"),
    );
    const first = await b.start();
    for (let n = 1; n <= 6; n++) await b.send("/a", n);
    await until("three went out", () => b.target.of("/limited").length === 3);
    await first.kill();
    const second = await b.start();
    await b.send("/free", 1);
    await until("the other trigger fired", () => b.target.of("/free").length === 1);
    const waiting = async (product: Product): Promise<number> => {
      const { sensors } = await product.get<Status>("/status");
      return sensors.find(({ sensor: name }) => name === "limited")?.triggers[0]?.running ?? 0;
    };
    await until("the others wait for their turn", async () => (await waiting(second)) >= 3);
    expect(b.target.of("/limited").length).toBe(3);
    expect(await second.stop()).toBe(0);
    await using third = await b.start();
    await until("they still wait", async () => (await waiting(third)) >= 3);
    expect(b.target.of("/limited").length).toBe(3);
  });
});

describe("SIGTERM", { timeout: 60_000 }, () => {
  it("lets what is in flight finish, keeps the rest, and ends with exit code 0", async () => {
    await using b = await bench(["a"]);
    await b.place.write(
      "s.yaml",
      sensor({ name: "s", on: ["a"], url: `${b.target.url}/slow`, trigger: "atLeastOnce: true" }),
    );
    const held: (() => void)[] = [];
    b.target.answer((_, response) => void held.push(() => response.end()));
    const first = await b.start();
    await b.send("/a", 1);
    await b.send("/a", 2);
    await until("the first is in flight", () => held.length === 1);
    first.signal("SIGTERM");
    await until("the signal was heard", () => first.output().includes("SIGTERM"));
    await until("nothing more is taken in", async () =>
      post(b.port, "/a", { n: 3 }).then(
        ({ status }) => status === 503,
        () => true,
      ),
    );
    held[0]?.();
    expect(await first.ended).toBe(0);
    expect(b.target.hits.length).toBe(1);
    b.target.answer((_, response) => void response.end());
    await using second = await b.start();
    expect(sumsUp(await drained(second))).toEqual([]);
    expect(b.numbers("/slow", "a")).toEqual([1, 2]);
  });

  it("twice ends at once, and what was in flight runs again under its key", async () => {
    await using b = await bench(["a"]);
    await b.place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${b.target.url}/stuck` }));
    b.target.answer(() => undefined);
    const first = await b.start();
    await b.send("/a", 1);
    await until("it is in flight", () => b.target.hits.length === 1);
    first.signal("SIGTERM");
    await until("the first signal was heard", () => first.output().includes("SIGTERM"));
    const beganMs = performance.now();
    first.signal("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    b.target.answer((_, response) => void response.end());
    await using second = await b.start();
    expect(sumsUp(await drained(second))).toEqual([]);
    const keys: readonly Hit[] = b.target.hits;
    expect(keys.length).toBe(2);
    expect(keys[1]?.key).toBe(keys[0]?.key);
  });
});
