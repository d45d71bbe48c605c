import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { type RedisServer, startRedis } from "../../test/servers/redis.ts";
import { freePort } from "../../test/servers/server.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import type { Taken } from "../kit/testing-bench.ts";
import { addressOf } from "./redis-connection.ts";
import { redisStream } from "./redis-stream.ts";

const idsOf = (taken: readonly Taken[]): unknown[] =>
  taken.map((one) => (dataOf(one).json as { values: { n?: string } }).values.n);

describeWithServer("redis", () => {
  let server: RedisServer;
  let redis: Redis;
  let running: AsyncDisposableStack;

  beforeAll(async () => {
    server = await startRedis({ durable: true });
    redis = new Redis(server.url, { protocol: 2 });
  });
  beforeEach(async () => {
    running = new AsyncDisposableStack();
    await redis.flushall();
  });
  afterEach(() => running.disposeAsync());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const read = (config: object = {}, options: TrialOptions = {}): Trial =>
    running.use(trial(redisStream, { hostAddress: server.address, streams: ["FOO"], ...config }, options));
  const add = async (stream: string, ...fields: string[]): Promise<string> =>
    String(await redis.call("XADD", stream, "*", ...fields));
  const pendingOf = async (stream = "FOO", group = "argo-events-cg"): Promise<number> =>
    ((await redis.xpending(stream, group)) as [number])[0];

  test("an entry becomes the event that Argo Events makes of it", async () => {
    await add("FOO", "old", "entry");
    const source = read({ metadata: { team: "x" } });
    await source.ready();
    const id = await add("FOO", "message", "hello <b>", "a", "1", "a", "2");
    const one = await source.next();
    expect(dataOf(one).text).toBe(
      `{"stream":"FOO","message_id":"${id}","values":{"a":"2","message":"hello \\u003cb\\u003e"},"metadata":{"team":"x"}}`,
    );
    expect(one.draft).toMatchObject({ upstreamId: `FOO/${id}`, sentUs: Number(id.split("-")[0]) * 1000 });
    await expect.poll(() => pendingOf()).toBe(0);
  });

  test("a trace is taken from fields of W3C's names, which stay in the data", async () => {
    await add("FOO", "old", "entry");
    const source = read();
    await source.ready();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await add("FOO", "n", "1", "traceparent", traceparent, "tracestate", "a=1");
    const one = await source.next();
    expect(one.draft.trace).toEqual({ traceparent, tracestate: "a=1" });
    expect(dataOf(one).json).toMatchObject({ values: { n: "1", traceparent, tracestate: "a=1" } });
    await add("FOO", "n", "2", "traceparent", "junk");
    expect((await source.next()).draft.trace).toBeUndefined();
  });

  test("bytes that are no UTF-8 do not stop an entry", async () => {
    await add("FOO", "x", "y");
    const source = read();
    await source.ready();
    await redis.call("XADD", "FOO", "1-1", "bin", Buffer.from([0x61, 0xff])).catch(() => undefined);
    const id = String(await redis.call("XADD", "FOO", "*", "bin", Buffer.from([0x61, 0xff]), "__proto__", "p"));
    expect(dataOf(await source.next()).text).toBe(
      `{"stream":"FOO","message_id":"${id}","values":{"__proto__":"p","bin":"a\\ufffd"}}`,
    );
  });

  test("nothing is read before all streams exist; which are missing is said once", async () => {
    await add("A", "n", "before");
    const source = read({ streams: ["A", "B", "C"] });
    await source.until(({ status }) => typeof status === "object" && status.waiting === "streams B, C missing");
    await add("A", "n", "1");
    await add("B", "n", "2");
    await source.until(({ status }) => typeof status === "object" && status.waiting === "stream C missing");
    expect(source.taken).toEqual([]);
    await add("C", "n", "3");
    await source.ready();
    await source.until(({ taken }) => taken.length === 3);
    expect(idsOf(source.taken).sort()).toEqual(["1", "2", "3"]);
    const said = source.log.filter(({ level }) => level === "warn").map(({ fields }) => fields);
    expect(said).toEqual([{ missing: ["B", "C"] }, { missing: ["C"] }]);
  });

  test("a stream that comes into being while the source is stopped is read from its first entry", async () => {
    const first = read();
    await first.until(({ status }) => typeof status === "object");
    await first.stop();
    await add("FOO", "n", "1");
    const second = read({}, { checkpoint: first.checkpoint });
    expect(idsOf([await second.next()])).toEqual(["1"]);
  });

  test.each([
    ["oldest", ["1", "2"]],
    ["latest", []],
    ["1-0", ["2"]],
  ])("a new group starts from %s", async (startFrom, expected) => {
    await redis.xadd("FOO", "1-0", "n", "1");
    await redis.xadd("FOO", "2-0", "n", "2");
    const source = read({ startFrom });
    await source.ready();
    await add("FOO", "n", "end");
    await source.until(({ taken }) => taken.length === expected.length + 1);
    expect(idsOf(source.taken)).toEqual([...expected, "end"]);
    expect(source.taken[0]?.draft.sentUs === undefined).toBe(expected.length > 0);
  });

  test("an entry is not acknowledged before the bus has it", async () => {
    await add("FOO", "n", "0");
    const source = read();
    await source.ready();
    source.break();
    await add("FOO", "n", "1");
    await source.until(({ emits }) => emits >= 2);
    expect(await pendingOf()).toBe(1);
    expect(source.status).toMatchObject({ waiting: expect.stringContaining("the bus does not take events") });
    source.mend();
    expect(idsOf([await source.next()])).toEqual(["1"]);
    await expect.poll(() => pendingOf()).toBe(0);
    expect(source.status).toBe("ready");
  });

  test("a restart resumes from what was not acknowledged, in order, and then reads on", async () => {
    await add("FOO", "n", "0");
    const first = read();
    await first.ready();
    first.break();
    await add("FOO", "n", "1");
    await first.until(({ emits }) => emits > 0);
    await first.stop();
    expect(first.taken).toEqual([]);
    await add("FOO", "n", "2");
    const second = read({}, { checkpoint: first.checkpoint });
    await second.until(({ taken }) => taken.length === 2);
    expect(idsOf(second.taken)).toEqual(["1", "2"]);
    await expect.poll(() => pendingOf()).toBe(0);
    const consumers = (await redis.call("XINFO", "CONSUMERS", "FOO", "argo-events-cg")) as unknown[][];
    expect(consumers.map((consumer) => consumer[1])).toEqual([expect.stringMatching(/^tidemill-[0-9a-f]{8}$/)]);
  });

  test("a batch goes to the bus together and is acknowledged together", async () => {
    await add("FOO", "n", "x");
    const first = read({ maxMsgCountPerRead: 50 });
    await first.ready();
    await first.stop();
    const lines = Array.from({ length: 50 }, (_, i) => ["xadd", "FOO", "*", "n", String(i)]);
    await redis.pipeline(lines).exec();
    const second = read({ maxMsgCountPerRead: 50 }, { checkpoint: first.checkpoint });
    await second.until(({ taken }) => taken.length === 50);
    expect(idsOf(second.taken)).toEqual(lines.map((line) => line[4]));
    expect(second.emits).toBe(1);
    await expect.poll(() => pendingOf()).toBe(0);
  });

  test("what a dead consumer left is taken over after the idle time", async () => {
    await add("FOO", "n", "0");
    await redis.xgroup("CREATE", "FOO", "argo-events-cg", "0");
    await redis.xreadgroup("GROUP", "argo-events-cg", "argo-events-worker", "COUNT", 1, "STREAMS", "FOO", ">");
    const source = read({ claimIdle: "50ms" });
    expect(idsOf([await source.next()])).toEqual(["0"]);
    await expect.poll(() => pendingOf()).toBe(0);
  });

  test("an entry that was deleted before it could be read is seen, and holds up nobody", async () => {
    await add("FOO", "n", "0");
    const first = read();
    await first.ready();
    first.break();
    const gone = await add("FOO", "n", "1");
    await first.until(({ emits }) => emits > 0);
    await first.stop();
    await redis.xdel("FOO", gone);
    await add("FOO", "n", "2");
    const second = read({}, { checkpoint: first.checkpoint });
    expect(idsOf([await second.next()])).toEqual(["2"]);
    expect(second.refusals).toMatchObject([{ upstreamId: `FOO/${gone}`, reason: expect.stringContaining("deleted") }]);
    await expect.poll(() => pendingOf()).toBe(0);
  });

  test("an entry that the bus refuses is acknowledged: it would be refused for ever", async () => {
    await add("FOO", "n", "0");
    const source = read();
    await source.ready();
    source.answer(() => ({ outcome: "refused", reason: "too large" }));
    await add("FOO", "n", "1");
    await source.next();
    await expect.poll(() => pendingOf()).toBe(0);
    expect(source.log.some(({ message }) => message === "an entry was refused by the bus")).toBe(true);
  });

  test("the group is made again where it was, when the stream vanishes", async () => {
    await add("FOO", "n", "0");
    const source = read();
    await source.ready();
    await add("FOO", "n", "1");
    await source.next();
    // under a blocked read
    await expect.poll(async () => String(await redis.client("LIST"))).toMatch(/flags=b /);
    await redis.del("FOO");
    await source.until(({ status }) => typeof status === "object", 15_000);
    await add("FOO", "n", "2");
    expect(idsOf([await source.next()])).toEqual(["2"]);
  });

  test("a lost connection ends the run, and the next one goes on", async () => {
    await add("FOO", "n", "0");
    const source = read({}, { restart: true });
    await source.ready();
    await server.kill();
    await source.until(({ restarts }) => restarts.length > 0);
    expect(source.restarts[0]).toMatchObject({ code: "UPSTREAM_FAILED" });
    await server.start();
    const again = new Redis(server.url, { protocol: 2 });
    running.defer(() => again.disconnect());
    await again.xadd("FOO", "*", "n", "1");
    expect(idsOf([await source.next()])).toEqual(["1"]);
  });

  test("the group stays when the source stops, and a stop in a blocked read takes no second", async () => {
    await add("FOO", "n", "0");
    const source = read({ consumerGroup: "mine" });
    await source.ready();
    const startedMs = performance.now();
    await source.stop();
    expect(performance.now() - startedMs).toBeLessThan(500);
    expect(((await redis.call("XINFO", "GROUPS", "FOO")) as unknown[][])[0]?.[1]).toBe("mine");
  });

  test("a server that hangs holds up no stop, neither before the first answer nor later", async () => {
    await add("FOO", "n", "0");
    const reading = read();
    await reading.ready();
    server.pause();
    try {
      await reading.stop();
      const connecting = read();
      await connecting.stop();
    } finally {
      server.resume();
    }
  });

  test("TLS is spoken with the CA of the entry, and refused without", async () => {
    const { privateKey, certificate } = await makeIdentity("localhost", new Date());
    const folder = await mkdtemp(join(tmpdir(), "tidemill-redis-tls-"));
    running.defer(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "key"), privateKey.export({ type: "pkcs8", format: "pem" }));
    await writeFile(join(folder, "cert"), certificate);
    const tlsPort = await freePort();
    const files = ["--tls-cert-file", join(folder, "cert"), "--tls-key-file", join(folder, "key")];
    await using secured = await startRedis({
      args: [
        "--tls-port",
        String(tlsPort),
        ...files,
        "--tls-ca-cert-file",
        join(folder, "cert"),
        "--tls-auth-clients",
        "no",
      ],
    });
    const admin = new Redis(secured.url, { protocol: 2 });
    running.defer(() => admin.disconnect());
    await admin.xadd("FOO", "*", "n", "0");
    const config = { hostAddress: `localhost:${tlsPort}`, startFrom: "oldest" };
    const trusted = read(
      { ...config, tls: { caCertSecret: { name: "redis", key: "ca" } } },
      { secrets: { "redis/ca": certificate } },
    );
    expect(idsOf([await trusted.next()])).toEqual(["0"]);
    const careless = read({ ...config, consumerGroup: "two", tls: { insecureSkipVerify: true } });
    expect(idsOf([await careless.next()])).toEqual(["0"]);
    const stranger = read({ ...config, tls: { enabled: true } });
    await expect(stranger.ready()).rejects.toMatchObject({ message: expect.stringMatching(/self-signed|certificate/) });
  });

  test("what is no stream, and what cannot be reached, is an error that says so", async () => {
    await redis.set("FOO", "text");
    const wrong = read();
    await expect(wrong.ready()).rejects.toMatchObject({
      code: "UPSTREAM_GONE",
      message: expect.stringContaining("string"),
    });
    const nowhere = read({ hostAddress: "127.0.0.1:1" });
    await expect(nowhere.ready()).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("password, user and database are used, and the password is told to nobody", async () => {
    await using locked = await startRedis({ password: "s3cret-word" });
    const admin = new Redis(locked.url, { protocol: 2, db: 3 });
    running.defer(() => admin.disconnect());
    await admin.call("ACL", "SETUSER", "tide", "on", ">w0rd-two", "~*", "+@all");
    await admin.xadd("FOO", "*", "n", "0");
    const password = { name: "redis", key: "password" };
    const config = { hostAddress: locked.address, password, db: 3, startFrom: "oldest" };
    const plain = read(config, { secrets: { "redis/password": "s3cret-word" } });
    expect(idsOf([await plain.next()])).toEqual(["0"]);
    const named = read(
      { ...config, username: "tide", consumerGroup: "two" },
      { secrets: { "redis/password": "w0rd-two" } },
    );
    expect(idsOf([await named.next()])).toEqual(["0"]);
    const wrong = read(config, { secrets: { "redis/password": "wr0ng" } });
    const error: unknown = await wrong.ready().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", message: expect.stringContaining("WRONGPASS") });
    const told = JSON.stringify([plain.log, named.log, wrong.log, String(error)]);
    for (const word of ["s3cret-word", "w0rd-two", "wr0ng"]) expect(told).not.toContain(word);
  });
});

test("addresses have a host, a port and brackets for IPv6", () => {
  expect(addressOf("redis.svc:6380")).toEqual({ host: "redis.svc", port: 6380 });
  expect(addressOf("redis")).toEqual({ host: "redis", port: 6379 });
  expect(addressOf("[::1]:6380")).toEqual({ host: "::1", port: 6380 });
});

test("lint finds settings that cannot work", () => {
  const config = redisStream.config.parse({
    hostAddress: "x:1",
    streams: ["a"],
    claimIdle: "soon",
    startFrom: "noon",
    tls: {},
  });
  expect([...(redisStream.lint?.(config) ?? [])].map(({ path }) => path)).toEqual([
    ["tls"],
    ["claimIdle"],
    ["startFrom"],
  ]);
});
