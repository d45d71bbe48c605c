import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { startStandIn } from "../../examples/stand-in/stand-in.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { startTidemill } from "./harness.ts";
import { sayTimes, timesOf } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import type { Sent } from "./senders.ts";
import { type GateState, startGate } from "./upstream-gate.ts";

export const sqsAway: Scenario = {
  name: "sqs-away",
  title: "an SQS that is away, fails, throttles, loses answers and hangs",
  promise:
    "Messages are sent while the way to SQS fails in five ways, again and again: every message is one event and is deleted, those that were given out to nobody come again, one that came twice is known by its id, and receiving goes on by itself.",
  run: away,
};

const badStates: readonly GateState[] = ["away", "broken", "throttled", "deaf", "hangs"];
const visibilitySeconds = 3;

function manifests(endpoint: string, url: string): string {
  return `apiVersion: argoproj.io/v1alpha1
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
      visibilityTimeoutSeconds: ${visibilitySeconds}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: work }
spec:
  dependencies:
    - { name: job, eventSourceName: shop, eventName: jobs }
  triggers:
    - template:
        name: work
        http:
          url: ${url}
          method: POST
          payload:
            - { src: { dependencyName: job, dataKey: body.n, useRawData: true }, dest: number }
`;
}

async function away(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  await using aws = await startStandIn({ queues: ["todo"], topics: [] });
  await using gate = await startGate(aws.endpoint);
  await place.write("jobs.yaml", manifests(gate.endpoint, `${target.url}/work`));
  const env = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    env,
    readyTimeoutMs: 60_000,
  });
  await using queue = openQueue(aws.endpoint, aws.queueUrl("todo"));
  const back: number[] = [];
  const rounds = Math.max(1, Math.round(3 * cx.scale));
  for (let round = 1; round <= rounds; round++) {
    for (const state of badStates) {
      cx.signal.throwIfAborted();
      // what hangs is given up after the long poll and 20 s: once, in a whole run
      const long = state === "hangs" && cx.scale === 1 && round === 1;
      const forMs = long ? 30_000 : cx.scale < 0.5 ? 300 : 500 + cx.random() * 1_000;
      gate.set(state);
      await pause(forMs, undefined, { signal: cx.signal });
      await until(`a request comes while it is ${state}`, () => gate.count(state) > 0, { timeoutMs: 30_000 });
      gate.set("open");
      const [calls, backMs] = [target.calls(), performance.now()];
      await until("messages come through again", () => target.calls() > calls, { timeoutMs: 60_000 });
      back.push(performance.now() - backMs);
      cx.progress(`round ${round} of ${rounds}: it was ${state}`);
    }
  }
  await queue.stop();
  const { acknowledged } = queue.sent;
  await until("every message reached the target", () => target.at("/work").byNumber.size >= acknowledged.size, {
    timeoutMs: 120_000,
    everyMs: 100,
  });
  await until("the queue is empty", queue.isEmpty, { timeoutMs: 60_000, everyMs: 200 });
  const audit = await drained(product, { timeoutMs: 60_000 });
  if ((await product.stop()) !== 0) throw new Error("it did not end well");
  return judge({
    claims: [{ path: "/work", sent: queue.sent }],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["requests that failed", badStates.map((state) => `${gate.count(state)} ${state}`).join(", ")],
      ["until messages came through again", sayTimes(timesOf(back))],
      ["messages that came again and are known by their id", String(audit.receipts.duplicate)],
    ],
  });
}

interface Queue extends AsyncDisposable {
  readonly sent: Sent;
  stop(): Promise<void>;
  isEmpty(): Promise<boolean>;
}

/** 10 messages every 100 ms, sent past the gate: all of them are on the queue. */
function openQueue(endpoint: string, QueueUrl: string): Queue {
  const sqs = new SQSClient({
    ...{ region: "us-east-1", endpoint, useQueueUrlAsEndpoint: false },
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const acknowledged = new Map<number, undefined>();
  let stopped = false;
  const running = (async () => {
    for (let n = 0; !stopped; n += 10) {
      const numbers = Array.from({ length: 10 }, (_, i) => n + i);
      const Entries = numbers.map((number) => ({ Id: String(number), MessageBody: JSON.stringify({ n: number }) }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      for (const number of numbers) acknowledged.set(number, undefined);
      await pause(100);
    }
  })();
  const stop = async (): Promise<void> => {
    stopped = true;
    await running;
  };
  return {
    sent: { acknowledged, uncertain: new Set(), unexpected: [], unanswered: () => 0, pushedBack: () => 0 },
    stop,
    async isEmpty() {
      const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.every((name) => Number(Attributes?.[name]) === 0);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      sqs.destroy();
    },
  };
}
