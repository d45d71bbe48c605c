import { hash } from "node:crypto";
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained, sumsUp } from "./drained.ts";
import { startProduct } from "./product.ts";
import { makePlace, webhooks } from "./shop.ts";

const credentials = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };

/** A webhook `order`, whose events go to the queue `out` or `out.fifo` as the trigger says. */
async function shop(queue: "out" | "out.fifo", trigger: { readonly sqs: string; readonly beside?: string }) {
  const place = await makePlace();
  const standIn = await startStandIn({ queues: [queue], topics: [] });
  const port = await freePort();
  const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: send }
spec:
  dependencies: [{ name: order, eventSourceName: web, eventName: order }]
  triggers:
    - template:
        name: queue
        sqs:
          region: us-east-1
          queue: ${queue}
          endpoint: ${standIn.endpoint}
          payload: [{ src: { dependencyName: order, dataKey: body, useRawData: true }, dest: "order" }]
${trigger.sqs.replace(/^/gm, "          ")}
${(trigger.beside ?? "").replace(/^/gm, "      ")}
`;
  await place.write("shop.yaml", `${webhooks(port, ["order"])}---\n${sensor}`);
  const start = () => startProduct({ dataDir: place.dataDir, paths: [place.manifests], env: credentials });
  const sqs = new SQSClient({
    region: "us-east-1",
    endpoint: standIn.endpoint,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    useQueueUrlAsEndpoint: false,
  });
  const QueueUrl = standIn.queueUrl(queue);
  return {
    start,
    /** As its sender sends it until it is told 2xx. */
    async post(n: number, headers: Record<string, string> = {}): Promise<void> {
      const body = JSON.stringify({ n, group: `g${n % 4}` });
      const send = async () => {
        const url = `http://127.0.0.1:${port}/order`;
        const init = { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
        return (await fetch(url, init)).ok;
      };
      await until(`order ${n} is taken`, send, { everyMs: 50 });
    },
    /** All that is on the queue now. */
    async take(): Promise<readonly Message[]> {
      const taken: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ["All"],
            MessageSystemAttributeNames: ["All"],
          }),
        );
        if (Messages.length === 0) return taken;
        taken.push(...Messages);
        const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    async [Symbol.asyncDispose]() {
      sqs.destroy();
      await standIn[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

const numberOf = ({ Body = "{}" }: Message) => (JSON.parse(Body) as { order: { n: number } }).order.n;

describe("the sqs trigger in the whole product", { timeout: 60_000 }, () => {
  it("sends each event once to a FIFO queue, though the product was killed while it sent", async () => {
    const group = "parameters: [{ src: { dependencyName: order, dataKey: body.group }, dest: messageGroupId }]";
    await using bench = await shop("out.fifo", {
      sqs: `messageGroupId: none\n${group}`,
      beside: "retryStrategy: { steps: 5, duration: 50ms }",
    });
    const count = 400;
    let next = 0;
    let product = await bench.start();
    const posting = Array.from({ length: 16 }, async () => {
      while (next < count) await bench.post(next++);
    });
    await until("half of them are posted", () => next > count / 2);
    await product.kill();
    product = await bench.start();
    await Promise.all(posting);
    const audit = await drained(product);
    expect(sumsUp(audit)).toEqual([]);
    expect(audit.firings).toMatchObject({ dead: 0 });
    expect(await product.stop()).toBe(0);
    const got = await bench.take();
    // an order whose sender was not told before the kill may be two events: never two messages of one
    const keys = got.map(({ Attributes }) => Attributes?.MessageDeduplicationId);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBe(audit.firings.done);
    expect(new Set(got.map(numberOf)).size).toBe(count);
    expect(got.every((message) => message.Attributes?.MessageGroupId === `g${numberOf(message) % 4}`)).toBe(true);
  });

  it("retries the items of a batch that failed without the others, and hands the trace of each on", async () => {
    await using bench = await shop("out", {
      sqs: "delaySeconds: 0\nparameters: [{ src: { dependencyName: order, dataKey: body.n, useRawData: true }, dest: delaySeconds }]",
      beside: "batch: { size: 20, window: 1s }\nretryStrategy: { steps: 3, duration: 50ms }",
    });
    await using product = await bench.start();
    // no message can be delayed by so many seconds
    const numbers = [0, 901, 0, 0, 902, 0];
    const traceOf = (at: number) => hash("md5", `trace ${at}`);
    await Promise.all(numbers.map((n, at) => bench.post(n, { traceparent: `00-${traceOf(at)}-${"b".repeat(16)}-01` })));
    const audit = await drained(product);
    expect(audit.firings).toMatchObject({ done: 4, dead: 2 });
    const got = await bench.take();
    expect(got.length).toBe(4);
    const traces = got.map(({ MessageAttributes }) => MessageAttributes?.traceparent?.StringValue?.split("-")[1]);
    expect(traces.sort()).toEqual(numbers.flatMap((n, at) => (n === 0 ? [traceOf(at)] : [])).sort());
    const { items } = await product.get<{ items: readonly object[] }>("/deadletters");
    expect(items.length).toBe(2);
    for (const item of items) expect(JSON.stringify(item)).toContain("sqs.delaySeconds: Too big");
  });
});
