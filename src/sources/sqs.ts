import { awsClientSettings, awsError, isClientFault } from "../kit/aws.ts";
import { placeOfUrl } from "../kit/egress-place.ts";
import { allOrNone, badValue } from "../kit/rules.ts";
import { defineSource, type SourceContext } from "../kit/source.ts";
import { within } from "../lib/abort.ts";
import { backoffMs } from "../lib/backoff.ts";
import { messageOf } from "../lib/errors.ts";
import { takeBatch } from "./sqs-batch.ts";
import { type SqsConfig, sqsConfig } from "./sqs-config.ts";
import { type Held, SqsQueue } from "./sqs-queue.ts";

const pauses = { baseMs: 500, factor: 2, maxMs: 15_000 };
/** So many failed polls in a row end the run: the supervisor then starts all anew, with fresh credentials. */
const maxFailures = 5;
/**
 * Batches of one receiver that may be under way: it receives the next while the bus takes one and another is deleted. FIFO
 * groups keep their order all the same: SQS gives out none of a group's messages before those in flight are deleted.
 */
const maxBatches = 16;
/** Messages may be of a megabyte: no more is received while bodies of so much are under way. */
const maxBytesUnderWay = 4 * 2 ** 20;
/** With `onTriggered`, where messages wait for their firings: up to 100. */
const maxWaitingBatches = 10;

/**
 * `sqs` (reference 1.6). A message is deleted only after the bus has it (or its firings are done); while that takes
 * long, its visibility is extended. Its MessageId makes the event id, so a redelivery is a visible duplicate. SQS gives
 * out no message of a FIFO group while earlier ones are in flight, and a batch is handed over in its order: so groups
 * keep their order, however many receivers there are.
 */
export const sqs = defineSource({
  kind: "sqs",
  title: "AWS SQS",
  summary: "Receives the messages of an SQS queue, standard or FIFO.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: shop
spec:
  sqs:
    orders:
      region: us-east-1
      queue: orders
      jsonBody: true
`,
  config: sqsConfig,
  *lint(entry) {
    yield* allOrNone(entry, ["accessKey", "secretKey"]);
    if (entry.endpoint && !URL.canParse(entry.endpoint)) {
      yield badValue(["endpoint"], `"${entry.endpoint}" is no URL`, "Write it with its scheme: http://127.0.0.1:4566.");
    }
  },
  reaches: ({ endpoint }) => (endpoint ? [placeOfUrl(endpoint)] : []),
  async run(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-sqs", () => import("@aws-sdk/client-sqs"));
    const settings = await awsClientSettings(cx.config, cx);
    using client = new SqsQueue(sdk, settings, cx.config);
    try {
      await client.find(cx.signal);
      cx.ready();
      await receiveAll(cx, client);
    } catch (error) {
      if (!cx.signal.aborted) throw error;
    }
  },
});

/** Runs the receivers. The first that gives up ends the intake of all; the others finish their batches first. */
async function receiveAll(cx: SourceContext<SqsConfig>, queue: SqsQueue): Promise<void> {
  using intake = within(cx.signal);
  const receivers = Array.from({ length: cx.config.receivers ?? 2 }, async () => {
    try {
      await receive(cx, queue, intake.signal);
    } catch (error) {
      intake.abort(error);
      throw error;
    }
  });
  const ends = await Promise.allSettled(receivers);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function receive(cx: SourceContext<SqsConfig>, queue: SqsQueue, intake: AbortSignal): Promise<void> {
  await using batches = new BatchesUnderWay(cx.config.ackPolicy === "onTriggered" ? maxWaitingBatches : maxBatches);
  for (let failures = 0; !intake.aborted; ) {
    try {
      await batches.room();
      const messages = await queue.receive(intake);
      if (failures > 0) cx.log.info({ failures }, "receiving works again");
      failures = 0;
      if (messages.length > 0) batches.add(takeBatch(cx, queue, { messages, until: intake }), bytesOf(messages));
    } catch (error) {
      if (intake.aborted) return;
      failures++;
      if (isClientFault(error) || failures >= maxFailures) throw awsError(`receiving from ${queue.name}`, error);
      cx.log.warn({ error: messageOf(error), failures }, "receiving failed; it is tried again");
      await cx.clock.sleep(backoffMs(pauses, failures, Math.random()), intake).catch(() => undefined);
    }
  }
}

function bytesOf(messages: readonly Held[]): number {
  return messages.reduce((sum, { message }) => sum + (message.Body?.length ?? 0), 0);
}

/**
 * The batches of one receiver that are not through. More where messages wait for their firings: a slow firing must not
 * keep the messages behind it from coming. Disposing it waits for all of them.
 */
class BatchesUnderWay implements AsyncDisposable {
  readonly #max: number;
  readonly #underWay = new Set<Promise<void>>();
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  add(batch: Promise<void>, bytes: number): void {
    const settled = batch
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#underWay.delete(settled);
        this.#bytes -= bytes;
      });
    this.#underWay.add(settled);
    this.#bytes += bytes;
  }

  /** Resolves when another one may begin; rejects with what a batch failed with. */
  async room(): Promise<void> {
    while (this.#underWay.size >= this.#max || this.#bytes >= maxBytesUnderWay) await Promise.race(this.#underWay);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
