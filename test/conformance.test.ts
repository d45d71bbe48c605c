import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type QueueAttributeName,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { startStandIn } from "../examples/stand-in/stand-in.ts";
import type { Cluster } from "../src/kit/cluster.ts";
import type { Source } from "../src/kit/source.ts";
import { type Trial, type TrialOptions, trial } from "../src/kit/testing.ts";
import { silentLog } from "../src/lib/log.ts";
import { planTexts } from "../src/manifests/plan.ts";
import { lists } from "../src/manifests/read.ts";
import { createListeners } from "../src/runtime/listeners.ts";
import { sources } from "../src/sources/index.ts";
import { openCluster } from "./cluster.ts";
import { describeWithServer } from "./servers/describe.ts";
import { controlPlane, startKubernetes } from "./servers/kubernetes.ts";
import type { ServerName } from "./servers/recipes.ts";
import { startRedis } from "./servers/redis.ts";
import { freePort } from "./servers/server.ts";

/** What every entry of the list of sources is held to, whatever it talks to. */

/** A source beside its real upstream. */
interface Rig {
  readonly config: object;
  /** Values of Secrets; each must be a word that stands nowhere else. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly cluster?: Cluster;
  /** The upstream does not keep what it could not hand over: whoever sent it sends it again. */
  readonly sentAgain?: true;
  /** Makes one occurrence; resolves when the upstream has it, or with whether the source's answer was a yes. */
  send(): Promise<unknown>;
  /** Whether the upstream has nothing left that it would give out again. */
  isAcknowledged(running: Trial): Promise<boolean>;
}

interface RigMaker {
  readonly needs?: ServerName | readonly ServerName[];
  make(stack: AsyncDisposableStack): Promise<Rig>;
}

const aws = { region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } } as const;
const awsKeys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };
const awsSecrets = { "aws/id": "word-of-the-key-id", "aws/secret": "word-of-the-secret-key" };

/** One for each source type: a new connector brings its own. */
const rigs: Readonly<Record<string, RigMaker>> = {
  webhook: {
    async make() {
      const port = await freePort();
      let lastStatus = 0;
      return {
        config: { endpoint: "/x", method: "POST", port: String(port), authSecret: { name: "hook", key: "token" } },
        secrets: { "hook/token": "word-of-the-token" },
        sentAgain: true,
        async send() {
          const headers = { Authorization: "Bearer word-of-the-token" };
          const answer = await fetch(`http://127.0.0.1:${port}/x`, { method: "POST", body: "{}", headers });
          lastStatus = answer.status;
        },
        isAcknowledged: async () => lastStatus === 200,
      };
    },
  },
  sqs: {
    async make(stack) {
      const server = stack.use(await startStandIn({ queues: [], topics: [] }));
      const client = new SQSClient({ ...aws, endpoint: server.endpoint, useQueueUrlAsEndpoint: false });
      stack.defer(() => client.destroy());
      const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "q" }));
      const AttributeNames: QueueAttributeName[] = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
      ];
      return {
        config: { region: "us-east-1", queue: "q", endpoint: server.endpoint, waitTimeSeconds: 1, ...awsKeys },
        secrets: awsSecrets,
        send: () => client.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" })),
        async isAcknowledged() {
          const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
          return Object.values(Attributes ?? {}).every((count) => count === "0");
        },
      };
    },
  },
  sns: {
    async make(stack) {
      const server = stack.use(await startStandIn({ queues: [], topics: [], retryDelaysMs: [50, 100, 200, 400, 800] }));
      const client = new SNSClient({ ...aws, endpoint: server.endpoint });
      stack.defer(() => client.destroy());
      const { TopicArn = "" } = await client.send(new CreateTopicCommand({ Name: "t" }));
      const port = await freePort();
      // what the upstream was told is seen on the way to the source
      const statuses: number[] = [];
      const front = stack.use(createListeners({ log: silentLog }));
      const frontPort = await freePort();
      const route = { port: frontPort, path: "/x", maxBytes: 1_000_000, owner: "test" };
      await front.route(route, async ({ rawHeaders, body }) => {
        const headers = new Headers();
        for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
          if (/^x-amz|^content-type$/i.test(rawHeaders[i] ?? ""))
            headers.set(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
        }
        const answer = await fetch(`http://127.0.0.1:${port}/x`, { method: "POST", body: Buffer.from(body), headers });
        if (headers.get("x-amz-sns-message-type") === "Notification") statuses.push(answer.status);
        return { status: answer.status, body: await answer.text() };
      });
      const webhook = { endpoint: "/x", port: String(port), url: `http://127.0.0.1:${frontPort}` };
      return {
        config: { region: "us-east-1", topicArn: TopicArn, endpoint: server.endpoint, webhook, ...awsKeys },
        secrets: awsSecrets,
        send: () => client.send(new PublishCommand({ TopicArn, Message: "x" })),
        isAcknowledged: async () => statuses.includes(200),
      };
    },
  },
  eventBridge: {
    async make(stack) {
      const port = await freePort();
      const client = new EventBridgeClient({
        region: "us-east-1",
        endpoint: `http://127.0.0.1:${port}`,
        credentials: { accessKeyId: awsSecrets["aws/id"], secretAccessKey: awsSecrets["aws/secret"] },
        maxAttempts: 1,
      });
      stack.defer(() => client.destroy());
      let taken = false;
      return {
        config: { port: String(port), ...awsKeys },
        secrets: awsSecrets,
        sentAgain: true,
        async send() {
          const Entries = [{ Source: "jobs", DetailType: "job", Detail: "{}" }];
          const answer = await client.send(new PutEventsCommand({ Entries })).catch(() => undefined);
          taken = answer?.FailedEntryCount === 0;
        },
        isAcknowledged: async () => taken,
      };
    },
  },
  calendar: { make: (stack) => calendarRig.make(stack) },
  resource: {
    needs: controlPlane,
    async make(stack) {
      const server = stack.use(await startKubernetes());
      const cluster = stack.use(await openCluster(server));
      let uid = "";
      return {
        config: { version: "v1", resource: "configmaps", namespace: "default", eventTypes: ["ADD"] },
        secrets: {},
        cluster,
        async send() {
          const configMap = { metadata: { generateName: "one-" } };
          const { body } = await server.api("POST", "/api/v1/namespaces/default/configmaps", configMap);
          uid = body.metadata.uid;
        },
        // what was seen is its place in the upstream
        isAcknowledged: async ({ checkpoint }) => (await checkpoint.get(`object/${uid}`)) !== undefined,
      };
    },
  },
  redisStream: {
    needs: "redis",
    async make(stack) {
      const server = stack.use(await startRedis({ password: "word-of-the-password" }));
      const redis = new Redis(server.url, { protocol: 2 });
      stack.defer(() => redis.disconnect());
      await redis.xgroup("CREATE", "FOO", "g", "$", "MKSTREAM");
      const password = { name: "redis", key: "password" };
      return {
        config: { hostAddress: server.address, streams: ["FOO"], consumerGroup: "g", password },
        secrets: { "redis/password": "word-of-the-password" },
        send: () => redis.xadd("FOO", "*", "n", "1"),
        async isAcknowledged() {
          const [, pending] = [await redis.xlen("FOO"), (await redis.xpending("FOO", "g")) as [number]];
          return pending[0] === 0;
        },
      };
    },
  },
};

/** Time is its upstream: it brings the ticks by itself, and what is acknowledged is in the checkpoint. */
const calendarRig: RigMaker = {
  make: async () => ({
    config: { interval: "1s", persistence: { catchup: { enabled: true } } },
    secrets: {},
    send: async () => undefined,
    isAcknowledged: async ({ checkpoint }) => (await checkpoint.get("last")) !== undefined,
  }),
};

const planOf = (text: string) => planTexts([{ file: "example.yaml", folder: "/", named: true, text }], lists);

describe.each(sources.map((source) => [source.kind, source] as const))("%s", (kind, source) => {
  test("its example is a valid manifest without a warning", () => {
    const { sources: planned, findings } = planOf(source.example);
    expect(findings).toEqual([]);
    expect(planned.map((plan) => plan.kind)).toEqual([kind]);
  });

  test("an unknown key is found, with what was probably meant", () => {
    const misspelt = source.example.replace(/^( {6}\w*(\w)):/m, "$1$2:");
    expect(misspelt).not.toBe(source.example);
    const { findings } = planOf(misspelt);
    expect(findings).toContainEqual(
      expect.objectContaining({ code: "UNKNOWN_FIELD", message: expect.stringContaining("did you mean") }),
    );
  });

  test("each field, at any depth, says what it is for", () => {
    expect(undescribed(z.toJSONSchema(source.config, { unrepresentable: "any" }), kind)).toEqual([]);
    expect([source.title, source.summary].every((words) => words.length > 0)).toBe(true);
  });

  const rig = rigs[kind];
  const held = () => holdTo(source, rig ?? missing(kind));
  if (rig?.needs === undefined) describe("at its upstream", held);
  else describeWithServer(rig.needs, held);
});

function missing(kind: string): RigMaker {
  return { make: () => Promise.reject(new Error(`${kind} has no rig in test/conformance.test.ts`)) };
}

/** What needs the upstream. */
function holdTo(source: Source<unknown>, maker: RigMaker): void {
  const run = async (stack: AsyncDisposableStack): Promise<{ readonly rig: Rig; readonly running: Trial }> => {
    const rig = await maker.make(stack);
    const http = stack.use(createListeners({ log: silentLog }));
    return { rig, running: stack.use(trial(source, rig.config, { ...around(rig), http })) };
  };

  test("a rejected emit is not acknowledged upstream, and nothing is lost by it", async () => {
    await using stack = new AsyncDisposableStack();
    const { rig, running } = await run(stack);
    await running.ready();
    running.break();
    await rig.send();
    await running.until(({ emits }) => emits > 0);
    expect(await rig.isAcknowledged(running)).toBe(false);
    expect(running.taken).toEqual([]);
    running.mend();
    if (rig.sentAgain) await rig.send();
    await running.next();
    await expect.poll(() => rig.isAcknowledged(running), { timeout: 5_000 }).toBe(true);
  });

  test("it is not acknowledged before emit has resolved", async () => {
    await using stack = new AsyncDisposableStack();
    const { rig, running } = await run(stack);
    await running.ready();
    running.hold();
    const sent = rig.send();
    await running.until(({ emits }) => emits > 0);
    expect(await rig.isAcknowledged(running)).toBe(false);
    running.mend();
    await running.next();
    await sent;
    await expect.poll(() => rig.isAcknowledged(running), { timeout: 5_000 }).toBe(true);
  });

  test("the run ends within a second of the abort, idle and in the middle of an event", async () => {
    await using stack = new AsyncDisposableStack();
    const { rig, running } = await run(stack);
    await running.ready();
    await running.stop();
    const http = stack.use(createListeners({ log: silentLog }));
    const busy = stack.use(trial(source, rig.config, { ...around(rig), http, checkpoint: running.checkpoint }));
    await busy.ready();
    busy.hold();
    const sent = Promise.resolve(rig.send()).catch(() => undefined);
    await busy.until(({ emits }) => emits > 0);
    await busy.stop();
    busy.mend();
    await sent;
  });

  test("secrets reach no log line and no error", async () => {
    await using stack = new AsyncDisposableStack();
    const { rig, running } = await run(stack);
    await running.ready();
    await rig.send();
    await running.next();
    await running.stop();
    const wrong = Object.fromEntries(Object.entries(rig.secrets).map(([key, value]) => [key, `${value}-wrong`]));
    const http = stack.use(createListeners({ log: silentLog }));
    const failing = stack.use(trial(source, rig.config, { ...around(rig), secrets: wrong, http }));
    const error: unknown = await failing.ready(2_000).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const told = JSON.stringify([running.log, failing.log, String(error), error]);
    for (const value of Object.values(rig.secrets)) expect(told).not.toContain(value);
  });
}

function around({ secrets, cluster }: Rig): Pick<TrialOptions, "secrets" | "cluster"> {
  return { secrets, ...(cluster === undefined ? {} : { cluster }) };
}

/** Paths of properties without a description. */
function undescribed(schema: unknown, path: string): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties, items, additionalProperties } = schema as Record<string, unknown>;
  return [
    ...Object.entries(properties ?? {}).flatMap(([key, inner]) => [
      ...(typeof (inner as { description?: unknown }).description === "string" ? [] : [`${path}.${key}`]),
      ...undescribed(inner, `${path}.${key}`),
    ]),
    ...undescribed(items, `${path}[]`),
    ...undescribed(additionalProperties, `${path}.*`),
  ];
}
