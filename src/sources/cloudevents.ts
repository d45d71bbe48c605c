import {
  type Attributes,
  attributesFault,
  batchType,
  decodeHeaderValue,
  extensionsOf,
  isAttributeName,
  isCoreAttribute,
  jsonElements,
  rfc3339Us,
  structuredType,
} from "../kit/cloudevents.ts";
import { compactJson, type NotJson } from "../kit/go-json.ts";
import { headerOf } from "../kit/headers.ts";
import type { Draft } from "../kit/source.ts";
import type { WebRequest } from "../kit/webhook.ts";
import { isRecord } from "../lib/json.ts";
import { type TraceContext, traceFrom } from "../lib/trace.ts";
import { type Body, bodyOf } from "./webhook-body.ts";

/**
 * The trace of an event: that of its extensions, which is the one that it was made in, wins over the request's (CloudEvents'
 * extension "Distributed Tracing"). Where the extensions hold none, or a damaged one, nothing of them is mixed into it.
 */
export function traced(marks: Carried["marks"], request: TraceContext | undefined): Carried["marks"] {
  if (marks?.trace !== undefined || request === undefined) return marks;
  if (marks?.extensions === undefined) return { ...marks, trace: request };
  const { traceparent: _, tracestate: __, ...extensions } = marks.extensions;
  return { ...marks, extensions, trace: request };
}

/** One event that a request carries: its `data.body`, and what a CloudEvent's attributes make of the draft. */
export interface Carried {
  readonly body: Body;
  readonly marks?: Pick<Draft, "upstreamId" | "sentUs" | "extensions" | "trace"> | undefined;
}

/** How a request carries its events: `plain` ones are no CloudEvents. */
type ContentMode = "plain" | "binary" | "structured" | "batch";

/**
 * The content mode (HTTP binding 1.0.2, section 3). A request is only taken for a CloudEvent where it says so itself: by
 * the content type of the JSON formats, or by `ce-specversion`. Other formats (`application/cloudevents+avro`) are bodies
 * like any other, as the binding allows. A GET has no payload, so that it is none.
 */
export function contentModeOf({ method, rawHeaders }: Pick<WebRequest, "method" | "rawHeaders">): ContentMode {
  if (method === "GET") return "plain";
  const contentType = headerOf(rawHeaders, "content-type") ?? "";
  if (/^application\/cloudevents/i.test(contentType)) {
    const mediaType = contentType.split(";", 1)[0]?.trim().toLowerCase();
    if (mediaType === structuredType) return "structured";
    if (mediaType === batchType) return "batch";
  }
  return headerOf(rawHeaders, "ce-specversion") === undefined ? "plain" : "binary";
}

/** The events of a request, all of them or the first fault. */
export function carriedBy(request: WebRequest, mode: ContentMode): readonly Carried[] | NotJson {
  switch (mode) {
    case "plain":
      return one(bodyOf(request));
    case "binary":
      return binary(request);
    case "structured":
      return structured(request.body);
    case "batch":
      return batch(request.body);
  }
}

function one(body: Body | NotJson): readonly Carried[] | NotJson {
  return "fault" in body ? body : [{ body }];
}

function binary(request: WebRequest): readonly Carried[] | NotJson {
  const attributes = headerAttributes(request.rawHeaders);
  if ("fault" in attributes) return attributes;
  const marks = marksOf(attributes);
  if ("fault" in marks) return marks;
  const body = bodyOf(request);
  // an event need not have data, though a request that is no CloudEvent must have a body
  if ("fault" in body) return request.body.length === 0 ? [{ body: { json: "null" }, marks }] : body;
  return [{ body, marks }];
}

/** The attributes in the `ce-` headers; `Content-Type` is `datacontenttype` (3.1.1). Other `ce-` headers stay headers. */
function headerAttributes(rawHeaders: readonly string[]): Attributes | NotJson {
  const attributes = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const header = (rawHeaders[i] ?? "").toLowerCase();
    const name = header.slice("ce-".length);
    if (!header.startsWith("ce-") || name === "datacontenttype" || !isAttributeName(name)) continue;
    if (attributes.has(name)) return { fault: `the CloudEvent has two headers ${header}` };
    const value = decodeHeaderValue(rawHeaders[i + 1] ?? "");
    if (value === undefined) return { fault: `the CloudEvent has a header ${header} that is not UTF-8` };
    attributes.set(name, value);
  }
  const contentType = headerOf(rawHeaders, "content-type");
  if (contentType) attributes.set("datacontenttype", contentType);
  return attributes;
}

function structured(raw: Uint8Array): readonly Carried[] | NotJson {
  const json = compactJson(raw);
  if ("fault" in json) return json;
  const carried = envelope(json);
  return "fault" in carried ? carried : [carried];
}

function batch(raw: Uint8Array): readonly Carried[] | NotJson {
  const json = compactJson(raw);
  if ("fault" in json) return json;
  if (json[0] !== 0x5b) return { fault: "the batch is no JSON array" };
  const all: Carried[] = [];
  for (const [at, element] of jsonElements(json).entries()) {
    const carried = envelope(element);
    if ("fault" in carried) return { fault: `event ${at} of the batch: ${carried.fault}` };
    all.push(carried);
  }
  return all;
}

/** An event in the JSON format 1.0.2; the envelope as it came is the body. `json` is valid JSON. */
function envelope(json: Uint8Array): Carried | NotJson {
  const value: unknown = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
  if (!isRecord(value)) return { fault: "the CloudEvent is no JSON object" };
  if (Object.hasOwn(value, "data") && Object.hasOwn(value, "data_base64")) {
    return { fault: "the CloudEvent has both data and data_base64" };
  }
  const attributes = memberAttributes(value);
  if ("fault" in attributes) return attributes;
  const marks = marksOf(attributes);
  return "fault" in marks ? marks : { body: { json }, marks };
}

/**
 * The attributes among the members of an envelope; one that is null is not there. An extension that no attribute can be
 * (a name with capitals, an object) stays in the body alone, as an attribute without meaning to us.
 */
function memberAttributes(envelope: object): Attributes | NotJson {
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(envelope) as [string, unknown][]) {
    if (value === null || !isAttributeName(name)) continue;
    if (typeof value === "string") attributes.set(name, value);
    else if (isCoreAttribute(name)) return { fault: `the CloudEvent has ${article(value)} as ${name}, not a string` };
    else if (typeof value === "boolean" || Number.isSafeInteger(value)) attributes.set(name, String(value));
  }
  return attributes;
}

function article(value: unknown): string {
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The upstream's id of an event is its source and its id: together they are unique (CloudEvents 1.0.2, `id`). */
function marksOf(attributes: Attributes): NonNullable<Carried["marks"]> | NotJson {
  const fault = attributesFault(attributes);
  if (fault !== undefined) return { fault: `the CloudEvent ${fault}` };
  const sentUs = rfc3339Us(attributes.get("time") ?? "");
  const trace = traceFrom((name) => attributes.get(name));
  return {
    upstreamId: JSON.stringify([attributes.get("source"), attributes.get("id")]),
    extensions: extensionsOf(attributes),
    ...(trace === undefined ? {} : { trace }),
    // a time before 1970 or after 2255 is none that a delay can be counted from
    ...(sentUs !== undefined && sentUs >= 0 && Number.isSafeInteger(sentUs) ? { sentUs } : {}),
  };
}
