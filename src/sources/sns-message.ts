import { isRecord, recordOf } from "../lib/json.ts";
import { type TraceContext, traceFrom } from "../lib/trace.ts";

/** The keys of an SNS envelope that we read; the rest goes through untouched. */
export interface SnsMessage {
  readonly Type: string;
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Timestamp: string;
  readonly Token: string;
  readonly fields: ReadonlyMap<string, string>;
  /** That of the message attributes `traceparent` and `tracestate`. */
  readonly trace: TraceContext | undefined;
}

/**
 * Reads an envelope whose text is known to be JSON. `ambiguous` is true when a key stands in it twice: readers of JSON
 * disagree on which one counts, so a signature over one of them proves nothing.
 */
export function readSnsMessage(
  text: string,
): { readonly message: SnsMessage; readonly ambiguous: boolean } | undefined {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  const fields = new Map(entries.flatMap(([key, held]) => (typeof held === "string" ? [[key, held] as const] : [])));
  const field = (key: string): string => fields.get(key) ?? "";
  return {
    message: {
      Type: field("Type"),
      MessageId: field("MessageId"),
      TopicArn: field("TopicArn"),
      Timestamp: field("Timestamp"),
      Token: field("Token"),
      fields,
      trace: attributesTrace(recordOf(value).MessageAttributes),
    },
    ambiguous: topLevelKeys(text) !== entries.length,
  };
}

/** `{"traceparent": {"Type": "String", "Value": "00-…"}}`. */
function attributesTrace(attributes: unknown): TraceContext | undefined {
  const held = recordOf(attributes);
  return traceFrom((name) => {
    const value = Object.hasOwn(held, name) ? recordOf(held[name]).Value : undefined;
    return typeof value === "string" ? value : undefined;
  });
}

/** How many keys the object has as it is written. */
function topLevelKeys(text: string): number {
  let depth = 0;
  let inString = false;
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    else if (c === ":" && depth === 1) keys++;
  }
  return keys;
}

const signedKeys: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

/** What SNS signs of a message: absent keys are left out. undefined for a type that is not signed. */
export function signedText({ Type, fields }: SnsMessage): string | undefined {
  return signedKeys[Type]
    ?.filter((key) => fields.has(key))
    .map((key) => `${key}\n${fields.get(key)}\n`)
    .join("");
}

/** Unix microseconds of `2026-01-05T09:00:00.000Z`; undefined when it is no time. */
export function timestampUs(timestamp: string): number | undefined {
  const ms = Date.parse(timestamp);
  return Number.isNaN(ms) ? undefined : ms * 1000;
}
