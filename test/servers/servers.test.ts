import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import { expect, test } from "vitest";
import { describeWithServer } from "./describe.ts";
import { controlPlane, startKubernetes } from "./kubernetes.ts";
import { type AwsServer, startLocalstack } from "./localstack.ts";
import { startMariadb } from "./mariadb.ts";
import { startMinistack } from "./ministack.ts";
import { startOpensearch } from "./opensearch.ts";
import { findProgram } from "./recipes.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { startServer } from "./server.ts";

async function withClient<T>({ url }: RedisServer, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: null });
  redis.on("error", () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Waits until no process has this id. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await pause(10);
  }
}

const client = ({ endpoint }: AwsServer) => ({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

/** A message through a queue, and a topic that takes a subscription. */
async function trial(aws: AwsServer): Promise<string | undefined> {
  const sqs = new SQSClient(client(aws));
  const sns = new SNSClient(client(aws));
  try {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "orders" }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "orders" }));
    const Endpoint = "arn:aws:sqs:us-east-1:000000000000:orders";
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
    return Messages?.[0]?.Body;
  } finally {
    sqs.destroy();
    sns.destroy();
  }
}

describeWithServer("redis", () => {
  test("answers on its own port, is gone after stop, and so is its folder", async () => {
    const server = await startRedis();
    expect(await withClient(server, (redis) => redis.info("server"))).toContain(`process_id:${server.pid}`);
    const pid = server.pid!;
    await server.stop();
    await server.stop();
    await gone(pid);
    expect(server.pid).toBeUndefined();
    expect(existsSync(server.folder)).toBe(false);
  });

  test("is found again on the same port with its data, after a stop that keeps them and after a kill", async () => {
    await using server = await startRedis({ durable: true, password: "p@ss/word" });
    await withClient(server, (redis) => redis.set("first", "1"));
    await server.stop({ keep: true });
    await server.start();
    await withClient(server, (redis) => redis.set("second", "2"));
    await server.kill();
    await expect(withClient(server, (redis) => redis.ping())).rejects.toThrow();
    await server.start();
    expect(await withClient(server, (redis) => redis.mget("first", "second"))).toEqual(["1", "2"]);
  });

  test("keeps its data over a clean stop when it is not durable too", async () => {
    await using server = await startRedis();
    await withClient(server, (redis) => redis.xadd("FOO", "*", "message", "hello"));
    await server.stop({ keep: true });
    await server.start();
    expect(await withClient(server, (redis) => redis.xlen("FOO"))).toBe(1);
  });

  test("answers nothing while it is paused, and what was asked when it is resumed", async () => {
    await using server = await startRedis();
    await withClient(server, async (redis) => {
      await redis.ping();
      server.pause();
      const answer = redis.ping();
      await expect(withClient(server, (other) => other.ping().then(() => "answered")).catch(String)).not.toBe(
        "answered",
      );
      expect(await Promise.race([answer, pause(100, "nothing yet")])).toBe("nothing yet");
      server.resume();
      expect(await answer).toBe("PONG");
    });
    server.pause();
    await server.stop();
  });

  test("ends when its test process is killed, and the next run removes its folder", async (context) => {
    if (findProgram("setpriv") === undefined) return context.skip();
    const script = `
      const { startRedis } = await import(${JSON.stringify(new URL("./redis.ts", import.meta.url).href)});
      const server = await startRedis();
      console.log(JSON.stringify({ pid: server.pid, folder: server.folder }));
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line]: unknown[] = await once(createInterface(owner.stdout), "line");
    const { pid, folder } = JSON.parse(String(line)) as { readonly pid: number; readonly folder: string };
    process.kill(pid, 0);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    await gone(pid);
    await (await startRedis()).stop();
    expect(existsSync(folder)).toBe(false);
  });

  test("that cannot start says why, with the end of its log", async () => {
    await expect(startRedis({ args: ["--no-such-option", "1"] })).rejects.toThrow(/exited with 1.*no-such-option/s);
  });
});

describeWithServer("mariadb", () => {
  test("has one empty database at its URL, which outlives a kill", async () => {
    await using server = await startMariadb();
    const first = await createConnection(server.url);
    await first.query("CREATE TABLE seen (id VARCHAR(20) PRIMARY KEY)");
    await first.query("INSERT INTO seen VALUES ('a')");
    first.destroy();
    await server.kill();
    await server.start();
    const second = await createConnection(server.url);
    expect((await second.query("SELECT id FROM seen"))[0]).toEqual([{ id: "a" }]);
    await second.end();
  });
});

describeWithServer("ministack", () => {
  test("has queues and topics, and comes back on its port after a kill", async () => {
    await using server = await startMinistack();
    expect(await trial(server)).toBe("hello");
    await server.kill();
    await server.start();
    expect(await trial(server)).toBe("hello");
  });
});

describeWithServer("localstack", () => {
  // its services are loaded on the first call: 2 s alone, 12 s measured beside other work
  test("has queues and topics", { timeout: 90_000 }, async () => {
    await using server = await startLocalstack();
    expect(await trial(server)).toBe("hello");
  });
});

describeWithServer(controlPlane, () => {
  test("has objects that outlive a kill of its parts, and accounts with rights of their own", {
    timeout: 60_000,
  }, async () => {
    await using server = await startKubernetes();
    const path = "/api/v1/namespaces/default/configmaps";
    expect((await server.api("POST", path, { metadata: { name: "kept" } })).status).toBe(201);
    await server.api("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "poor" } });
    expect((await server.api("GET", path, undefined, await server.token("poor", "default"))).status).toBe(403);
    await server.apiServer.kill();
    await server.etcd.kill();
    await server.etcd.start();
    await server.apiServer.start();
    expect((await server.api("GET", `${path}/kept`)).status).toBe(200);
    const config = JSON.parse(await readFile(await server.kubeconfig(join(server.etcd.folder, "config")), "utf8"));
    expect(config.clusters[0].cluster.server).toBe(server.url);
  });
});

test("a server that never answers is given up and ended", async () => {
  let pid = 0;
  const silent = startServer({
    name: "silent",
    command: () => ({
      program: process.execPath,
      args: ["-e", "setInterval(() => {}, 1000)"],
    }),
    answers: () => Promise.reject(new Error("not yet")),
    readyTimeoutMs: 300,
  });
  await expect(
    silent.catch((error: Error) => {
      pid = Number(/process (\d+)/.exec(error.message)?.[1]);
      throw error;
    }),
  ).rejects.toThrow("silent did not answer within 300 ms");
  expect(pid).toBeGreaterThan(1);
  await gone(pid);
});

test.each([
  { mode: "", title: "are skipped loudly", code: 0, says: "SKIPPED: tests with a real ministack", line: "0 failed" },
  {
    mode: "require",
    title: "fail when servers are required",
    code: 1,
    says: "to install it: npm run servers -- ministack",
    line: "1 failed",
  },
])("tests of a server that is not on the machine $title", async ({ mode, code, says, line }) => {
  const empty = await mkdtemp(join(tmpdir(), "tidemill-no-servers-"));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
  const args = ["node_modules/vitest/vitest.mjs", "run", "test/servers/servers.test.ts", "-t", "with a real ministack"];
  const run = spawn(process.execPath, args, {
    env: { ...Object.fromEntries(inherited), TIDEMILL_TEST_CACHE: empty, TIDEMILL_TEST_SERVERS: mode },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  for (const stream of [run.stdout, run.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk));
  expect((await once(run, "close"))[0]).toBe(code);
  expect(Buffer.concat(output).toString()).toContain(says);
  expect(Buffer.concat(output).toString()).toContain(line);
  await rm(empty, { recursive: true });
});

describeWithServer("opensearch", () => {
  test("OpenSearch starts, finds what was put into it, and has it after it was killed", async () => {
    await using server = await startOpensearch();
    await server.ask("PUT", "/notes/_doc/1?refresh=true", { text: "a first note" });
    const { hits } = await server.ask("GET", "/notes/_search?q=first");
    expect(hits.total.value).toBe(1);
    await server.kill();
    await server.start();
    expect(await server.ask("GET", "/notes/_doc/1")).toMatchObject({ _source: { text: "a first note" } });
  }, 120_000);
});
