import type { z } from "zod";
import { batchType, structuredType } from "../../kit/cloudevents.ts";
import { choice, flag, list, map, object, optional, text, whole } from "../../kit/fields.ts";
import { basicAuth, secureHeader, tlsConfig, triggerParameter, triggerParameters } from "../../kit/schemas.ts";
import type { Call, CallTrace } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import type { HttpClient } from "./client.ts";
import { batchBody, binaryHeaders, structuredBody } from "./cloudevent.ts";
import { type Fields, flat, guessContentType, setField } from "./headers.ts";
import type { Request } from "./send.ts";
import { basic, parseTarget, type Target } from "./target.ts";

/** `template.http` (reference 4, http). */
export const httpConfig = object(
  {
    url: optional(text({ description: "Where the request goes: http:// or https://." })),
    method: optional(text({ description: "GET, DELETE, PATCH, POST (default) or PUT." })),
    payload: optional(triggerParameters({ description: "Builds the body, beginning with an empty JSON object." })),
    parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
    headers: optional(
      map(text({ description: "Value." }), { description: "Headers with fixed values; names go out as written." }),
    ),
    dynamicHeaders: optional(
      list(triggerParameter({ description: "One header: `dest` is its name." }), {
        description: "Headers whose values come from events.",
      }),
    ),
    secureHeaders: optional(
      list(secureHeader({ description: "One header." }), {
        description: "Headers whose values stand in a Secret or ConfigMap.",
      }),
    ),
    basicAuth: optional(basicAuth({ description: "Sent as Authorization header; wins over the other headers." })),
    tls: optional(tlsConfig({ description: "TLS towards the target." })),
    timeout: optional(whole({ description: "Seconds for the whole exchange, redirects included. Default 60." })),
    host: optional(text({ description: "Host header other than the URL's." })),
    followRedirects: optional(flag({ description: "false: an answer that redirects is a failure (extension)." })),
    contentMode: optional(
      choice(["binary", "structured", "batch"], {
        description: "Sends a CloudEvent 1.0 whose data is the body: how it stands in the request (extension).",
      }),
    ),
    cloudEvent: optional(
      object(
        {
          type: optional(text({ description: "Attribute type. Default that of the event, as its sender gave it." })),
          source: optional(text({ description: "Attribute source. Default /NAMESPACE/SENSOR/TRIGGER." })),
          subject: optional(text({ description: "Attribute subject. Default that of the event." })),
        },
        { description: "Attributes of the CloudEvent that contentMode sends (extension)." },
      ),
    ),
  },
  { description: "Sends an HTTP request." },
);

export type HttpConfig = z.infer<typeof httpConfig>;

/** What is the same for every firing of one configuration. */
export interface Prepared {
  readonly target: Target;
  readonly method: string;
  readonly host: string | undefined;
  readonly timeoutMs: number;
  /** The fixed headers. */
  readonly fields: Fields;
  /** Whole header lists; undefined when other headers differ from firing to firing. */
  readonly fixed: { readonly bare: readonly string[]; readonly json: readonly string[] } | undefined;
  /** The payload sets keys, so that the body is a JSON object without a look. */
  readonly jsonBody: boolean;
  readonly own: OwnHeaders;
}

/** What the manifest has of its own of what is added to each firing. */
interface OwnHeaders {
  readonly key: boolean;
  readonly trace: boolean;
}

/** The body of a request, and what headers it brings where the manifest has none of the name. */
interface Content {
  readonly body: Uint8Array | undefined;
  readonly type: string | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

const defaultTimeoutMs = 60_000;
const longestTimerMs = 2 ** 31 - 1;
/** Go's client names itself too; APIs such as GitHub's refuse requests without. */
export const userAgent = "tidemill";

/** The configuration again: a parameter may have put a number where a text belongs. Throws REQUEST_INVALID. */
export function checked(config: HttpConfig): HttpConfig {
  const read = httpConfig.safeParse(config);
  if (read.success) return config;
  const issue = read.error.issues[0];
  throw new TideError("REQUEST_INVALID", `http.${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}`);
}

/** Throws REQUEST_INVALID. */
export function prepare(given: HttpConfig): Prepared {
  const config = checked(given);
  if (config.url === undefined || config.url === "") throw new TideError("REQUEST_INVALID", "there is no url");
  const target = parseTarget(config.url);
  const fields: Fields = new Map();
  for (const [name, value] of Object.entries(config.headers ?? {})) setField(fields, name, value);
  const varies =
    hasAny(config.dynamicHeaders) ||
    hasAny(config.secureHeaders) ||
    config.basicAuth !== undefined ||
    config.contentMode !== undefined;
  const jsonBody = hasAny(config.payload) && config.payload.every(({ dest }) => dest !== "");
  const seconds = config.timeout ?? 0;
  return {
    target,
    method: config.method || "POST",
    host: config.host || undefined,
    timeoutMs: Math.min(longestTimerMs, seconds > 0 ? seconds * 1000 : defaultTimeoutMs),
    fields,
    fixed: varies ? undefined : { bare: flat(finish(fields, target)), json: flat(finish(fields, target, json)) },
    jsonBody,
    own: ownOf(fields),
  };
}

function hasAny<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

/** Adds what is added by us: only where the manifest says nothing of its own. */
function finish(fields: Fields, target: Target, { type, headers = [] }: Omit<Content, "body"> = bare): Fields {
  const whole: Fields = new Map(fields);
  const add = (name: string, value: string): void => {
    if (!whole.has(name.toLowerCase())) setField(whole, name, value);
  };
  if (target.authorization !== undefined) add("Authorization", target.authorization);
  if (type !== undefined) add("Content-Type", type);
  for (const [name, value] of headers) add(name, value);
  add("User-Agent", userAgent);
  return whole;
}

const bare: Omit<Content, "body"> = { type: undefined };
const json: Omit<Content, "body"> = { type: "application/json" };

function ownOf(fields: Fields): OwnHeaders {
  return { key: fields.has("idempotency-key"), trace: fields.has("traceparent") };
}

/** What of a call makes its request. Without `key` and `trace` it is only shown: what is new at each firing is left out. */
export type RequestCall = Pick<
  Call<HttpConfig, HttpClient>,
  "config" | "payload" | "resolve" | "secret" | "configMap" | "batch" | "events" | "namespace" | "sensor" | "trigger"
> & { readonly key: string | undefined; readonly trace?: Pick<CallTrace, "context"> | undefined };

/** The request of one firing. Throws REQUEST_INVALID, or what reading a secret throws. */
export function requestOf(call: RequestCall, prepared: Prepared): Request | Promise<Request> {
  const body = call.payload !== undefined && call.payload.byteLength > 0 ? call.payload : undefined;
  const { fixed } = prepared;
  if (fixed === undefined) return varying(call, prepared, body);
  if (body === undefined || (prepared.jsonBody && body[0] === 0x7b)) {
    return request(call, prepared, { body, headers: body === undefined ? fixed.bare : fixed.json });
  }
  const type = prepared.fields.has("content-type") ? undefined : guessContentType(body);
  if (type === undefined || type === json.type)
    return request(call, prepared, { body, headers: type === undefined ? fixed.bare : fixed.json });
  return request(call, prepared, { body, headers: flat(finish(prepared.fields, prepared.target, { type })) });
}

interface Parts {
  readonly body: Uint8Array | undefined;
  readonly headers: readonly string[];
  readonly own?: OwnHeaders;
}

function request(call: RequestCall, prepared: Prepared, parts: Parts): Request {
  const { target, method, host } = prepared;
  const { key, trace, batch } = call;
  const own = parts.own ?? prepared.own;
  const headers = [...parts.headers];
  if (key !== undefined && !own.key) headers.push("Idempotency-Key", key);
  if (trace !== undefined && !own.trace) {
    const { traceparent, tracestate } = trace.context;
    headers.push("traceparent", traceparent);
    if (tracestate !== undefined) headers.push("tracestate", tracestate);
  }
  if (batch !== undefined) headers.push("Tidemill-Batch-Size", String(batch.size));
  return { target, method, headers, body: parts.body, host };
}

/** `typed`: the manifest has a Content-Type, so that none need be guessed. */
function contentOf(
  call: RequestCall,
  { body, typed }: { readonly body: Uint8Array | undefined; readonly typed: boolean },
): Content {
  const { contentMode } = call.config;
  if (contentMode === undefined || contentMode === "binary") {
    const type = body === undefined || typed ? undefined : guessContentType(body);
    return { body, type, ...(contentMode === undefined ? {} : { headers: binaryHeaders(call) }) };
  }
  return contentMode === "structured"
    ? { body: structuredBody(call), type: `${structuredType}; charset=utf-8` }
    : { body: batchBody(call), type: `${batchType}; charset=utf-8` };
}

/** In the order of the reference: headers, dynamicHeaders, secureHeaders, basicAuth; later wins. */
async function varying(call: RequestCall, prepared: Prepared, body: Uint8Array | undefined): Promise<Request> {
  const { config } = call;
  const fields: Fields = new Map(prepared.fields);
  const secret = new Set<string>();
  for (const [name, value] of call.resolve(config.dynamicHeaders ?? [])) setField(fields, name, value);
  for (const { name, valueFrom } of config.secureHeaders ?? []) {
    const value =
      valueFrom?.secretKeyRef !== undefined
        ? await call.secret(valueFrom.secretKeyRef)
        : valueFrom?.configMapKeyRef !== undefined
          ? await call.configMap(valueFrom.configMapKeyRef)
          : undefined;
    if (value === undefined) throw new TideError("REQUEST_INVALID", `secureHeaders: ${name ?? ""} has no valueFrom`);
    setField(fields, name ?? "", value);
    if (valueFrom?.secretKeyRef !== undefined) secret.add((name ?? "").toLowerCase());
  }
  if (config.basicAuth !== undefined) {
    const { username, password } = config.basicAuth;
    const user = username === undefined ? "" : await call.secret(username);
    setField(fields, "Authorization", basic(user, password === undefined ? "" : await call.secret(password)));
  }
  const content = contentOf(call, { body, typed: fields.has("content-type") });
  const made = request(call, prepared, {
    body: content.body,
    headers: flat(finish(fields, prepared.target, content)),
    own: ownOf(fields),
  });
  return secret.size === 0 ? made : { ...made, secret };
}
