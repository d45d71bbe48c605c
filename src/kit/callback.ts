import { messageOf, TideError } from "../lib/errors.ts";
import type { DataFault, Receipt } from "../lib/event.ts";
import { readAuthorities } from "./client-certificate.ts";
import type { KeyRef } from "./fields.ts";
import { headerOf } from "./headers.ts";
import type { EntryName, SourceContext } from "./source.ts";
import type { Route, WebRequest, WebResponse } from "./webhook.ts";
import { asksForGuard, authenticates, guardOf } from "./webhook-guard.ts";
import { type GuardSettings, guardDurationMs } from "./webhook-guard-fields.ts";

/** The fields of a WebhookContext (reference 0), as `webhookFields` describes them. */
export interface WebhookSettings extends GuardSettings {
  readonly endpoint?: string | undefined;
  readonly method?: string | undefined;
  readonly port?: string | undefined;
  readonly url?: string | undefined;
  readonly serverCertSecret?: KeyRef | undefined;
  readonly serverKeySecret?: KeyRef | undefined;
  readonly maxPayloadSize?: number | undefined;
}

type Reads = Pick<SourceContext<unknown>, "secret" | "clock">;

/** The port of a WebhookContext, for `Source.ports`. */
export function portsOf(settings: WebhookSettings | undefined): readonly number[] {
  return settings?.port === undefined || !/^\d+$/.test(settings.port) ? [] : [Number(settings.port)];
}

/**
 * What the listener serves for an entry, guarded as its fields say. The secrets of certificates are read once, when the route is
 * made. Rejects with SECRET_MISSING, SECRET_UNFIT or FIELD_VALUE.
 */
export async function routeOf(
  settings: WebhookSettings,
  method: string,
  { secret, clock, entry }: Reads & { readonly entry: EntryName },
): Promise<Route> {
  const { endpoint = "", port, maxPayloadSize, bodyTimeout } = settings;
  // what asks for nothing is there at once: a port listens as soon as it can
  const tls = servesTls(settings) ? await tlsOf(settings, secret) : undefined;
  const guard = asksForGuard(settings) ? await guardOf(settings, { secret, clock }) : undefined;
  const bodyTimeoutMs = bodyTimeout === undefined ? undefined : guardDurationMs(bodyTimeout);
  return {
    port: Number(port),
    path: endpoint.startsWith("/") ? endpoint : `/${endpoint}`,
    method,
    // 0 and less mean the default too, as in the peer
    maxBytes: maxPayloadSize !== undefined && maxPayloadSize > 0 ? maxPayloadSize : 1_048_576,
    owner: `${entry.namespace}/${entry.eventSource}/${entry.event}`,
    ...(tls === undefined ? {} : { tls }),
    ...(guard === undefined ? {} : { guard }),
    ...(authenticates(settings) ? { authenticated: true } : {}),
    ...(bodyTimeoutMs === undefined ? {} : { bodyTimeoutMs }),
  };
}

function servesTls({ serverCertSecret, serverKeySecret, clientCertificate }: WebhookSettings): boolean {
  return Boolean(clientCertificate) || (Boolean(serverCertSecret) && Boolean(serverKeySecret));
}

async function tlsOf(
  { serverCertSecret, serverKeySecret, clientCertificate }: WebhookSettings,
  secret: Reads["secret"],
): Promise<Route["tls"]> {
  const ca = clientCertificate?.caSecret;
  if (!serverCertSecret || !serverKeySecret) {
    throw new TideError("FIELD_CONFLICT", "clientCertificate needs serverCertSecret and serverKeySecret");
  }
  if (clientCertificate && !ca) throw new TideError("FIELD_MISSING", "clientCertificate needs caSecret");
  const [cert, key] = [await secret(serverCertSecret), await secret(serverKeySecret)];
  return ca ? { cert, key, clientCa: readAuthorities(await secret(ca)) } : { cert, key };
}

/** The URL that a provider is told to call (reference 1.4). */
export function callbackUrl({ url = "", endpoint = "" }: WebhookSettings): string {
  return `${url.replace(/\/+$/, "")}${endpoint.startsWith("/") ? "" : "/"}${endpoint}`;
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
