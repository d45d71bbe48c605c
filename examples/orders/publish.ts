// Sends sampled orders to an SNS topic and an SQS queue, by the usual AWS variables.
//   TOPIC_ARN=arn:aws:sns:eu-west-1:123456789012:orders QUEUE_URL=https://sqs.… node publish.ts --count 100
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SNSClient } from "@aws-sdk/client-sns";
import { SQSClient } from "@aws-sdk/client-sqs";
import { fail, readOptions, UsageError } from "../lib/options.ts";
import { seeded } from "../lib/seeded.ts";
import { sample } from "./sample.ts";
import { sendAll } from "./send.ts";

const described = {
  "topic-arn": { value: "ARN", says: "SNS topic; else TOPIC_ARN." },
  "queue-url": { value: "URL", says: "SQS queue; else QUEUE_URL." },
  count: { value: "N", says: "How many messages.", fallback: "60" },
  "max-gap": { value: "MS", says: "Longest pause between two messages; each is random.", fallback: "3000" },
  seed: { value: "N", says: "Makes authors, kinds and pauses the same each time." },
  "delete-jobs": {
    value: "HOW",
    says: "Deletes the completed Jobs after every 50 messages: kubectl (also the default in a cluster) or tidemill.",
  },
} as const;

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
process.once("SIGTERM", () => interrupted.abort(new Error("terminated")));

try {
  const options = readOptions("publish", described, process.argv.slice(2));
  const topicArn = options.text("topic-arn") ?? process.env.TOPIC_ARN;
  const queueUrl = options.text("queue-url") ?? process.env.QUEUE_URL;
  if (topicArn === undefined || queueUrl === undefined) {
    throw new UsageError("a topic and a queue are needed: --topic-arn and --queue-url, or TOPIC_ARN and QUEUE_URL");
  }
  const seed = options.whole("seed", 0);
  const drafts = sample({
    count: options.whole("count", 1) ?? 60,
    maxGapMs: options.whole("max-gap", 0) ?? 3_000,
    run: Date.now().toString(36),
    random: seed === undefined ? Math.random : seeded(seed),
  });
  const inCluster = process.env.KUBERNETES_SERVICE_HOST !== undefined;
  const how = options.text("delete-jobs") ?? (inCluster ? "kubectl" : undefined);
  if (how !== undefined && how !== "kubectl" && how !== "tidemill") {
    throw new UsageError(`--delete-jobs must be kubectl or tidemill, not "${how}"`);
  }
  // the region of a topic stands in its ARN
  const region = topicArn.split(":")[3];
  using sns = closing(new SNSClient(region ? { region } : {}));
  using sqs = closing(new SQSClient(region ? { region } : {}));
  await sendAll({
    drafts,
    to: { sns: sns.client, sqs: sqs.client, topicArn, queueUrl },
    signal: interrupted.signal,
    sent: (channel, { author, id }) => process.stdout.write(`sent to the ${channel}: ${id} of ${author}\n`),
    deleteJobs: how === undefined ? undefined : () => deleteJobs(how),
  });
} catch (error) {
  fail(error);
  if (interrupted.signal.aborted) process.exitCode = 130;
}

/** Deletes the completed Jobs of this example; those that run or failed stay. */
async function deleteJobs(how: "kubectl" | "tidemill"): Promise<void> {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const [program, ...args] =
    how === "kubectl"
      ? ["kubectl", "delete", "jobs", "--namespace=orders-jobs", "-lapp=orders", "--field-selector=status.successful=1"]
      : [process.execPath, main, "jobs", "rm", "--namespace", "orders-jobs", "--state", "complete", "--yes"];
  try {
    const { stdout, stderr } = await promisify(execFile)(program as string, args);
    process.stderr.write(stdout + stderr);
  } catch (error) {
    // messages matter more than tidiness
    process.stderr.write(`the completed Jobs were not deleted: ${error instanceof Error ? error.message : error}\n`);
  }
}

function closing<T extends { destroy(): void }>(client: T): Disposable & { readonly client: T } {
  return { client, [Symbol.dispose]: () => client.destroy() };
}
