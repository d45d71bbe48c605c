import { hash, timingSafeEqual } from "node:crypto";
import { messageOf } from "../lib/errors.ts";
import type { DataFault, Receipt } from "../lib/event.ts";
import type { KeyRef } from "./fields.ts";
import { headerOf } from "./headers.ts";
import type { EntryName, SourceContext } from "./source.ts";
import type { Route, WebRequest, WebResponse } from "./webhook.ts";

/** The fields of a WebhookContext (reference 0), as `webhookFields` describes them. */
export interface WebhookSettings {
  readonly endpoint?: string | undefined;
  readonly method?: string | undefined;
  readonly port?: string | undefined;
  readonly url?: string | undefined;
  readonly serverCertSecret?: KeyRef | undefined;
  readonly serverKeySecret?: KeyRef | undefined;
  readonly authSecret?: KeyRef | undefined;
  readonly maxPayloadSize?: number | undefined;
}

type Reads = Pick<SourceContext<unknown>, "secret">;

/** The port of a WebhookContext, for `Source.ports`. */
export function portsOf(settings: WebhookSettings | undefined): readonly number[] {
  return settings?.port === undefined || !/^\d+$/.test(settings.port) ? [] : [Number(settings.port)];
}

/** What the listener serves for an entry. The secrets of the certificate are read once, when the route is made. */
export async function routeOf(
  settings: WebhookSettings,
  method: string,
  { secret, entry }: Reads & { readonly entry: EntryName },
): Promise<Route> {
  const { endpoint = "", port, serverCertSecret, serverKeySecret, maxPayloadSize } = settings;
  const tls =
    serverCertSecret && serverKeySecret
      ? { tls: { cert: await secret(serverCertSecret), key: await secret(serverKeySecret) } }
      : {};
  return {
    port: Number(port),
    path: endpoint.startsWith("/") ? endpoint : `/${endpoint}`,
    method,
    // 0 and less mean the default too, as in the peer
    maxBytes: maxPayloadSize !== undefined && maxPayloadSize > 0 ? maxPayloadSize : 1_048_576,
    owner: `${entry.namespace}/${entry.eventSource}/${entry.event}`,
    ...tls,
  };
}

/** The URL that a provider is told to call (reference 1.4). */
export function callbackUrl({ url = "", endpoint = "" }: WebhookSettings): string {
  return `${url.replace(/\/+$/, "")}${endpoint.startsWith("/") ? "" : "/"}${endpoint}`;
}

/**
 * The answer to a request without the right token; undefined lets it in. Words and statuses are the peer's
 * (reference 1.4); the comparison takes the same time whatever was sent (S25).
 */
export async function refuseStranger(
  authSecret: KeyRef | undefined,
  request: WebRequest,
  { secret }: Reads,
): Promise<WebResponse | undefined> {
  if (authSecret === undefined) return undefined;
  let expected: string;
  try {
    expected = await secret(authSecret);
  } catch {
    return { status: 500, body: "Error loading auth token\n" };
  }
  const given = headerOf(request.rawHeaders, "authorization");
  const headers = { "WWW-Authenticate": "Bearer" };
  if (given === undefined || !given.startsWith("Bearer ")) {
    return { status: 401, headers, body: "Invalid Authorization Header\n" };
  }
  const token = Buffer.from(given.slice("Bearer ".length), "latin1");
  return expected !== "" && sameText(token, Buffer.from(expected, "utf8"))
    ? undefined
    : { status: 401, headers, body: "Invalid Auth token\n" };
}

function sameText(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));
}

/** What the sender hears once the receipt is durable. `Accept: application/json` gets the receipt as JSON. */
export function receiptAnswer(request: WebRequest, receipt: Receipt): WebResponse {
  const { id, outcome, reason, faults } = receipt;
  const headers = { "Tidemill-Event-Id": id };
  const status = outcome === "refused" ? 422 : 200;
  if (faults !== undefined) return problemOf(receipt, faults);
  if (headerOf(request.rawHeaders, "accept")?.includes("application/json")) {
    return {
      status,
      headers: { ...headers, "Content-Type": "application/json" },
      body: `${JSON.stringify({ id, outcome, reason })}\n`,
    };
  }
  return { status, headers, body: status === 200 ? "success" : `${reason ?? "the event was refused"}\n` };
}

/** RFC 9457: what of the data is not as its schema says. Names and types are told, values of the data never. */
function problemOf({ id, reason }: Receipt, errors: readonly DataFault[]): WebResponse {
  const problem = { title: "The event does not match its schema", status: 422, detail: reason, errors, id };
  const headers = { "Tidemill-Event-Id": id, "Content-Type": "application/problem+json" };
  return { status: 422, headers, body: `${JSON.stringify(problem)}\n` };
}

/** 400 in a sentence. */
export function badRequest(why: unknown): WebResponse {
  return { status: 400, body: `${typeof why === "string" ? why : messageOf(why)}\n` };
}
