import { isRecord } from "../lib/json.ts";
import { choice, optional } from "./fields.ts";
import { compactJsonText, metadataMember } from "./go-json.ts";

/** What an envelope of EventBridge says besides its `detail`. */
export interface EnvelopeFields {
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** `2026-01-05T09:00:00Z`. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
}

/** The field of an entry whose messages are EventBridge envelopes. */
export function envelopeField(where: string) {
  return optional(
    choice(["eventBridge"], {
      description: `${where} is the envelope of an EventBridge rule, and becomes the event's data, as the \`eventBridge\` source makes it. (extension)`,
    }),
  );
}

/** An envelope as EventBridge writes it; `detail` is JSON text, and stays as it is. */
export function envelopeJson(fields: EnvelopeFields, detail: string): string {
  const { id, source, account, time, region, resources } = fields;
  const head = { version: "0", id, "detail-type": fields["detail-type"], source, account, time, region, resources };
  return `${JSON.stringify(head).slice(0, -1)},"detail":${detail}}`;
}

/** The event's data: the envelope as it is written, and the entry's `metadata` behind it. */
export function envelopeData(envelope: string, metadata: Readonly<Record<string, string>> | undefined): Uint8Array {
  if (metadata === undefined || Object.keys(metadata).length === 0) return Buffer.from(envelope);
  return Buffer.from(`${envelope.slice(0, envelope.lastIndexOf("}"))}${metadataMember(metadata)}}`);
}

/** What else EventBridge writes stays too. `id` makes the event id. */
export interface ReadEnvelope {
  readonly text: string;
  readonly id: string;
}

/** The envelope that a text is, untouched, or why it is none: what follows "the body". */
export function readEnvelope(text: string): ReadEnvelope | { readonly fault: string } {
  const checked = compactJsonText(text);
  if (typeof checked !== "string") return { fault: `is no EventBridge envelope: ${checked.fault}` };
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) return { fault: "is no EventBridge envelope, which is a JSON object" };
  const own = (name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined);
  if (own("Type") === "Notification" && typeof own("TopicArn") === "string") {
    return { fault: "is the envelope of SNS: turn on raw message delivery of the queue's subscription" };
  }
  for (const name of ["id", "source", "detail-type"]) {
    const text = own(name);
    if (typeof text !== "string" || text === "") return { fault: `is no EventBridge envelope: it has no ${name}` };
  }
  if (!isRecord(own("detail"))) return { fault: "is no EventBridge envelope: its detail is no JSON object" };
  return { text: text.trim(), id: String(own("id")) };
}
