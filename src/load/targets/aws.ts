import { TideError } from "../../lib/errors.ts";
import { traceToAws } from "../../lib/trace.ts";
import { type Message, marksOf, type SendResult, type Target, textOf } from "../target.ts";

export interface AwsPlace {
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** Loads an SDK, or says how to install it. */
export type LoadSdk = <T>(name: string, load: () => Promise<T>) => Promise<T>;

/** AWS takes as many in one call. */
const mostPerCall = 10;

/** Without an endpoint, the SDK's own chain says who this is; with one, any keys do where the environment names none. */
function settingsOf({ endpoint, region }: AwsPlace) {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_PROFILE } = process.env;
  const anybody = endpoint !== undefined && AWS_ACCESS_KEY_ID === undefined && AWS_PROFILE === undefined;
  return {
    region: region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? "us-east-1",
    // what the SDK sends again may have arrived: the report would call it twice
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(anybody ? { credentials: { accessKeyId: "local", secretAccessKey: "local" } } : {}),
  };
}

interface EntryFault {
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

function faultOf({ Code, Message, SenderFault }: EntryFault): SendResult {
  return { outcome: SenderFault === false ? "failed" : "refused", reason: `${Code ?? "error"}: ${Message ?? ""}` };
}

/** Results by the ids of the entries, which are their indexes. */
function resultsOf(
  count: number,
  {
    Successful = [],
    Failed = [],
  }: {
    readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
    readonly Failed?: readonly (EntryFault & { readonly Id?: string | undefined })[] | undefined;
  },
): readonly SendResult[] {
  const good = new Set(Successful.map(({ Id }) => Id));
  return Array.from({ length: count }, (_, at): SendResult => {
    if (good.has(String(at))) return { outcome: "taken" };
    const fault = Failed.find(({ Id }) => Id === String(at));
    return fault === undefined ? { outcome: "failed", reason: "the answer does not name it" } : faultOf(fault);
  });
}

function attributesOf(message: Message) {
  const all = { traceparent: message.traceparent, ...marksOf(message) };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
  );
}

/** A FIFO queue or topic: each message is a group and a deduplication id of its own. */
function fifoOf(name: string, { load, seq }: Message) {
  const id = `${load}-${seq}`;
  return name.endsWith(".fifo") ? { MessageGroupId: id, MessageDeduplicationId: id } : {};
}

/** `sqs:NAME` or `sqs:URL`. */
export async function sqsTarget(queue: string, place: AwsPlace, sdk: LoadSdk): Promise<Target> {
  const { GetQueueUrlCommand, SendMessageBatchCommand, SQSClient } = await sdk(
    "@aws-sdk/client-sqs",
    () => import("@aws-sdk/client-sqs"),
  );
  const client = new SQSClient(settingsOf(place));
  const isUrl = /^https?:/.test(queue);
  const found = isUrl ? queue : (await client.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl;
  if (found === undefined) throw new TideError("USAGE", `there is no queue ${queue}`);
  return {
    name: `sqs:${queue}`,
    batch: mostPerCall,
    async send(messages, abortSignal) {
      const Entries = messages.map((message, at) => ({
        ...{ Id: String(at), MessageBody: textOf(message), MessageAttributes: attributesOf(message) },
        ...fifoOf(found, message),
      }));
      return resultsOf(
        messages.length,
        await client.send(new SendMessageBatchCommand({ QueueUrl: found, Entries }), { abortSignal }),
      );
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}

/** `sns:ARN`. */
export async function snsTarget(arn: string, place: AwsPlace, sdk: LoadSdk): Promise<Target> {
  const { PublishBatchCommand, SNSClient } = await sdk("@aws-sdk/client-sns", () => import("@aws-sdk/client-sns"));
  const region = place.region ?? arn.split(":")[3];
  const client = new SNSClient(settingsOf({ ...place, region: region === "" ? undefined : region }));
  return {
    name: `sns:${arn}`,
    batch: mostPerCall,
    async send(messages, abortSignal) {
      const PublishBatchRequestEntries = messages.map((message, at) => ({
        ...{ Id: String(at), Message: textOf(message), MessageAttributes: attributesOf(message) },
        ...fifoOf(arn, message),
      }));
      const command = new PublishBatchCommand({ TopicArn: arn, PublishBatchRequestEntries });
      return resultsOf(messages.length, await client.send(command, { abortSignal }));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}

/** `eventbridge:BUS?source=jobs&detail-type=Job`. */
export async function eventBridgeTarget(
  { bus, source, detailType }: { readonly bus: string; readonly source: string; readonly detailType: string },
  place: AwsPlace,
  sdk: LoadSdk,
): Promise<Target> {
  const { EventBridgeClient, PutEventsCommand } = await sdk(
    "@aws-sdk/client-eventbridge",
    () => import("@aws-sdk/client-eventbridge"),
  );
  const client = new EventBridgeClient(settingsOf(place));
  return {
    name: `eventbridge:${bus}`,
    batch: mostPerCall,
    async send(messages, abortSignal) {
      const Entries = messages.map((message) => ({
        ...{ EventBusName: bus, Source: source, DetailType: detailType, Detail: textOf(message) },
        TraceHeader: traceToAws({ traceparent: message.traceparent }),
      }));
      const answer = await client.send(new PutEventsCommand({ Entries }), { abortSignal });
      return messages.map((_, at): SendResult => {
        const { EventId, ErrorCode, ErrorMessage } = answer.Entries?.[at] ?? { ErrorCode: "NoAnswer" };
        if (EventId !== undefined) return { outcome: "taken" };
        const theirs = /Internal|Throttl|NoAnswer/i.test(ErrorCode ?? "");
        return { outcome: theirs ? "failed" : "refused", reason: `${ErrorCode}: ${ErrorMessage ?? ""}` };
      });
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}
