import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { describeWithServer } from "../servers/describe.ts";
import { startLocalstack } from "../servers/localstack.ts";
import { startMinistack } from "../servers/ministack.ts";
import { until } from "../until.ts";
import { startProduct } from "./product.ts";
import { makePlace } from "./shop.ts";
import { startTarget } from "./target.ts";

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

function manifest({ endpoint, target }: { readonly endpoint: string; readonly target: string }): string {
  return `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: shop }
spec:
  sqs:
    jobs:
      region: us-east-1
      queue: todo
      endpoint: ${endpoint}
      jsonBody: true
      waitTimeSeconds: 1
      ackPolicy: onTriggered
      retryAfterSeconds: 0
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: work }
spec:
  dependencies:
    - { name: job, eventSourceName: shop, eventName: jobs }
  triggers:
${["check", "execute"]
  .map(
    (name) => `    - template:
        name: ${name}
        http:
          url: ${target}/${name}
          payload:
            - { src: { dependencyName: job, dataKey: body.n, useRawData: true }, dest: number }
`,
  )
  .join("")}`;
}

async function pipeline(start: () => Promise<Aws>) {
  const stack = new AsyncDisposableStack();
  const aws = stack.use(await start());
  const sqs = new SQSClient({
    region: "us-east-1",
    endpoint: aws.endpoint,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    useQueueUrlAsEndpoint: false,
  });
  stack.defer(() => sqs.destroy());
  const queue = async (QueueName: string, Attributes: Record<string, string> = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
  const dead = await queue("dead");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  const todo = await queue("todo", { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }) });
  const target = stack.use(await startTarget());
  const place = stack.use(await makePlace());
  await place.write("jobs.yaml", manifest({ endpoint: aws.endpoint, target: target.url }));
  const env = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  const product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests], env });
  stack.defer(async () => void (await product.stop()));
  return {
    target,
    product,
    send: (n: number) => sqs.send(new SendMessageCommand({ QueueUrl: todo, MessageBody: JSON.stringify({ n }) })),
    async onQueue(): Promise<number> {
      const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: todo, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
    },
    async takeDead(): Promise<readonly (string | undefined)[]> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: dead, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      return Messages.map(({ Body }) => Body);
    },
    hits: (path: string, n: number) =>
      target.of(path).filter(({ body }) => (body as { readonly number: number }).number === n),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function suite(start: () => Promise<Aws>): void {
  it("a job that always fails is tried at each delivery, and the broker moves it to the dead-letter queue", async () => {
    await using bench = await pipeline(start);
    bench.target.answer(({ path, body }, response) => {
      response.statusCode = path === "/execute" && (body as { readonly number: number }).number === 2 ? 500 : 200;
      response.end();
    });
    for (const n of [1, 2, 3]) await bench.send(n);
    const dead: (string | undefined)[] = [];
    await until(
      "the poison is in the dead-letter queue",
      async () => {
        dead.push(...(await bench.takeDead()));
        return dead.length > 0;
      },
      { timeoutMs: 30_000 },
    );
    await until("the queue is empty", async () => (await bench.onQueue()) === 0, { timeoutMs: 30_000 });
    expect(dead).toEqual(['{"n":2}']);
    // one firing and one key, a round for each delivery; what was done of the event is not done again
    expect(bench.hits("/execute", 2).length).toBe(3);
    expect(new Set(bench.hits("/execute", 2).map(({ key }) => key)).size).toBe(1);
    expect(bench.hits("/check", 2).length).toBe(1);
    for (const n of [1, 3]) expect(bench.hits("/execute", n).length).toBe(1);
    const letters = await bench.product.get<{ readonly items: readonly unknown[] }>("/deadletters");
    expect(letters.items.length).toBe(1);
  });

  it("a job that succeeds at its second delivery is off the queue, and nowhere dead", async () => {
    await using bench = await pipeline(start);
    bench.target.answer(({ path }, response) => {
      response.statusCode = path === "/execute" && bench.target.of(path).length === 1 ? 500 : 200;
      response.end();
    });
    await bench.send(1);
    await until("the second try", () => bench.hits("/execute", 1).length === 2, { timeoutMs: 30_000 });
    await until("the queue is empty", async () => (await bench.onQueue()) === 0, { timeoutMs: 30_000 });
    expect(await bench.takeDead()).toEqual([]);
    const letters = await bench.product.get<{ readonly items: readonly unknown[] }>("/deadletters");
    expect(letters.items).toEqual([]);
  });
}

describe("with the stand-in of the examples, a queue with a redrive policy", { timeout: 90_000 }, () => {
  suite(() => startStandIn({ queues: [], topics: [] }));
});

describe("a queue with a redrive policy", { timeout: 90_000 }, () => {
  describeWithServer("ministack", () => suite(startMinistack));
  describeWithServer("localstack", () => suite(startLocalstack));
});
