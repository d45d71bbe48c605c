import type { z } from "zod";
import { map, optional, text } from "../../kit/fields.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import type { BatchItem, Call, Outcome, RenderCall, Rendered } from "../../kit/trigger.ts";
import { isTide, messageOf, TideError } from "../../lib/errors.ts";
import type { Event } from "../../lib/event.ts";
import type { TraceContext } from "../../lib/trace.ts";

/** What the triggers that send a message have besides their own. */
export const messageFields = {
  payload: optional(
    triggerParameters({
      description:
        "Builds the message, beginning with an empty JSON object. Without it the message is the event's data as it is; of several events, a JSON object with the data of each by dependency.",
    }),
  ),
  parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
} as const;

/** Attributes of SQS and SNS alike. */
export const messageAttributes = optional(
  map(text({ description: "Value; an empty one is left out." }), {
    description:
      "Attributes of the message, as text; at most 10. Added where there is room and none of the name: idempotency-key (not with FIFO), traceparent, tracestate.",
  }),
);

/** Not more, SQS says; SNS hands no more than these to a queue. */
const mostAttributes = 10;
/** Of SQS, EventBridge and an SNS topic that allows it; a topic takes 262,144 unless it is told otherwise. */
const mostBytes = 1024 * 1024;

/** Of a queue's name or URL, or a topic's ARN. */
export function isFifo(name: string | undefined): boolean {
  return name?.endsWith(".fifo") === true;
}

/** A firing as the message it becomes; `key` and `trace` are absent where it is only shown. */
export interface MessageOf<C> extends Pick<BatchItem<C>, "config" | "payload" | "events"> {
  readonly key: string | undefined;
  readonly trace: TraceContext | undefined;
}

/** The configuration again: a parameter may have put a number where a text belongs. Throws MESSAGE_INVALID. */
export function checkedConfig<C>(schema: z.ZodType<C>, kind: string, config: C): C {
  const read = schema.safeParse(config);
  if (read.success) return config;
  const issue = read.error.issues[0];
  throw new TideError("MESSAGE_INVALID", `${kind}.${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}`);
}

/** The text of the message. Throws MESSAGE_INVALID where there is none, or it is no text. */
export function textOf({ payload, events }: Pick<MessageOf<unknown>, "payload" | "events">): string {
  const text = payload === undefined ? dataText(events) : decoded(payload);
  if (text === "") throw new TideError("MESSAGE_INVALID", "the message is empty");
  return text;
}

/** Of one event its data byte for byte; of several a JSON object, in which data that is no JSON is a text. */
function dataText(events: ReadonlyMap<string, Event>): string {
  const [only] = events.values();
  if (events.size <= 1) return only === undefined ? "" : decoded(only.data);
  const members = [...events].map(([name, { data }]) => `${JSON.stringify(name)}:${jsonOf(decoded(data))}`);
  return `{${members.join(",")}}`;
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TideError("MESSAGE_INVALID", "the message is no text in UTF-8", { cause });
  }
}

function jsonOf(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

/** Throws MESSAGE_INVALID where no request can carry so much. */
export function checkedBytes(bytes: number): number {
  if (bytes <= mostBytes) return bytes;
  throw new TideError(
    "MESSAGE_INVALID",
    `the message has ${bytes} bytes, attributes included; ${mostBytes} is the most`,
  );
}

export interface TextAttribute {
  readonly DataType: "String";
  readonly StringValue: string;
}

/**
 * The manifest's attributes, then ours where there is room: the key, and the trace unless the manifest has its own.
 * Throws MESSAGE_INVALID when the manifest has more than 10.
 */
export function attributesOf(
  given: Readonly<Record<string, string>> | undefined,
  { key, trace }: { readonly key: string | undefined; readonly trace: TraceContext | undefined },
): ReadonlyMap<string, string> {
  const attributes = new Map(Object.entries(given ?? {}).filter(([, value]) => value !== ""));
  if (attributes.size > mostAttributes) {
    throw new TideError("MESSAGE_INVALID", `${attributes.size} message attributes; ${mostAttributes} is the most`);
  }
  const traced = attributes.has("traceparent") || attributes.has("tracestate");
  const added: readonly (readonly [string, string | undefined])[] = [
    ["idempotency-key", key],
    ["traceparent", traced ? undefined : trace?.traceparent],
    ["tracestate", traced ? undefined : trace?.tracestate],
  ];
  for (const [name, value] of added) {
    if (value === undefined || attributes.has(name) || attributes.size === mostAttributes) continue;
    attributes.set(name, value);
  }
  return attributes;
}

/** As the SDK takes them; undefined for none. */
export function textAttributes(attributes: ReadonlyMap<string, string>): Record<string, TextAttribute> | undefined {
  if (attributes.size === 0) return undefined;
  return Object.fromEntries(
    [...attributes].map(([name, StringValue]) => [name, { DataType: "String" as const, StringValue }]),
  );
}

/** Names, types and values count. */
export function attributeBytes(attributes: ReadonlyMap<string, string>): number {
  let bytes = 0;
  for (const [name, value] of attributes) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + "String".length;
  return bytes;
}

/** A call as it is shown: what is new at each send is left out. Of a batch, its messages. */
export function shownAs<C>(call: RenderCall<C>, show: (message: MessageOf<C>) => Rendered): Rendered {
  const { batch, config, payload, events } = call;
  const fresh = { key: undefined, trace: undefined };
  if (batch === undefined) return show({ config, payload, events, ...fresh });
  return { messages: batch.items.map((item) => show({ ...item, ...fresh })) };
}

/**
 * Sends what a call is for: one message, or one for each firing of a batch. Of a batch the items that failed are told as
 * such; where all did, the call fails as one of them, so that a target that is down is known to be down.
 */
export async function sendAll<C>(
  call: Call<C, unknown>,
  send: (message: MessageOf<C>) => Promise<string>,
): Promise<Outcome> {
  const { batch, config, payload, events, key, trace } = call;
  if (batch === undefined) return { said: await send({ config, payload, events, key, trace: trace.context }) };
  const ends = await Promise.allSettled(batch.items.map(send));
  const failures = ends.flatMap((end, at) => (end.status === "rejected" ? [{ at, error: end.reason as unknown }] : []));
  if (failures.length === ends.length) {
    // one that can never be sent must not take those with it that can be later
    const passing = failures.find(({ error }) => !isTide(error) || error.retry !== "never");
    throw (passing ?? failures[0])?.error;
  }
  for (const { at, error } of failures) {
    const code = isTide(error) ? error.id : undefined;
    call.log.warn({ firing: batch.keys[at], code, error: messageOf(error) }, "a message of a batch was not sent");
  }
  const sent = ends.length - failures.length;
  return { said: `sent ${sent} of ${ends.length} messages`, failedItems: failures.map(({ at }) => at) };
}
