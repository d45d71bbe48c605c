import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { type Case, inRounds, type Options } from "../figure.ts";
import { median } from "../numbers.ts";
import { type Child, freePort, output, start } from "../processes.ts";
import { sensor, startTidemill } from "../systems.ts";
import { program, startTarget } from "../traffic.ts";

const goal = 0.8;
const mostMessages = 20_000;
const messagesOf = ({ count }: Options): number => Math.min(count, mostMessages);
/** Long polls at once: what the source does unless a manifest says otherwise. */
const polls = 2;

/**
 * A queue that is full when its reader starts, at a local stand-in of AWS (fauxqs, a process of its own): tidemill to the target
 * against a bare client that receives and deletes. Rounds in turn, each with a queue of its own. Both are measured over the second
 * half of their messages: the first is for V8, which has far more code to compile here than there.
 */
export const sqs: Case = {
  name: "sqs",
  title: "SQS → HTTP from a local stand-in",
  usual: true,
  size: (options) => inRounds({ rounds: options.rounds, count: messagesOf(options) }),
  async run(rig) {
    const { rounds } = rig.options;
    const count = messagesOf(rig.options);
    await using target = await startTarget();
    await using standIn = await startStandIn();
    const ratios: number[] = [];
    const cpu: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const theirs = await standIn.queue(`bare-${round}`, count);
      const client = [...program("peers/sqs-client.ts"), standIn.endpoint, theirs, String(polls), String(count)];
      const bare = JSON.parse(await output(client)) as Bare;
      const bareRate = rateFrom(bare.half, bare);
      const bareCpuMs = (bare.cpuMs - bare.half.cpuMs) / (bare.count - bare.half.count);
      await standIn.queue(`tidemill-${round}`, count);
      await target.forget();
      const options = { manifest: manifest(standIn.endpoint, `tidemill-${round}`, target.url), record: "on" } as const;
      await using mine = await startTidemill(rig, { ...options, env: credentials });
      const half = await target.until(count / 2);
      const halfCpuMs = mine.cpuMs();
      const rate = rateFrom(half, await target.until(count));
      ratios.push(rate / bareRate);
      const cpuMs = ((await mine.quietCpuMs()) - halfCpuMs) / (count - half.count);
      cpu.push(cpuMs / bareCpuMs);
      rig.say(
        `  round ${round}: bare client ${Math.round(bareRate)}/s, ${bareCpuMs.toFixed(3)} ms cpu; tidemill ${Math.round(rate)}/s, ${cpuMs.toFixed(3)} ms cpu`,
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

interface Mark {
  readonly count: number;
  /** When the last of them was through, Unix time. */
  readonly lastMs: number;
}

interface Bare extends Mark {
  readonly cpuMs: number;
  readonly half: Mark & { readonly cpuMs: number };
}

/** Per second. */
function rateFrom(from: Mark, to: Mark): number {
  return ((to.count - from.count) * 1000) / (to.lastMs - from.lastMs);
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
