import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import { envelopeData, readEnvelope } from "../kit/event-envelope.ts";
import { compactJsonText, goMap, goString, metadataMember } from "../kit/go-json.ts";
import type { Draft, Refusal } from "../kit/source.ts";
import { markJson } from "../lib/json-bytes.ts";
import { type TraceContext, traceFrom, traceFromAws } from "../lib/trace.ts";
import { readSnsMessage } from "./sns-message.ts";
import type { SqsConfig } from "./sqs-config.ts";
import type { Held } from "./sqs-queue.ts";

/** What a batch is for the bus: drafts and refusals, and beside each the messages they are of. */
export interface Sorted {
  readonly drafts: readonly Draft[];
  readonly drafted: readonly Held[];
  readonly refusals: readonly Refusal[];
  readonly refused: readonly Held[];
}

export function sortOut(messages: readonly Held[], config: SqsConfig): Sorted {
  const drafts: Draft[] = [];
  const drafted: Held[] = [];
  const refusals: Refusal[] = [];
  const refused: Held[] = [];
  for (const held of messages) {
    const { MessageId: upstreamId = "", Attributes } = held.message;
    const sent = Number(Attributes?.SentTimestamp);
    const about = { upstreamId, ...(sent > 0 ? { sentUs: sent * 1000 } : {}) };
    const made = dataOf(held, config);
    if ("fault" in made) {
      refusals.push({ ...about, reason: made.fault });
      refused.push(held);
    } else {
      const trace = traceOf(held);
      drafts.push({ ...about, ...made, ...(trace === undefined ? {} : { trace }) });
      drafted.push(held);
    }
  }
  return { drafts, drafted, refusals, refused };
}

/** `{messageId, messageAttributes, body, metadata?}` (reference 1.6), or the envelope of EventBridge that the body is. */
function dataOf(
  { message }: Held,
  config: SqsConfig,
): (Pick<Draft, "data"> & Partial<Pick<Draft, "upstreamId">>) | { readonly fault: string } {
  const { MessageId = "", Body = "", MessageAttributes } = message;
  if (config.envelope !== undefined) {
    const envelope = readEnvelope(Body);
    if ("fault" in envelope) return { fault: `envelope is set, but the body ${envelope.fault}` };
    return { data: envelopeData(envelope.text, config.metadata), upstreamId: envelope.id };
  }
  const body = config.jsonBody ? compactJsonText(Body) : `"${Buffer.from(Body, "utf8").toString("base64")}"`;
  if (typeof body !== "string") return { fault: `jsonBody is set, but ${body.fault}` };
  const attributes =
    MessageAttributes === undefined || Object.keys(MessageAttributes).length === 0
      ? "null"
      : goMap(Object.entries(MessageAttributes).map(([name, value]) => [name, attributeJson(value)] as const));
  const data = `{"messageId":${goString(MessageId)},"messageAttributes":${attributes},"body":${body}${metadataMember(config.metadata)}}`;
  return { data: markJson(Buffer.from(data)) };
}

/** The SDK type that Argo Events marshals: all five fields, in this order, absent ones as null. */
function attributeJson(value: MessageAttributeValue): string {
  const bytes = (binary: Uint8Array | undefined): string =>
    binary === undefined ? "null" : `"${Buffer.from(binary).toString("base64")}"`;
  const string = (text: string | undefined): string => (text === undefined ? "null" : goString(text));
  const { BinaryListValues: binaries = [], StringListValues: strings = [] } = value;
  return (
    `{"BinaryListValues":${binaries.length === 0 ? "null" : `[${binaries.map(bytes).join(",")}]`}` +
    `,"BinaryValue":${bytes(value.BinaryValue)},"DataType":${string(value.DataType)}` +
    `,"StringListValues":${strings.length === 0 ? "null" : `[${strings.map(goString).join(",")}]`}` +
    `,"StringValue":${string(value.StringValue)}}`
  );
}

/**
 * The trace of a message: of its attributes `traceparent` and `tracestate`, of those that a topic put into the body with its
 * envelope, or X-Ray's.
 */
function traceOf({ message }: Held): TraceContext | undefined {
  const { Attributes, MessageAttributes: held = {}, Body = "" } = message;
  const own = (name: string): string | undefined => (Object.hasOwn(held, name) ? held[name]?.StringValue : undefined);
  return traceFrom(own) ?? topicTrace(Body) ?? traceFromAws(Attributes?.AWSTraceHeader);
}

/** A body is only read where it looks like SNS's envelope of a message with a trace. */
function topicTrace(body: string): TraceContext | undefined {
  if (!body.includes('"traceparent"') || !body.includes('"TopicArn"')) return undefined;
  if (typeof compactJsonText(body) !== "string") return undefined;
  const read = readSnsMessage(body)?.message;
  return read?.Type === "Notification" ? read.trace : undefined;
}
