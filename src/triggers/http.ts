import { type BatchAnswer, batchAnswerBytes, readBatchAnswer } from "../kit/batch.ts";
import { placeOfUrl } from "../kit/egress-place.ts";
import { badValue, needs, tlsRules } from "../kit/rules.ts";
import type { Outcome } from "../kit/trigger.ts";
import { defineTrigger } from "../kit/trigger.ts";
import type { Finding } from "../lib/finding.ts";
import { HttpClient, secureOptions } from "./http/client.ts";
import type { Answer } from "./http/exchange.ts";
import { ignoredHeaders, retryAfterMs } from "./http/headers.ts";
import { checked, type HttpConfig, httpConfig, prepare, requestOf } from "./http/prepare.ts";
import { renderRequest } from "./http/render.ts";
import { send } from "./http/send.ts";
import { parseTarget } from "./http/target.ts";

const methods: ReadonlySet<string> = new Set(["GET", "DELETE", "PATCH", "POST", "PUT"]);

/**
 * Sends an HTTP request (reference 4, http; T1 and T12 are mended: answers are read, connections belong to an address and
 * its certificates, not to a trigger's name). Besides what the manifest says the target sees a Content-Type where there is
 * a body and none is given, `Idempotency-Key: <firing id>`, a User-Agent, and `traceparent` (with `tracestate` where the event
 * brought one) unless the manifest has its own.
 */
export const http = defineTrigger<HttpConfig, HttpClient>({
  kind: "http",
  title: "HTTP request",
  summary: "Sends an HTTP request, with a body made from the events.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: notify
        http:
          url: http://localhost:8080/orders
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
`,
  config: httpConfig,
  lint,
  connectionKey: (config) => `${originOf(config)} ${JSON.stringify(config.tls ?? null)}`,
  target: hostOf,
  reaches: ({ url }) => (url ? [placeOfUrl(url)] : []),
  async connect(cx) {
    const { url, tls } = checked(cx.config);
    const { origin } = parseTarget(url ?? "");
    const secure = origin.startsWith("https:") ? await secureOptions(tls, cx.secret) : {};
    return new HttpClient(origin, secure, cx.egress);
  },
  async fire(call) {
    const { client, config } = call;
    let prepared = client.prepared.get(config);
    if (prepared === undefined) {
      prepared = prepare(config);
      client.prepared.set(config, prepared);
    }
    const made = requestOf(call, prepared);
    const request = made instanceof Promise ? await made : made;
    const redirects = config.followRedirects !== false;
    const limits = { client, timeoutMs: prepared.timeoutMs, signal: call.signal, redirects };
    if (call.batch === undefined) return outcomeOf(await send(request, limits), call.clock.nowMs());
    const answer = await send(request, { ...limits, keptBytes: batchAnswerBytes });
    return { ...outcomeOf(answer, call.clock.nowMs()), failedItems: failedItems(answer) };
  },
  render: renderRequest,
});

function outcomeOf(answer: Answer, nowMs: number): Outcome {
  const { status, statusText, headers, body } = answer;
  const pauseMs = headers["retry-after"] === undefined ? undefined : retryAfterMs(headers["retry-after"], nowMs);
  return {
    status,
    said: statusText === "" ? String(status) : `${status} ${statusText}`,
    ...(body === undefined ? {} : { body: textOf(body.subarray(0, shownBytes)) }),
    ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }),
    ...(headers["webhook-delivery"] === "abort-message" ? { stop: "webhook-delivery: abort-message" } : {}),
  };
}

const shownBytes = 4096;

/** What a 2xx answer says of the items of a batch; with another status the call is judged as a whole. */
function failedItems({ status, headers, body, cut = false }: Answer): BatchAnswer {
  if (status < 200 || status > 299) return [];
  const json = /^application\/(?:[^;\s]+\+)?json\b/i.test(headers["content-type"] ?? "");
  return readBatchAnswer(new TextDecoder().decode(body), { cut, json });
}

/** A character cut in two by the limit is left out: a streaming decoder keeps it for a next part that never comes. */
function textOf(body: Buffer): string {
  return new TextDecoder().decode(body, { stream: true });
}

/** Where a parameter makes the address, the text itself tells connections apart. */
function originOf(config: HttpConfig): string {
  try {
    return parseTarget(config.url ?? "").origin;
  } catch {
    return config.url ?? "";
  }
}

/** `host:port`, also where the port is the scheme's own. */
function hostOf(config: HttpConfig): string {
  const url = URL.parse(originOf(config));
  if (url === null || url.host === "") return originOf(config);
  return url.port === "" ? `${url.host}:${url.protocol === "https:" ? 443 : 80}` : url.host;
}

function* lint(config: HttpConfig): Iterable<Finding> {
  yield* needs(config, ["url"]);
  const { url, method } = config;
  if (url && !/^https?:\/\//i.test(url)) {
    // only a warning: a parameter may make the real one
    const found = badValue(["url"], "url does not begin with http:// or https://", "Write the whole URL.");
    yield { ...found, severity: "warning" };
  }
  if (method && !methods.has(method)) {
    yield badValue(["method"], `${method} is no method that is supported`, `Use ${[...methods].join(", ")}.`);
  }
  yield* tlsRules(config.tls, ["tls"]);
  for (const name of Object.keys(config.headers ?? {})) {
    if (!ignoredHeaders.has(name.toLowerCase())) continue;
    yield {
      severity: "warning",
      code: "HEADER_IGNORED",
      path: ["headers", name],
      message: `the header ${name} is not sent`,
    };
  }
  for (const [i, header] of (config.secureHeaders ?? []).entries()) {
    yield* needs(header, ["name", "valueFrom"], ["secureHeaders", i]);
  }
  yield* lintCloudEvent(config);
}

/** The manifest's own headers win, so that they can take the content mode back. */
function* lintCloudEvent({ contentMode, cloudEvent, headers }: HttpConfig): Iterable<Finding> {
  if (cloudEvent !== undefined && contentMode === undefined) {
    yield {
      severity: "warning",
      code: "FIELD_MISPLACED",
      path: ["cloudEvent"],
      message: "cloudEvent has no effect without contentMode",
      fix: "Add `contentMode: binary`, `structured` or `batch`.",
    };
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    const structured = contentMode === "structured" || contentMode === "batch";
    if (!structured || name.toLowerCase() !== "content-type" || /^application\/cloudevents/i.test(value)) continue;
    const message = `with this Content-Type the target does not see a CloudEvent: contentMode is ${contentMode}`;
    yield { ...badValue(["headers", name], message, "Remove the header."), severity: "warning" };
  }
}
