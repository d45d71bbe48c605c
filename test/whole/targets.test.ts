import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { DeadLetterAnswer } from "../../src/runtime/dead-letters.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { type Product, startProduct } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget } from "./target.ts";

interface Letters {
  readonly items: readonly DeadLetterAnswer[];
}

interface Firings {
  readonly sensors: readonly {
    readonly triggers: readonly {
      readonly firings: readonly {
        readonly id: string;
        readonly state: string;
        readonly attempts: readonly { readonly outcome: string; readonly error?: string }[];
      }[];
    }[];
  }[];
}

/** Accepts, reads, and hangs up in the middle. */
async function startResetting(): Promise<{ readonly url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => socket.resetAndDestroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const three = "retryStrategy: { steps: 3, duration: 20ms, factor: 1, jitter: 0 }";

describe("targets that fail", { timeout: 60_000 }, () => {
  it("leave a dead letter each, with the attempts and the reason, and retry brings them home", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    await using resetting = await startResetting();
    const port = await freePort();
    const down = await freePort();
    let well = false;
    target.answer(({ path }, response) => {
      if (well) return void response.end("thanks");
      if (path === "/slow") return;
      response.statusCode = path === "/teapot" ? 418 : path === "/again" ? 503 : 500;
      response.end(`no ${path}`);
    });
    const cases = [
      { name: "down", url: `http://127.0.0.1:${down}/x`, attempts: 3, code: "TM4003", error: /ECONNREFUSED|refused/ },
      {
        name: "dns",
        url: "http://nowhere.invalid/x",
        attempts: 3,
        code: "TM4003",
        error: /ENOTFOUND|EAI_AGAIN|nowhere/,
      },
      { name: "reset", url: `${resetting.url}/x`, attempts: 3, error: /reset|socket|closed/i },
      { name: "teapot", url: `${target.url}/teapot`, attempts: 3, error: /418/ },
      { name: "broken", url: `${target.url}/broken`, attempts: 3, error: /500.*no \/broken/s },
      { name: "slow", url: `${target.url}/slow`, attempts: 3, error: /no answer within 1/ },
    ] as const;
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write(
      "s.yaml",
      cases
        .map(({ name, url }) =>
          sensor({ name, on: ["a"], url, trigger: three }).replace(
            "method: POST",
            "method: POST\n          timeout: 1",
          ),
        )
        .join("---\n"),
    );
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    const response = await post(port, "/a", { n: 1 });
    const event = response.headers.get("tidemill-event-id");
    const { items } = await until("all are dead letters", async () => {
      const letters = await product.get<Letters>("/deadletters");
      return letters.items.length === cases.length && letters;
    });
    for (const { name, attempts, error } of cases) {
      const letter = items.find((item) => item.sensor === name);
      expect(letter?.attempts, name).toBe(attempts);
      expect(letter?.error, name).toMatch(error);
      expect(
        letter?.events.map(({ id }) => id),
        name,
      ).toEqual([event]);
    }
    const audit = await drained(product);
    expect(sumsUp(audit)).toEqual([]);
    expect(audit.firings.dead).toBe(cases.length);
    const told = await product.get<Firings>(`/why/${event}`);
    const firings = told.sensors.flatMap(({ triggers }) => triggers.flatMap((trigger) => trigger.firings));
    expect(firings.every(({ attempts }) => attempts.length === 3)).toBe(true);

    well = true;
    const ours = items.filter(({ sensor: name }) => ["teapot", "broken", "slow"].includes(name));
    const before = target.hits.length;
    await product.post("/deadletters/retry", { ids: ours.map(({ id }) => id) });
    await until("the target has them", () => target.hits.length === before + ours.length);
    expect(new Set(target.hits.slice(before).map(({ key }) => key))).toEqual(new Set(ours.map(({ id }) => id)));
    const after = await drained(product);
    expect(sumsUp(after)).toEqual([]);
    expect(after.firings).toMatchObject({ done: ours.length, dead: cases.length - ours.length });
    const others = items.filter((item) => !ours.includes(item)).map(({ id }) => id);
    await product.post("/deadletters/drop", { ids: others });
    expect((await drained(product)).firings).toMatchObject({ dead: 0, dropped: others.length });
  });

  it("without a retryStrategy are tried once, and unreachable ones five times", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    const down = await freePort();
    target.answer((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write(
      "s.yaml",
      [
        sensor({ name: "once", on: ["a"], url: `${target.url}/once` }),
        sensor({ name: "down", on: ["a"], url: `http://127.0.0.1:${down}/x` }),
      ].join("---\n"),
    );
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    await post(port, "/a", { n: 1 });
    const dead = async (name: string): Promise<DeadLetterAnswer | undefined> =>
      (await product.get<Letters>("/deadletters")).items.find((item) => item.sensor === name);
    expect((await until("one is dead", () => dead("once"))).attempts).toBe(1);
    expect((await until("the other is dead", () => dead("down"), { timeoutMs: 40_000 })).attempts).toBe(5);
    expect(target.hits.length).toBe(1);
  });

  it("that ask for time with Retry-After get it, and other events are not held up", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    target.answer(({ body }, response) => {
      if (
        (body as { a: string }).a === "1" &&
        target.hits.filter((hit) => (hit.body as { a: string }).a === "1").length === 1
      ) {
        response.statusCode = 503;
        response.setHeader("Retry-After", "2");
      }
      response.end();
    });
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write("s.yaml", sensor({ name: "busy", on: ["a"], url: `${target.url}/busy`, trigger: three }));
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    await post(port, "/a", { n: 1 });
    await until("the first try", () => target.hits.length === 1);
    await post(port, "/a", { n: 2 });
    await until("the second event is through and the first tried again", () => target.hits.length === 3);
    expect(target.hits.map(({ body }) => (body as { a: string }).a)).toEqual(["1", "2", "1"]);
    expect((target.hits[2]?.atMs ?? 0) - (target.hits[0]?.atMs ?? 0)).toBeGreaterThan(1_950);
    expect(sumsUp(await drained(product))).toEqual([]);
  });

  it("run their dlqTrigger, whose failure is a dead letter of its own", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    target.answer(({ path, body }, response) => {
      const fails = path === "/main" || (path === "/dlq" && (body as { a: string }).a === "2");
      response.statusCode = fails ? 500 : 200;
      response.end();
    });
    const dlq = `atLeastOnce: true
${three}
dlqTrigger:
  atLeastOnce: true
  template:
    name: rescue
    http: { url: "${target.url}/dlq", method: POST, payload: [{ src: { dependencyName: a, dataKey: body.n }, dest: a }] }`;
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/main`, trigger: dlq }));
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    await post(port, "/a", { n: 1 });
    await post(port, "/a", { n: 2 });
    await until("both were rescued or not", () => target.of("/dlq").length >= 2);
    const audit = await drained(product);
    expect(sumsUp(audit)).toEqual([]);
    // in order, each with all its tries, and the rescue under the key of what it rescues
    expect(target.of("/main").map(({ body }) => (body as { a: string }).a)).toEqual(["1", "1", "1", "2", "2", "2"]);
    const mains = [...new Set(target.of("/main").map(({ key }) => key))];
    expect(target.of("/dlq").map(({ key }) => key)).toEqual(mains.map((key) => `${key}/dlq`));
    expect(audit.firings).toMatchObject({ done: 1, dead: 3 });
    const { items } = await product.get<Letters>("/deadletters");
    expect(items.filter(({ trigger }) => trigger === "rescue").map(({ parent }) => parent)).toEqual([mains[1]]);
    await stopsWell(product);
  });
});

async function stopsWell(product: Product): Promise<void> {
  expect(await product.stop()).toBe(0);
}
