import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import { freePort } from "../../test/servers/server.ts";
import { dataOf, trial } from "../kit/testing.ts";
import type { Taken } from "../kit/testing-bench.ts";
import { silentLog } from "../lib/log.ts";
import { eventBridge } from "../sources/event-bridge.ts";
import { sns } from "../sources/sns.ts";
import { sqs } from "../sources/sqs.ts";
import { createListeners } from "./listeners.ts";

// a rule of a real event bus, and what the sources make of what it delivers

const secrets = { "aws/id": "test", "aws/secret": "test-secret-key" };
const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const region = "us-east-1";

const put = new PutEventsCommand({
  Entries: [
    {
      Source: "jobs",
      DetailType: "job",
      Detail: '{"n":1.5,"text":"<é> 你","list":[{"a":null}]}',
      Resources: ["arn:aws:x"],
      Time: new Date("2026-01-05T09:00:00Z"),
    },
  ],
});

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

interface Can {
  /** The time of an event is the one that its sender gave. */
  readonly keepsTime: boolean;
}

/** The event's data, without the id that each bus gives it. */
function comparable(one: Taken, { keepsTime }: Can): unknown {
  const { id, ...rest } = dataOf(one).json as Record<string, unknown>;
  expect(one.draft.upstreamId).toBe(id);
  expect(rest.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  return keepsTime ? rest : { ...rest, time: "" };
}

/** What the local event bus makes of the same call. */
async function localEvent(stack: AsyncDisposableStack, can: Can): Promise<unknown> {
  const http = stack.use(createListeners({ log: silentLog }));
  const port = await freePort();
  const source = stack.use(trial(eventBridge, { port: String(port) }, { http }));
  await source.ready();
  const client = new EventBridgeClient({ endpoint: `http://127.0.0.1:${port}`, region, credentials });
  stack.defer(() => client.destroy());
  await client.send(put);
  return comparable(await source.next(), can);
}

function suite(start: () => Promise<Aws>, can: Can): void {
  let aws: Aws;
  let events: EventBridgeClient;

  beforeAll(async () => {
    aws = await start();
    events = new EventBridgeClient({ endpoint: aws.endpoint, region, credentials });
  });
  afterAll(async () => {
    events?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });

  async function rule(name: string, target: string): Promise<void> {
    await events.send(new PutRuleCommand({ Name: name, EventPattern: '{"source":["jobs"]}' }));
    await events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: "1", Arn: target }] }));
  }

  test("through a queue an event is the same as from the local event bus", async () => {
    await using stack = new AsyncDisposableStack();
    const queues = new SQSClient({ endpoint: aws.endpoint, region, credentials, useQueueUrlAsEndpoint: false });
    stack.defer(() => queues.destroy());
    await queues.send(new CreateQueueCommand({ QueueName: "ingester" }));
    await rule("to-queue", `arn:aws:sqs:${region}:000000000000:ingester`);
    await events.send(put);
    const entry = {
      region,
      endpoint: aws.endpoint,
      queue: "ingester",
      waitTimeSeconds: 1,
      envelope: "eventBridge",
      ...keys,
    };
    const source = stack.use(trial(sqs, entry, { secrets }));
    expect(comparable(await source.next(), can)).toEqual(await localEvent(stack, can));
  });

  test("through a topic an event is the same as from the local event bus", async () => {
    await using stack = new AsyncDisposableStack();
    const topics = new SNSClient({ endpoint: aws.endpoint, region, credentials });
    stack.defer(() => topics.destroy());
    const { TopicArn: topicArn = "" } = await topics.send(new CreateTopicCommand({ Name: "jobs" }));
    await rule("to-topic", topicArn);
    const port = String(await freePort());
    const webhook = { endpoint: "/sns", port, url: `http://127.0.0.1:${port}/` };
    const http = stack.use(createListeners({ log: silentLog }));
    const entry = { region, endpoint: aws.endpoint, topicArn, webhook, envelope: "eventBridge", ...keys };
    const source = stack.use(trial(sns, entry, { secrets, http }));
    await source.ready();
    await events.send(put);
    expect(comparable(await source.next(), can)).toEqual(await localEvent(stack, can));
  });
}

describeWithServer("ministack", () => suite(startMinistack, { keepsTime: false }));

describeWithServer("localstack", () => suite(startLocalstack, { keepsTime: true }));
