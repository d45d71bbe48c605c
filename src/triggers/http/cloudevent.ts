import { encodeHeaderValue, jsonElements } from "../../kit/cloudevents.ts";
import type { Call, CallTrace } from "../../kit/trigger.ts";
import type { Event } from "../../lib/event.ts";
import type { TraceContext } from "../../lib/trace.ts";

/** What of a call makes its CloudEvents. Without `key` and `trace` they are only shown, and have no id. */
type CloudEventCall = Pick<
  Call<{ readonly cloudEvent?: Wanted | undefined }, unknown>,
  "config" | "payload" | "events" | "namespace" | "sensor" | "trigger" | "batch"
> & { readonly key: string | undefined; readonly trace?: Pick<CallTrace, "context"> | undefined };

/** What is new at each firing. */
interface Occurrence {
  readonly id: string | undefined;
  readonly trace: TraceContext | undefined;
}

/** `cloudEvent` of the manifest; what is absent or empty has its default. */
interface Wanted {
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly subject?: string | undefined;
}

/**
 * The attributes of the event that is sent, except `datacontenttype`. Its id is the firing's, so that it is the same at each
 * retry. Type, subject and time are those of the event that led to it (of several, the first dependency's): as its sender
 * gave them, where it came as a CloudEvent. Its place in the trace is in the attributes of the distributed tracing extension.
 */
function attributesOf(
  call: CloudEventCall,
  { id, trace }: Occurrence,
): readonly (readonly [name: string, value: string])[] {
  const { type, source, subject } = call.config.cloudEvent ?? {};
  const [event] = call.events.values();
  const place = [call.namespace, call.sensor, call.trigger].map((name) => `/${encodeURIComponent(name)}`).join("");
  const attributes: readonly (readonly [string, string | undefined])[] = [
    ["specversion", "1.0"],
    ["id", id],
    ["source", source || place],
    ["type", type || given(event, "cetype") || event?.type || "tidemill.firing"],
    ["subject", subject || given(event, "cesubject") || event?.subject],
    ["time", given(event, "cetime") || event?.time],
    ["traceparent", trace?.traceparent],
    ["tracestate", trace?.tracestate],
  ];
  return attributes.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}

function occurrenceOf({ key, trace }: CloudEventCall): Occurrence {
  return { id: key, trace: trace?.context };
}

function given(event: Event | undefined, extension: string): string | undefined {
  return event !== undefined && Object.hasOwn(event.extensions, extension) ? event.extensions[extension] : undefined;
}

/** The `ce-` headers of the binary mode (HTTP binding 1.0.2, 3.1.3). */
export function binaryHeaders(call: CloudEventCall): readonly (readonly [name: string, value: string])[] {
  return attributesOf(call, occurrenceOf(call)).map(([name, value]) => [`ce-${name}`, encodeHeaderValue(value)]);
}

/** One event in the JSON format 1.0.2. */
export function structuredBody(call: CloudEventCall): Uint8Array {
  return envelope(attributesOf(call, occurrenceOf(call)), call.payload);
}

/**
 * A JSON batch: an event for each firing of the call, with its own id, body and trace; everything else is of the first one. What
 * has no body of its own is `null` in the list, and so is an event without data.
 */
export function batchBody(call: CloudEventCall): Uint8Array {
  const { batch, payload, key } = call;
  const shown: Occurrence = { id: undefined, trace: undefined };
  const occurrences =
    batch === undefined
      ? [occurrenceOf(call)]
      : batch.keys.map((id, at) => (key === undefined ? shown : { id, trace: batch.items[at]?.trace }));
  const bodies = batch === undefined ? [payload] : jsonElements(payload ?? new Uint8Array()).map(unlessNull);
  const parts = occurrences.flatMap((occurrence, at) => [
    Buffer.from(at === 0 ? "[" : ","),
    envelope(attributesOf(call, occurrence), bodies[at]),
  ]);
  return Buffer.concat([...parts, Buffer.from("]")]);
}

function unlessNull(element: Uint8Array): Uint8Array | undefined {
  return Buffer.from(element).equals(Buffer.from("null")) ? undefined : element;
}

/** JSON stands in `data` byte for byte, other text as a string, and what is no UTF-8 in `data_base64`. */
function envelope(
  attributes: readonly (readonly [name: string, value: string])[],
  payload: Uint8Array | undefined,
): Uint8Array {
  const members = attributes.map(([name, value]) => `"${name}":${JSON.stringify(value)}`);
  const parts = payload === undefined || payload.byteLength === 0 ? [] : dataMembers(payload);
  return Buffer.concat([Buffer.from(`{${members.join(",")}`), ...parts, Buffer.from("}")]);
}

/** `,"datacontenttype":…,"data":…`, the type being that which the body would be sent with alone. */
function dataMembers(payload: Uint8Array): readonly Uint8Array[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    const base64 = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("base64");
    return [Buffer.from(`,"datacontenttype":"application/octet-stream","data_base64":"${base64}"`)];
  }
  try {
    JSON.parse(text);
    return [Buffer.from(',"datacontenttype":"application/json","data":'), payload];
  } catch {
    return [Buffer.from(`,"datacontenttype":"text/plain; charset=utf-8","data":${JSON.stringify(text)}`)];
  }
}
