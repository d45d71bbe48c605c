import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

/**
 * The bare client of the SQS case: receives and deletes, by tens, with as many long polls at once as told; posts nothing, keeps
 * nothing. Prints `{count, lastMs, cpuMs}` (Unix time; processor time) once COUNT messages are deleted, and under `half` the same
 * as it was when half of them were.
 * `sqs-client ENDPOINT QUEUE_URL POLLS COUNT`
 */
const [endpoint = "", QueueUrl = "", polls = "2", total = "0"] = process.argv.slice(2);
const client = new SQSClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
});
let count = 0;
let half = counted();

async function poll(): Promise<void> {
  while (count < Number(total)) {
    const receive = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageAttributeNames: ["All"] };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(receive));
    if (Messages.length === 0) continue;
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    const before = count;
    count += Messages.length;
    if (before < Number(total) / 2 && count >= Number(total) / 2) half = counted();
  }
}

function counted() {
  const { user, system } = process.cpuUsage();
  return { count, lastMs: Date.now(), cpuMs: (user + system) / 1000 };
}

await Promise.all(Array.from({ length: Number(polls) }, poll));
process.stdout.write(`${JSON.stringify({ ...counted(), half })}\n`);
