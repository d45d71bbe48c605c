import { systemClock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { type Message, marksOf, type SendResult, type Target } from "../target.ts";
import type { LoadSdk } from "./aws.ts";

/**
 * `redis://host:6379/0?stream=jobs`: an entry of the stream for each message. Its fields are the members of the message, or
 * with `&field=data` one field with all of it; `traceparent` stands beside them.
 */
export async function redisTarget(url: URL, sdk: LoadSdk): Promise<Target> {
  const { Redis } = await sdk("ioredis", () => import("ioredis"));
  const stream = url.searchParams.get("stream") ?? "";
  const field = url.searchParams.get("field") ?? undefined;
  const bare = new URL(url);
  bare.search = "";
  const redis = new Redis(bare.href, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  // why a connection failed is told by the event alone; later, by the command that fails
  let fault: unknown;
  redis.on("error", (error) => {
    fault = error;
  });
  await redis.connect().catch((error: unknown) => {
    throw fault ?? error;
  });
  return {
    name: `redis:${stream}`,
    batch: 1,
    send: (messages) =>
      Promise.all(
        messages.map(async (message): Promise<SendResult> => {
          const marks = Object.entries({ traceparent: message.traceparent, ...marksOf(message) }).flat();
          try {
            await redis.xadd(stream, "*", ...fieldsOf(message, field), ...marks);
            return { outcome: "taken" };
          } catch (error) {
            return { outcome: "failed", reason: messageOf(error) };
          }
        }),
      ),
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

function fieldsOf({ bytes }: Message, field: string | undefined): (string | Buffer)[] {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (field !== undefined) return [field, whole];
  try {
    const value: unknown = JSON.parse(whole.toString());
    const members = isRecord(value) ? Object.entries(value) : [];
    if (members.length > 0)
      return members.flatMap(([name, member]) => [name, typeof member === "string" ? member : JSON.stringify(member)]);
  } catch {
    // what is no JSON goes as it is
  }
  return ["data", whole];
}

/** `kafka:host:port/topic`, several brokers by commas; headers carry the trace. */
export async function kafkaTarget(brokers: readonly string[], topic: string, sdk: LoadSdk): Promise<Target> {
  const { Producer } = await sdk("@platformatic/kafka", () => import("@platformatic/kafka"));
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    clientId: "tidemill-load",
    bootstrapBrokers: [...brokers],
    // what the client sends again may have arrived: the report would call it twice
    retries: 0,
    autocreateTopics: true,
  });
  await topicThere(() => producer.metadata({ topics: [topic], forceUpdate: true, autocreateTopics: true }));
  return {
    name: `kafka:${topic}`,
    batch: 100,
    async send(messages) {
      const records = messages.map((message) => ({
        topic,
        key: Buffer.from(`${message.load}-${message.seq}`),
        value: Buffer.from(message.bytes),
        headers: new Map(
          Object.entries({ traceparent: message.traceparent, ...marksOf(message) }).map(([name, value]) => [
            Buffer.from(name),
            Buffer.from(value),
          ]),
        ),
      }));
      await producer.send({ messages: records, acks: -1 });
      return messages.map((): SendResult => ({ outcome: "taken" }));
    },
    async [Symbol.asyncDispose]() {
      await producer.close();
    },
  };
}

const topicTries = 50;

/** A topic that the broker makes when it is first named has no leader for a moment. */
async function topicThere(ask: () => Promise<unknown>): Promise<void> {
  const unending = new AbortController().signal;
  for (let tries = 1; ; tries++) {
    try {
      await ask();
      return;
    } catch (cause) {
      if (tries === topicTries) throw cause;
      await systemClock.sleep(200, unending);
    }
  }
}
