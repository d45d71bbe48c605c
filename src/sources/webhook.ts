import { badRequest, portsOf, receiptAnswer, refuseStranger, routeOf } from "../kit/callback.ts";
import { object, optional } from "../kit/fields.ts";
import { metadataMember } from "../kit/go-json.ts";
import { makeHeaderWriter } from "../kit/headers.ts";
import { webhookRules } from "../kit/rules.ts";
import { eventSourceFilter, webhookFields } from "../kit/schemas.ts";
import { type Draft, defineSource } from "../kit/source.ts";
import { aborted } from "../lib/abort.ts";
import { TideError } from "../lib/errors.ts";
import { type Body, bodyOf } from "./webhook-body.ts";

/**
 * `webhook` (reference 1.4, 1.6, S25, S26). One request is one event: the sender hears 200 once the bus holds it, 503 when
 * it does not. Requests are taken in parallel.
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
    { ...webhookFields, filter: optional(eventSourceFilter()) },
    { description: "A path on a port that takes events as HTTP requests." },
  ),
  *lint(config) {
    yield* webhookRules(config);
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
    const route = await routeOf(config, (config.method || "POST").toUpperCase(), cx);
    await using _ = await cx.http.route(route, async (request) => {
      const stranger = config.authSecret && (await refuseStranger(config.authSecret, request, cx));
      if (stranger !== undefined) return stranger;
      const body = bodyOf(request);
      if ("fault" in body) return badRequest(body.fault);
      const draft: Draft = { data: eventData(headers.write(request.rawHeaders), body, tail) };
      const [receipt] = await cx.emit([draft]);
      if (receipt === undefined) throw new TideError("UPSTREAM_FAILED", `no receipt for ${entry.event}`);
      return receiptAnswer(request, receipt);
    });
    cx.ready();
    await aborted(cx.signal);
  },
});

/** `{"header":…,"body":…,"metadata":…}` around the body's own bytes. */
function eventData(header: string, { json }: Body, tail: Uint8Array): Uint8Array {
  if (typeof json === "string") return Buffer.concat([Buffer.from(`{"header":${header},"body":${json}`), tail]);
  return Buffer.concat([Buffer.from(`{"header":${header},"body":`), json, tail]);
}
