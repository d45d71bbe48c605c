import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from "@aws-sdk/client-eventbridge";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { traceToAws } from "../../src/lib/trace.ts";
import { type Aws, localKeys, region } from "./aws.ts";
import type { Draft } from "./sample.ts";

/** A message that was sent, or that was refused at the door. */
export interface Sent {
  readonly draft: Draft;
  /** The trace that its producer began for it. */
  readonly traceId: string;
  /** What the event bus or the queue answered instead of taking it. */
  readonly refused?: string;
}

export interface SendOptions {
  readonly drafts: Iterable<Draft>;
  readonly aws: Aws;
  /** Of the event bus. */
  readonly busUrl: string;
  readonly signal: AbortSignal;
  readonly sent: (sent: Sent) => void;
}

const perRequest = 10;

/** Sends every message: those of a burst together, and then pauses. Until the drafts end, or `signal` aborts. */
export async function sendAll({ drafts, aws, busUrl, signal, sent }: SendOptions): Promise<void> {
  const bus = new EventBridgeClient({ endpoint: busUrl, region, credentials: localKeys });
  let burst: Draft[] = [];
  const flush = async (): Promise<void> => {
    const onto = burst.filter(({ channel }) => channel === "bus");
    const direct = burst.filter(({ channel }) => channel === "todo");
    burst = [];
    if (onto.length > 0) for (const one of await putEvents(bus, onto, signal)) sent(one);
    for (const draft of direct) sent(await sendMessage(aws, draft));
  };
  try {
    for (const draft of drafts) {
      if (signal.aborted) break;
      burst.push(draft);
      if (draft.gapMs === 0 && burst.length < perRequest) continue;
      await flush();
      await pause(draft.gapMs, undefined, { signal }).catch(() => undefined);
    }
    await flush();
  } finally {
    bus.destroy();
  }
}

/** What a bus that is away or busy says of an entry: it is put again. */
const passing: ReadonlySet<string | undefined> = new Set(["ThrottlingException", "InternalFailure"]);

async function putEvents(
  bus: EventBridgeClient,
  drafts: readonly Draft[],
  signal: AbortSignal,
): Promise<readonly Sent[]> {
  const done: Sent[] = [];
  let left = drafts.map((draft) => ({ draft, trace: newTrace() }));
  for (let tries = 1; left.length > 0; tries++) {
    const results = await put(
      bus,
      left.map(({ draft, trace }) => entryOf(draft, trace)),
    );
    const again: typeof left = [];
    for (const [i, one] of left.entries()) {
      const { EventId, ErrorCode, ErrorMessage } = results?.[i] ?? { ErrorCode: "InternalFailure" };
      if (EventId !== undefined) done.push({ draft: one.draft, traceId: one.trace.traceId });
      else if (passing.has(ErrorCode)) again.push(one);
      else done.push({ draft: one.draft, traceId: one.trace.traceId, refused: `${ErrorCode}: ${ErrorMessage}` });
    }
    left = again;
    if (left.length > 0 && (signal.aborted || tries === 100))
      throw new Error(`the event bus does not take ${left.length}`);
    if (left.length > 0) await pause(100);
  }
  return done;
}

/** undefined where the bus is away. */
async function put(
  bus: EventBridgeClient,
  Entries: PutEventsRequestEntry[],
): Promise<readonly PutEventsResultEntry[] | undefined> {
  try {
    return (await bus.send(new PutEventsCommand({ Entries }))).Entries;
  } catch (error) {
    if (error instanceof Error && "$fault" in error && error.$fault === "client") throw error;
    return undefined;
  }
}

interface Trace {
  readonly traceId: string;
  readonly traceparent: string;
}

function newTrace(): Trace {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01` };
}

function entryOf({ n, text }: Draft, trace: Trace): PutEventsRequestEntry {
  return {
    EventBusName: "jobs",
    Source: "jobs",
    DetailType: "job",
    Detail: text,
    // by this the report finds it again, whatever the detail is
    Resources: [`message/${n}`],
    TraceHeader: traceToAws(trace),
  };
}

async function sendMessage({ sqs, queues }: Aws, draft: Draft): Promise<Sent> {
  const trace = newTrace();
  const { traceId } = trace;
  const attribute = (StringValue: string) => ({ DataType: "String", StringValue });
  try {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queues["jobs-todo"],
        MessageBody: draft.text,
        MessageAttributes: { message: attribute(String(draft.n)), traceparent: attribute(trace.traceparent) },
      }),
    );
    return { draft, traceId };
  } catch (error) {
    return { draft, traceId, refused: error instanceof Error ? error.message : String(error) };
  }
}
