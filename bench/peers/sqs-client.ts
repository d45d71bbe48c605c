import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

/**
 * The bare client of the SQS case: receives and deletes, by tens, with as many long polls at once as told; posts nothing, keeps
 * nothing. Prints `{count, startedMs, lastMs, cpuMs}` (Unix time; processor time) once COUNT messages are deleted.
 * `sqs-client ENDPOINT QUEUE_URL POLLS COUNT`
 */
const [endpoint = "", QueueUrl = "", polls = "2", total = "0"] = process.argv.slice(2);
const client = new SQSClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
});
let count = 0;

async function poll(): Promise<void> {
  while (count < Number(total)) {
    const receive = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageAttributeNames: ["All"] };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(receive));
    if (Messages.length === 0) continue;
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    count += Messages.length;
  }
}

const startedMs = Date.now();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: Number(polls) }, poll));
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(`${JSON.stringify({ count, startedMs, lastMs: Date.now(), cpuMs: (user + system) / 1000 })}\n`);
