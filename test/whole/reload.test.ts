import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { answers } from "../../src/console/answers.ts";
import { object, text } from "../../src/kit/fields.ts";
import { defineSource, type Source } from "../../src/kit/source.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";
import type { Manifests } from "../../src/manifests/manifests.ts";
import { planTexts } from "../../src/manifests/plan.ts";
import { lists } from "../../src/manifests/read.ts";
import { standardRun } from "../../src/runtime/standard-run.ts";
import type { Status } from "../../src/runtime/status.ts";
import { status } from "../../src/runtime/status.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { type Product, startProduct, verb } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget, type Target } from "./target.ts";

/** Manifests from texts by file name, as a reload is given them. */
function read(texts: Readonly<Record<string, string>>): Manifests {
  const files = Object.keys(texts);
  const planned = planTexts(
    files.map((file) => ({ file, folder: "/", named: true, text: texts[file] ?? "" })),
    lists,
  );
  return { ...planned, files };
}

async function target(): Promise<Target> {
  const started = await startTarget();
  onTestFinished(() => started[Symbol.asyncDispose]());
  return started;
}

const numbersAt = (at: Target, path: string, name: string): readonly number[] =>
  at.of(path).map(({ body }) => Number((body as Record<string, unknown>)[name]));

/** Posts 1, 2, 3… to a path until it is stopped, each until it is taken; answers with the numbers that were. */
function load(port: number, path: string) {
  let over = false;
  const taken: number[] = [];
  let refused = 0;
  const senders = [0, 1].map(async (first) => {
    for (let n = first; !over; n += 2) {
      for (let told = 0; told !== 200; ) {
        const response = await post(port, path, { n });
        await response.arrayBuffer();
        told = response.status;
        if (told !== 200) refused += 1;
        if (told !== 200 && told !== 503) throw new Error(`${path} answered ${told}`);
      }
      taken.push(n);
    }
  });
  return {
    async stop(): Promise<{ readonly taken: readonly number[]; readonly refused: number }> {
      over = true;
      await Promise.all(senders);
      return { taken: taken.toSorted((a, b) => a - b), refused };
    },
  };
}

/** An upstream whose messages are there until they are acknowledged, a batch of three at a time. */
class Feed {
  readonly waiting: number[] = [];
  inBatch = false;
  lives = 0;
  atOnce = 0;
  mostAtOnce = 0;

  /** A source that stops in the middle of a batch when it is told to. */
  source() {
    return defineSource({
      kind: "feed",
      title: "Feed",
      summary: "Numbers.",
      example: "",
      config: object({ round: text({ description: "Any." }) }, { description: "A feed." }),
      run: async (cx) => {
        this.lives += 1;
        this.atOnce += 1;
        this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
        cx.ready();
        while (!cx.signal.aborted) {
          const batch = this.waiting.slice(0, 3);
          this.inBatch = batch.length > 0;
          await cx.emit(
            batch.map((n) => ({ upstreamId: String(n), data: Buffer.from(JSON.stringify({ body: { n } })) })),
          );
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (cx.signal.aborted) break;
          this.waiting.splice(0, batch.length);
        }
        this.inBatch = false;
        this.atOnce -= 1;
      },
    });
  }
}

function readWith(feed: Feed, shop: Target, round: number): Manifests {
  const source = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: feed }
spec: { feed: { f: { round: "${round}" } } }
---
`;
  const sensorText = sensor({ name: "s", on: ["k"], url: `${shop.url}/f` }).replace(
    "eventSourceName: web, eventName: k",
    "eventSourceName: feed, eventName: f",
  );
  const own = { ...lists, sources: [...lists.sources, feed.source() as Source<unknown>] };
  const file = { file: "f.yaml", folder: "/", named: true, text: source + sensorText };
  const planned = planTexts([file], own);
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  return { ...planned, files: ["f.yaml"] };
}

const ordered = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b);

describe("a reload", { timeout: 60_000 }, () => {
  it.each([
    { rounds: 1_000, on: "in memory" },
    { rounds: 100, on: "on disk" },
  ])(
    "$rounds times under load loses nothing and does nothing twice, with a bus $on",
    { timeout: 120_000 },
    async ({ rounds, on }) => {
      const shop = await target();
      const place = await makePlace();
      onTestFinished(() => place[Symbol.asyncDispose]());
      const dataDir = on === "on disk" ? place.dataDir : undefined;
      const port = await freePort();
      const texts = (round: number): Readonly<Record<string, string>> => ({
        "web.yaml": webhooks(port, ["a"]),
        // another source on the same port, another one each time
        "other.yaml": webhooks(port, ["b"])
          .replace("name: web", "name: other")
          .replace("port:", `metadata: { round: "${round}" }, port:`),
        "steady.yaml": sensor({ name: "steady", on: ["a"], url: `${shop.url}/steady` }),
        "moving.yaml": sensor({ name: "moving", on: ["a"], url: `${shop.url}/moving/${round}` }),
        "b.yaml": sensor({ name: "b", on: ["b"], url: `${shop.url}/b` }).replace(
          "eventSourceName: web",
          "eventSourceName: other",
        ),
        ...(round % 2 === 0 ? { "now-and-then.yaml": sensor({ name: "third", on: ["a"], url: `${shop.url}/n` }) } : {}),
      });
      await using run = await standardRun({ manifests: read(texts(0)), dataDir, recordUrl: "none" });
      await run.settledStart;
      const a = load(port, "/a");
      const b = load(port, "/b");
      const kept = new Set<string>();
      for (let round = 1; round <= rounds; round++) {
        // in the middle of the traffic: something arrived since the last one
        for (const before = shop.hits.length; shop.hits.length === before; ) await new Promise(setImmediate);
        const report = await run.reload(read(texts(round)));
        expect([report.result, report.findings, report.errors]).toEqual(["applied", [], []]);
        kept.add(JSON.stringify([report.sources.kept, report.sensors.kept, report.sensors.changed]));
      }
      expect([...kept]).toEqual(['[["default/web/a"],["default/steady","default/b"],["default/moving"]]']);
      const sentA = await a.stop();
      const sentB = await b.stop();
      const count = sentA.taken.length;
      await until(
        "all fired",
        () => numbersAt(shop, "/b", "b").length >= sentB.taken.length && shop.hits.length >= count * 2,
      );
      await until("all queues are empty", () =>
        run.buses.every(({ bus, queues }) =>
          queues().every(({ queue }) => bus.queue(queue).depth().pending + bus.queue(queue).depth().running === 0),
        ),
      );
      // an unchanged source never refuses, and an unchanged sensor fires once for each event
      expect(sentA.refused).toBe(0);
      expect(ordered(numbersAt(shop, "/steady", "a"))).toEqual(sentA.taken);
      const moving = shop.hits.filter(({ path }) => path.startsWith("/moving/"));
      expect(ordered(moving.map(({ body }) => Number((body as { a: string }).a)))).toEqual(sentA.taken);
      expect(new Set(moving.map(({ path }) => path)).size).toBeGreaterThan(rounds / 20);
      expect(ordered(numbersAt(shop, "/b", "b"))).toEqual(sentB.taken);
      expect(new Set(shop.hits.map(({ key }) => key)).size).toBe(shop.hits.length);
      expect(count).toBeGreaterThan(rounds / 4);
    },
  );

  it("keeps the old version of what is bad, says where, and applies what is good beside it", async () => {
    const shop = await target();
    const port = await freePort();
    const web = webhooks(port, ["a"]);
    const one = (path: string, more = {}): string =>
      sensor({ name: "one", on: ["a"], url: `${shop.url}${path}`, ...more });
    const two = (path: string): string => sensor({ name: "two", on: ["a"], url: `${shop.url}${path}` });
    await using run = await standardRun({
      manifests: read({ "web.yaml": web, "s.yaml": `${one("/one")}---\n${two("/two")}` }),
      dataDir: undefined,
    });
    await run.settledStart;
    const bad = `${one("/bad", { conditions: "a && (" })}---\n${two("/better")}`;
    const report = await run.reload(read({ "web.yaml": web.replace("port:", "prot:"), "s.yaml": bad }));
    expect(report.result).toBe("partial");
    expect(report.sensors).toMatchObject({ failed: ["default/one"], changed: ["default/two"], removed: [] });
    expect(report.sources).toMatchObject({ failed: ["default/web/a"], kept: [], removed: [] });
    expect(report.findings.map(({ file, line }) => [file, line > 1])).toContainEqual(["s.yaml", true]);
    expect((await post(port, "/a", { n: 1 })).status).toBe(200);
    await until("both fired", () => shop.hits.length === 2);
    expect(shop.hits.map(({ path }) => path).sort()).toEqual(["/better", "/one"]);
    const now = await status({
      runtime: run,
      version: "",
      dataDir: undefined,
      listenHost: "127.0.0.1",
      jobs: undefined,
    });
    expect(answers.status.parse(JSON.parse(JSON.stringify(now))).reload?.findings[0]).toMatchObject({
      file: "web.yaml",
    });
    // YAML that cannot be read: nothing in the file is known to be meant to go
    const torn = await run.reload(read({ "web.yaml": web, "s.yaml": "kind: Sensor\n  x: [" }));
    expect(torn.sensors).toMatchObject({ failed: ["default/two", "default/one"], removed: [] });
    const mended = await run.reload(read({ "web.yaml": web, "s.yaml": two("/two") }));
    expect(mended).toMatchObject({
      result: "applied",
      sensors: { removed: ["default/one"], changed: ["default/two"] },
    });
    expect(await run.metrics.text()).toContain('tidemill_reloads_total{result="partial"} 2');
  });

  it("gives a new trigger what comes from now on, and retries firings by the plan that made them", async () => {
    const shop = await target();
    const port = await freePort();
    let down = true;
    shop.answer(({ path }, response) => {
      response.statusCode = down && path === "/v1" ? 503 : 200;
      response.end();
    });
    const trigger = "retryStrategy: { steps: 50, duration: 100ms, factor: 1, jitter: 0 }";
    const s = (path: string): string => sensor({ name: "s", on: ["a"], url: `${shop.url}${path}`, trigger });
    const added = s("/added").slice(s("/added").indexOf("    - template:")).replace("name: post", "name: added");
    await using run = await standardRun({
      manifests: read({ "web.yaml": webhooks(port, ["a"]), "s.yaml": s("/v1") }),
      dataDir: undefined,
    });
    await run.settledStart;
    await post(port, "/a", { n: 1 });
    await until("it is tried", () => shop.of("/v1").length > 0);
    await run.reload(read({ "web.yaml": webhooks(port, ["a"]), "s.yaml": s("/v2") + added }));
    await post(port, "/a", { n: 2 });
    await until("the new plan fires", () => shop.of("/v2").length === 1 && shop.of("/added").length === 1);
    down = false;
    await until("the old one is done", () => run.buses[0]?.bus.queue("s/post").depth().pending === 0);
    expect(new Set(numbersAt(shop, "/v1", "a"))).toEqual(new Set([1]));
    expect(numbersAt(shop, "/v2", "a")).toEqual([2]);
    expect(numbersAt(shop, "/added", "a")).toEqual([2]);
  });

  it("keeps what a sensor holds while other things change, and drops it with the sensor", async () => {
    const shop = await target();
    const port = await freePort();
    const web = webhooks(port, ["a", "b"]);
    const both = (url: string): string => sensor({ name: "both", on: ["a", "b"], conditions: "a && b", url });
    await using run = await standardRun({
      manifests: read({ "web.yaml": web, "s.yaml": both(`${shop.url}/1`) }),
      dataDir: undefined,
    });
    await run.settledStart;
    await post(port, "/a", { n: 1 });
    const decided = () =>
      until("it is decided", async () => (await run.buses[0]?.bus.events("sensors").lag())?.entries === 0);
    await decided();
    // another URL is another plan; the dependencies are the same
    await run.reload(read({ "web.yaml": web, "s.yaml": both(`${shop.url}/2`) }));
    await post(port, "/b", { n: 2 });
    await until("it fired", () => shop.hits.length === 1);
    expect(shop.hits[0]).toMatchObject({ path: "/2", body: { a: "1", b: "2" } });
    await post(port, "/a", { n: 3 });
    await decided();
    await run.reload(read({ "web.yaml": web }));
    await run.reload(read({ "web.yaml": web, "s.yaml": both(`${shop.url}/3`) }));
    await post(port, "/b", { n: 4 });
    await post(port, "/a", { n: 5 });
    await until("it fired again", () => shop.hits.length === 2);
    expect(shop.hits[1]?.body).toEqual({ a: "5", b: "4" });
  });

  it("swaps a secret without a restart of anything that does not read it", async () => {
    const shop = await target();
    const port = await freePort();
    const secret = (value: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: auth }\nstringData: { token: ${value}, mine: ${value} }\n`;
    const texts = (value: string) => ({
      "web.yaml": webhooks(port, ["a"]).replace("port:", "authSecret: { name: auth, key: mine }, port:"),
      "plain.yaml": webhooks(port, ["b"]).replace("name: web", "name: plain"),
      "s.yaml": sensor({ name: "s", on: ["a"], url: `${shop.url}/s` }).replace(
        "method: POST",
        "method: POST\n          secureHeaders: [{ name: X-Token, valueFrom: { secretKeyRef: { name: auth, key: token } } }]",
      ),
      "secret.yaml": secret(value),
    });
    await using run = await standardRun({ manifests: read(texts("first")), dataDir: undefined });
    await run.settledStart;
    const send = (token: string, n: number) =>
      fetch(`http://127.0.0.1:${port}/a`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ n }),
      });
    expect((await send("first", 1)).status).toBe(200);
    const report = await run.reload(read(texts("second")));
    expect(report.values.changed).toEqual(["Secret default/auth"]);
    expect(report.sources.kept).toContain("default/plain/b");
    expect((await send("first", 2)).status).toBe(401);
    expect((await send("second", 3)).status).toBe(200);
    await until("both fired", () => shop.hits.length === 2);
    expect(shop.hits.map(({ headers }) => headers["x-token"])).toEqual(["first", "second"]);
  });

  it("lets a request that is under way finish while its source is started anew", async () => {
    const shop = await target();
    const port = await freePort();
    const web = webhooks(port, ["a"]);
    const s = sensor({ name: "s", on: ["a"], url: `${shop.url}/s` });
    await using run = await standardRun({ manifests: read({ "web.yaml": web, "s.yaml": s }), dataDir: undefined });
    await run.settledStart;
    const { request } = await import("node:http");
    const answered = new Promise<number | undefined>((resolve, reject) => {
      const body = JSON.stringify({ n: 1 });
      const asking = request(
        { port, path: "/a", method: "POST", headers: { "content-length": body.length } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      asking.on("error", reject);
      asking.write(body.slice(0, 3), () => {
        const changed = web.replace("port:", "metadata: { x: y }, port:");
        run.reload(read({ "web.yaml": changed, "s.yaml": s })).then(() => asking.end(body.slice(3)), reject);
      });
    });
    expect(await answered).toBe(200);
    await until("it fired", () => shop.hits.length === 1);
    expect((await post(port, "/a", { n: 2 })).status).toBe(200);
  });

  it("in the middle of a batch of a pull source loses nothing: what was not acknowledged comes again, as a duplicate", async () => {
    const shop = await target();
    const feed = new Feed();
    const manifests = (round: number) => readWith(feed, shop, round);
    await using run = await standardRun({ manifests: manifests(0), dataDir: undefined, recordUrl: "none" });
    for (let round = 1; round <= 50; round++) {
      for (let n = 0; n < 7; n++) feed.waiting.push(round * 7 + n);
      await until("it is in a batch", () => feed.inBatch, { everyMs: 1 });
      const report = await run.reload(manifests(round));
      expect(report.sources.changed).toEqual(["default/feed/f"]);
    }
    await until("all is taken", () => feed.waiting.length === 0);
    await until("all fired", () => shop.hits.length >= 350);
    expect(ordered(numbersAt(shop, "/f", "k"))).toEqual(Array.from({ length: 350 }, (_, n) => n + 7));
    expect(feed.lives).toBe(51);
    expect(feed.mostAtOnce).toBe(1);
  });

  it("runs one after the other, and not at all once tidemill stops", async () => {
    const port = await freePort();
    const web = (n: number) =>
      read({ "web.yaml": webhooks(port, ["a"]).replace("port:", `metadata: { n: "${n}" }, port:`) });
    const run = await standardRun({ manifests: web(0), dataDir: undefined });
    await run.settledStart;
    const reports = await Promise.all([1, 2, 3].map((n) => run.reload(web(n))));
    expect(reports.map(({ sources }) => sources.changed)).toEqual([1, 2, 3].map(() => ["default/web/a"]));
    expect(run.sources.map(({ plan }) => (plan.config as { metadata: unknown }).metadata)).toEqual([{ n: "3" }]);
    await expect(run.reload(web(4), { signal: AbortSignal.abort(new Error("not now")) })).rejects.toThrow("not now");
    await run.stop();
    await expect(run.reload(web(5))).rejects.toMatchObject({ code: "STOPPED" });
  });
});

describe("tidemill run", { timeout: 60_000 }, () => {
  const reloadOf = async (product: Product) => (await product.get<Status>("/status")).reload;

  it("reloads at SIGHUP, and tells what it did", async () => {
    const shop = await target();
    const port = await freePort();
    await using place = await makePlace();
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${shop.url}/v1` }));
    await using product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${shop.url}/v2` }));
    product.signal("SIGHUP");
    await until("it is reloaded", async () => (await reloadOf(product))?.sensors.changed[0] === "default/s");
    await post(port, "/a", { n: 1 });
    await drained(product);
    expect(numbersAt(shop, "/v2", "a")).toEqual([1]);
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${shop.url}/v3`, conditions: "a && (" }));
    product.signal("SIGHUP");
    await until("it is refused", async () => (await reloadOf(product))?.result === "partial");
    expect(product.output()).toMatch(/the old version goes on/);
    await post(port, "/a", { n: 2 });
    expect(sumsUp(await drained(product))).toEqual([]);
    expect(numbersAt(shop, "/v2", "a")).toEqual([1, 2]);
    const { code, out } = await verb(["status", "--data-dir", place.dataDir]);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/reload {2}partial[\s\S]*default\/s[\s\S]*s\.yaml:\d+:\d+ TM/),
    ]);
  });

  it("sees with --watch a file replaced by an editor, and the swapped links of a ConfigMap", async () => {
    const shop = await target();
    const port = await freePort();
    await using place = await makePlace();
    const mount = await mkdtemp(join(tmpdir(), "tidemill-mount-"));
    onTestFinished(() => rm(mount, { recursive: true, force: true }));
    const version = async (n: number): Promise<void> => {
      await mkdir(join(mount, `..v${n}`));
      await writeFile(join(mount, `..v${n}`, "s.yaml"), sensor({ name: "s", on: ["a"], url: `${shop.url}/v${n}` }));
      await symlink(`..v${n}`, join(mount, "..data_tmp"));
      await rename(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    await version(1);
    await symlink("..data/s.yaml", join(mount, "s.yaml"));
    await place.write("web.yaml", webhooks(port, ["a"]));
    const paths = [place.manifests, mount];
    await using product = await startProduct({ dataDir: place.dataDir, paths, args: ["--watch"] });
    await version(2);
    await until("the sensor changed", async () => (await reloadOf(product))?.sensors.changed[0] === "default/s");
    await place.write("web.yaml~", webhooks(port, ["a", "b"]));
    await rename(join(place.manifests, "web.yaml~"), join(place.manifests, "web.yaml"));
    await until("the source is there", async () => (await reloadOf(product))?.sources.added[0] === "default/web/b");
    expect((await post(port, "/b", { n: 1 })).status).toBe(200);
    await post(port, "/a", { n: 2 });
    await drained(product);
    expect(numbersAt(shop, "/v2", "a")).toEqual([2]);
  });
});

describe("a pause", { timeout: 60_000 }, () => {
  const bench = async () => {
    const shop = await target();
    const port = await freePort();
    const place = await makePlace();
    onTestFinished(() => place[Symbol.asyncDispose]());
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${shop.url}/s` }));
    await place.write("t.yaml", sensor({ name: "t", on: ["a"], url: `${shop.url}/t` }));
    const start = () => startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    const change = async (...args: readonly string[]) => {
      const { code, out, err } = await verb([...args, "--data-dir", place.dataDir, "-o", "json"]);
      expect([code, err]).toEqual([0, ""]);
      return answers.pause.parse(JSON.parse(out)).items;
    };
    return { shop, port, place, start, change };
  };

  it("of a source answers 503 with Retry-After, over a restart and a reload, until it is resumed", async () => {
    const { shop, port, start, change } = await bench();
    const first = await start();
    expect(await change("pause", "source", "web", "--reason", "moving house")).toMatchObject([
      { kind: "source", name: "web/a", paused: true, reason: "moving house" },
    ]);
    const refused = await post(port, "/a", { n: 1 });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await first.stop()).toBe(0);
    await using second = await start();
    expect((await post(port, "/a", { n: 2 })).status).toBe(503);
    second.signal("SIGHUP");
    await until("it is reloaded", async () => (await second.get<Status>("/status")).reload?.result === "unchanged");
    const { sources, ready } = await second.get<Status>("/status");
    expect([sources[0]?.state, sources[0]?.reason, ready]).toEqual(["paused", "moving house", true]);
    await change("resume", "source", "web/a");
    expect((await post(port, "/a", { n: 3 })).status).toBe(200);
    expect(sumsUp(await drained(second))).toEqual([]);
    expect(numbersAt(shop, "/s", "a")).toEqual([3]);
  });

  it("of a sensor leaves its events in the log, and the others go on; afterwards it decides them all", async () => {
    const { shop, port, start, change } = await bench();
    const first = await start();
    await post(port, "/a", { n: 1 });
    await drained(first);
    await change("pause", "sensor", "s");
    await post(port, "/a", { n: 2 });
    await until("the other fired", () => shop.of("/t").length === 2);
    await first.kill();
    await using second = await start();
    await post(port, "/a", { n: 3 });
    await until("the other fired", () => shop.of("/t").length === 3);
    expect(numbersAt(shop, "/s", "a")).toEqual([1]);
    const { sensors } = await second.get<Status>("/status");
    expect(sensors.map(({ sensor: name, held }) => [name, held?.by])).toEqual([
      ["s", "pause"],
      ["t", undefined],
    ]);
    await change("resume", "sensor", "s");
    await until("it caught up", () => shop.of("/s").length === 3);
    await post(port, "/a", { n: 4 });
    expect(sumsUp(await drained(second))).toEqual([]);
    expect(ordered(numbersAt(shop, "/s", "a"))).toEqual([1, 2, 3, 4]);
    // what ran at the kill runs again under its key
    expect(new Set(numbersAt(shop, "/t", "a"))).toEqual(new Set([1, 2, 3, 4]));
    expect(new Set(shop.of("/t").map(({ key }) => key)).size).toBe(4);
  });

  it("of a trigger keeps its firings in the queue, and ends by itself after --for", async () => {
    const { shop, port, start, change } = await bench();
    const first = await start();
    await change("pause", "trigger", "s/post");
    await post(port, "/a", { n: 1 });
    await until("the other fired", () => shop.of("/t").length === 1);
    await first.kill();
    await using second = await start();
    const held = await until("it waits", async () => {
      const { sensors } = await second.get<Status>("/status");
      const trigger = sensors.find(({ sensor: name }) => name === "s")?.triggers[0];
      return trigger?.pending === 1 && trigger.held;
    });
    expect(held).toEqual({ by: "pause" });
    expect(shop.of("/s")).toEqual([]);
    const [paused] = await change("pause", "trigger", "s/post", "--for", "1s");
    expect(Date.parse(paused?.until ?? "") - Date.parse(paused?.since ?? "")).toBeGreaterThan(1_000);
    await until("it goes on by itself", () => shop.of("/s").length === 1);
    expect(sumsUp(await drained(second))).toEqual([]);
  });

  it("of a pull source stops it before its next message, and resuming goes on there", async () => {
    const shop = await target();
    const feed = new Feed();
    await using run = await standardRun({ manifests: readWith(feed, shop, 0), dataDir: undefined, recordUrl: "none" });
    feed.waiting.push(1);
    await until("it fired", () => shop.hits.length === 1);
    await run.control.pause({ kind: "source", name: "feed" }, {});
    await until("it has stopped", () => feed.atOnce === 0);
    feed.waiting.push(2);
    expect(run.sources[0]?.status()).toMatchObject({ state: "paused" });
    await run.reload(readWith(feed, shop, 1));
    expect([feed.atOnce, feed.lives, feed.waiting]).toEqual([0, 1, [2]]);
    await run.control.resume({ kind: "source", name: "feed/f" });
    await until("it goes on", () => shop.hits.length === 2);
    expect([feed.lives, feed.mostAtOnce]).toEqual([2, 1]);
  });

  it("of maintenance holds the firings of a trigger until the window is over", async () => {
    const shop = await target();
    const clock = new VirtualClock(Date.parse("2026-01-05T01:59:00Z"));
    const port = await freePort();
    const trigger = 'maintenance: [{ cron: "0 2 * * *", duration: 1h }]';
    const manifests = read({
      "web.yaml": webhooks(port, ["a"]),
      "s.yaml": sensor({ name: "s", on: ["a"], url: `${shop.url}/s`, trigger }),
      "t.yaml": sensor({ name: "t", on: ["a"], url: `${shop.url}/t` }),
    });
    await using run = await standardRun({
      manifests,
      dataDir: undefined,
      recordUrl: "none",
      clock,
      drainTimeoutMs: 20,
    });
    await run.settledStart;
    await post(port, "/a", { n: 1 });
    await until("both fired", () => shop.hits.length === 2);
    await clock.advance(60_000);
    const held = () => run.buses[0]?.heldBy("s", "post");
    expect(held()).toEqual({ by: "maintenance", untilMs: Date.parse("2026-01-05T03:00:00Z") });
    await post(port, "/a", { n: 2 });
    await until("the other fired", () => shop.of("/t").length === 2);
    await until("it waits", () => run.buses[0]?.bus.queue("s/post").depth().pending === 1);
    await clock.advance(59 * 60_000);
    expect(shop.of("/s").length).toBe(1);
    await clock.advance(60_000);
    expect(held()).toBeUndefined();
    await until("it goes on", () => shop.of("/s").length === 2);
  });

  it("of what is not there, or has the name of several, says so", async () => {
    const { place, start } = await bench();
    await using _ = await start();
    const ask = (...args: readonly string[]) => verb([...args, "--data-dir", place.dataDir]);
    const unknown = await ask("pause", "sensor", "ss");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("did you mean s?")]);
    const several = await ask("pause", "trigger", "post");
    expect(several.err).toContain("default: s/post, default: t/post");
  });
});
