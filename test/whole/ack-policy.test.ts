import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { placeOf } from "../../src/lib/trace.ts";
import type { TraceAnswer } from "../../src/runtime/trace-answer.ts";
import { until } from "../until.ts";
import { startProduct } from "./product.ts";
import { makePlace } from "./shop.ts";
import { startTarget } from "./target.ts";

const credentials = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };

function manifest(parts: { readonly endpoint: string; readonly target: string; readonly policy: string }): string {
  return `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: shop }
spec:
  sqs:
    jobs:
      region: us-east-1
      queue: jobs
      endpoint: ${parts.endpoint}
      jsonBody: true
      waitTimeSeconds: 1
      visibilityTimeoutSeconds: 2
      ackPolicy: ${parts.policy}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: work }
spec:
  dependencies:
    - { name: job, eventSourceName: shop, eventName: jobs }
  triggers:
    - template:
        name: do-it
        http:
          url: ${parts.target}/do
          payload:
            - src: { dependencyName: job, dataKey: body, useRawData: true }
              dest: ""
`;
}

async function shop(policy: "onPublish" | "onTriggered") {
  const place = await makePlace();
  const standIn = await startStandIn({ queues: ["jobs"], topics: [] });
  const target = await startTarget();
  await place.write("jobs.yaml", manifest({ endpoint: standIn.endpoint, target: target.url, policy }));
  const product = await startProduct({ dataDir: place.dataDir, paths: [place.manifests], env: credentials });
  const sqs = new SQSClient({
    region: "us-east-1",
    endpoint: standIn.endpoint,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const QueueUrl = standIn.queueUrl("jobs");
  return {
    target,
    product,
    send: (n: number) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ n }) })),
    async onQueue(): Promise<number> {
      const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes?.[name] ?? 0), 0);
    },
    async [Symbol.asyncDispose]() {
      await product.stop();
      sqs.destroy();
      await target[Symbol.asyncDispose]();
      await standIn[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

describe("an SQS queue with ackPolicy", { timeout: 60_000 }, () => {
  it("onTriggered keeps a message on the queue until its firing succeeded, under one key", async () => {
    await using bench = await shop("onTriggered");
    let well = false;
    bench.target.answer((_, response) => {
      response.statusCode = well ? 200 : 500;
      response.end();
    });
    await bench.send(1);
    await until("the first try has failed", () => bench.target.hits.length > 0);
    expect(await bench.onQueue()).toBe(1);
    well = true;
    await until("the queue is empty", async () => (await bench.onQueue()) === 0, { timeoutMs: 30_000 });
    expect(bench.target.hits.length).toBeGreaterThanOrEqual(2);
    expect(new Set(bench.target.hits.map((hit) => hit.key)).size).toBe(1);
    // each delivery is a round of its own in the one trace
    const [place] = bench.target.hits.map(({ headers }) => placeOf(String(headers.traceparent)));
    const told = await until("the trace has its end", async () => {
      const answer = await bench.product.get<TraceAnswer>(`/trace/${place?.traceId}`);
      return answer.spans.some(({ attributes }) => attributes["tidemill.state"] === "done") ? answer : undefined;
    });
    const ids = told.spans.map(({ spanId }) => spanId);
    expect(new Set(ids).size).toBe(ids.length);
    const calls = told.spans.filter(({ kind }) => kind === "client");
    expect(calls.map(({ spanId }) => spanId)).toEqual(
      bench.target.hits.map(({ headers }) => placeOf(String(headers.traceparent))?.spanId),
    );
    expect(calls.map(({ attributes }) => attributes["tidemill.round"])).toEqual(
      calls.map((_, at) => (at === 0 ? undefined : at + 1)),
    );
    const letters = await bench.product.get<{ readonly items: readonly unknown[] }>("/deadletters");
    expect(letters.items).toEqual([]);
  });

  it("onPublish takes a message off the queue once the bus has it, whatever its firing comes to", async () => {
    await using bench = await shop("onPublish");
    bench.target.answer((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    await bench.send(1);
    await until("the queue is empty", async () => (await bench.onQueue()) === 0, { timeoutMs: 30_000 });
    await until("there is a dead letter", async () => {
      const letters = await bench.product.get<{ readonly items: readonly unknown[] }>("/deadletters");
      return letters.items.length === 1;
    });
  });
});
