import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Case } from "../figure.ts";
import { median } from "../numbers.ts";
import { type Child, freePort, output, start } from "../processes.ts";
import { sensor, startTidemill } from "../systems.ts";
import { program, startTarget } from "../traffic.ts";

const goal = 0.8;
/** Long polls at once: what the source does unless a manifest says otherwise. */
const polls = 2;

/**
 * A queue that is full when its reader starts, at a local stand-in of AWS (fauxqs, a process of its own, which is what limits both):
 * tidemill to the target against a bare client that receives and deletes. Rounds in turn, each with a queue of its own.
 */
export const sqs: Case = {
  name: "sqs",
  title: "SQS → HTTP from a local stand-in",
  usual: true,
  async run(rig) {
    const { rounds } = rig.options;
    const count = Math.min(rig.options.count, 10_000);
    await using target = await startTarget();
    await using standIn = await startStandIn();
    const ratios: number[] = [];
    const cpu: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const theirs = await standIn.queue(`bare-${round}`, count);
      const client = [...program("peers/sqs-client.ts"), standIn.endpoint, theirs, String(polls), String(count)];
      const bare = JSON.parse(await output(client)) as Bare;
      const bareRate = (count * 1000) / (bare.lastMs - bare.startedMs);
      await standIn.queue(`tidemill-${round}`, count);
      await target.forget();
      const options = { manifest: manifest(standIn.endpoint, `tidemill-${round}`, target.url), record: "on" } as const;
      await using mine = await startTidemill(rig, { ...options, env: credentials });
      const { firstMs, lastMs } = await target.until(count);
      const rate = (count * 1000) / (lastMs - firstMs);
      ratios.push(rate / bareRate);
      const [cpuMs, bareCpuMs] = [(await mine.quietCpuMs()) / count, bare.cpuMs / count];
      cpu.push(cpuMs / bareCpuMs);
      rig.say(
        `  round ${round}: bare client ${Math.round(bareRate)}/s, ${bareCpuMs.toFixed(3)} ms cpu; tidemill ${Math.round(rate)}/s, ${cpuMs.toFixed(3)} ms cpu with its start`,
      );
    }
    const ratio = median(ratios);
    rig.found({
      what: "record on: rate, of a bare client that receives and deletes",
      value: `${ratio.toFixed(2)} (${median(cpu).toFixed(1)} times its processor time)`,
      goal: `>= ${goal}`,
      good: ratio >= goal,
    });
  },
};

interface Bare {
  readonly startedMs: number;
  readonly lastMs: number;
  readonly cpuMs: number;
}

const credentials = { AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench", AWS_REGION: "us-east-1" };

interface StandIn extends AsyncDisposable {
  readonly endpoint: string;
  readonly child: Child;
  /** Makes a queue with so many messages; answers its URL. */
  queue(name: string, count: number): Promise<string>;
}

async function startStandIn(): Promise<StandIn> {
  const port = await freePort();
  const child = await start([...program("peers/sqs-stand-in.ts"), String(port)], /ready/);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new SQSClient({
    endpoint,
    region: credentials.AWS_REGION,
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
  });
  return {
    endpoint,
    child,
    async queue(QueueName, count) {
      const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName }));
      for (let at = 0; at < count; at += 10) {
        const Entries = Array.from({ length: Math.min(10, count - at) }, (_, n) => ({
          Id: String(n),
          MessageBody: JSON.stringify({ n: at + n, kind: "order", filler: "x".repeat(970) }),
        }));
        await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      }
      return QueueUrl;
    },
    [Symbol.asyncDispose]: child[Symbol.asyncDispose],
  };
}

function manifest(endpoint: string, queue: string, url: string): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: shop }
spec:
  sqs:
    orders: { region: us-east-1, endpoint: "${endpoint}", queue: ${queue}, jsonBody: true }
---
${sensor({ name: "orders", url, source: "shop" })}`;
}
