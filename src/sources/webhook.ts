import { badRequest, portsOf, receiptAnswer, routeOf } from "../kit/callback.ts";
import { list, object, optional, text } from "../kit/fields.ts";
import { metadataMember } from "../kit/go-json.ts";
import { refuseOrigin } from "../kit/handshake.ts";
import { headerOf, makeHeaderWriter } from "../kit/headers.ts";
import { webhookRules } from "../kit/rules.ts";
import { eventSourceFilter, webhookFields } from "../kit/schemas.ts";
import { type Draft, defineSource, type SourceContext } from "../kit/source.ts";
import { traceOfHeaders } from "../kit/trace-headers.ts";
import type { Handshake, WebRequest, WebResponse } from "../kit/webhook.ts";
import { guardRules } from "../kit/webhook-guard-rules.ts";
import { aborted } from "../lib/abort.ts";
import { TideError } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import { markJson } from "../lib/json-bytes.ts";
import { type Carried, carriedBy, contentModeOf, traced } from "./cloudevents.ts";

/**
 * `webhook` (reference 1.4, 1.6, S25, S26). One request is one event, or a batch of CloudEvents: the sender hears 200 once
 * the bus holds all of it, 503 when it does not. Requests are taken in parallel. Beyond the reference it knows CloudEvents
 * and their handshake (docs/specs/cloudevents.md); `data` is as of any request.
 */
export const webhook = defineSource({
  kind: "webhook",
  title: "Webhook",
  summary: "Takes HTTP requests; several entries share a port.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: shop
spec:
  webhook:
    orders:
      endpoint: /orders
      method: POST
      port: "12000"
`,
  config: object(
    {
      ...webhookFields,
      filter: optional(eventSourceFilter()),
      allowedOrigins: optional(
        list(text({ description: "Name of a sender, as it stands in WebHook-Request-Origin; `*` is any." }), {
          description:
            "Senders that may deliver, by the handshake of CloudEvents' web hooks; any by default (extension).",
        }),
      ),
    },
    { description: "A path on a port that takes events as HTTP requests." },
  ),
  *lint(config) {
    yield* webhookRules(config);
    yield* guardRules(config);
    if (!config.method) {
      yield {
        severity: "warning",
        code: "METHOD_MISSING",
        path: [],
        message: "method is missing: POST is taken",
        fix: "Add `method: POST`.",
      };
    }
  },
  ports: (config) => portsOf(config),
  async run(cx) {
    const { config, entry } = cx;
    const headers = makeHeaderWriter();
    const tail = Buffer.from(`${metadataMember(config.metadata)}}`);
    const handshake: Handshake = { allowedOrigins: config.allowedOrigins };
    const route = { ...(await routeOf(config, (config.method || "POST").toUpperCase(), cx)), handshake };
    await using _ = await cx.http.route(route, async (request) => {
      const refusal = refuseOrigin(handshake, request.rawHeaders);
      if (refusal !== undefined) return refusal;
      const mode = contentModeOf(request);
      const carried = carriedBy(request, mode);
      if ("fault" in carried) return badRequest(carried.fault);
      const header = headers.write(request.rawHeaders);
      const trace = traceOfHeaders(request.rawHeaders);
      const receipts = await emitAll(
        carried,
        ({ body, marks }) => ({
          data: eventData(header, body, tail),
          ...traced(marks, trace),
          ...delivered(request, mode),
        }),
        cx,
      );
      if (mode === "batch") return batchAnswer(request, receipts);
      const [receipt] = receipts;
      if (receipt === undefined) throw new TideError("UPSTREAM_FAILED", `no receipt for ${entry.event}`);
      return receiptAnswer(request, receipt);
    });
    cx.ready();
    await aborted(cx.signal);
  },
});

/**
 * A delivery of one event is known by the sender's id of it. It wins over the id of a CloudEvent, which may stand in a header
 * that nobody signed: whoever sends a signed request again could write another one there.
 */
function delivered({ deliveryId }: WebRequest, mode: string): { readonly upstreamId?: string } {
  return deliveryId === undefined || mode === "batch" ? none : { upstreamId: deliveryId };
}

const none = {};

/** Each event has the header of its request: so many are made at once that 16 KiB of header cost 4 MiB at most. */
const emittedAtOnce = 256;

/**
 * The receipts of all events, in their order. Rejects when one of them is not durable; others may be, and are duplicates
 * when the sender comes again.
 */
function emitAll(
  carried: readonly Carried[],
  draftOf: (carried: Carried) => Draft,
  cx: Pick<SourceContext<unknown>, "emit">,
): Promise<readonly Receipt[]> {
  if (carried.length > emittedAtOnce) return emitInParts(carried, draftOf, cx);
  return carried.length === 0 ? Promise.resolve([]) : cx.emit(carried.map(draftOf));
}

async function emitInParts(...[carried, draftOf, cx]: Parameters<typeof emitAll>): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = [];
  for (let at = 0; at < carried.length; at += emittedAtOnce) {
    receipts.push(...(await cx.emit(carried.slice(at, at + emittedAtOnce).map(draftOf))));
  }
  return receipts;
}

/**
 * What the sender of a batch hears once all receipts are durable: 200, or 422 and which events were refused, by their index.
 * `Accept: application/json` gets all receipts.
 */
function batchAnswer(request: WebRequest, receipts: readonly Receipt[]): WebResponse {
  const refused = receipts.flatMap(({ outcome, reason }, at) =>
    outcome === "refused" ? [`event ${at} of the batch: ${reason ?? "it was refused"}\n`] : [],
  );
  const status = refused.length > 0 ? 422 : 200;
  if (headerOf(request.rawHeaders, "accept")?.includes("application/json")) {
    const items = receipts.map(({ id, outcome, reason, faults: errors }) => ({ id, outcome, reason, errors }));
    return { status, headers: { "Content-Type": "application/json" }, body: `${JSON.stringify({ items })}\n` };
  }
  return { status, body: status === 200 ? "success" : refused.join("") };
}

/** `{"header":…,"body":…,"metadata":…}` around the body's own bytes. */
function eventData(header: string, { json }: Carried["body"], tail: Uint8Array): Uint8Array {
  const text = typeof json === "string" ? `{"header":${header},"body":${json}` : `{"header":${header},"body":`;
  const body = typeof json === "string" ? empty : json;
  const data = Buffer.allocUnsafe(Buffer.byteLength(text) + body.byteLength + tail.byteLength);
  const bodyAt = data.write(text);
  data.set(body, bodyAt);
  data.set(tail, bodyAt + body.byteLength);
  return markJson(data);
}

const empty = new Uint8Array(0);
