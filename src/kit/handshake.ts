import { headerOf } from "./headers.ts";
import type { Handshake, Route, WebResponse } from "./webhook.ts";

/** Whether a sender of this name may deliver. Names are DNS names: the case does not count. */
function allowsOrigin({ allowedOrigins }: Handshake, origin: string): boolean {
  if (allowedOrigins === undefined) return true;
  const lower = origin.toLowerCase();
  return allowedOrigins.some((allowed) => allowed === "*" || allowed.toLowerCase() === lower);
}

/**
 * The answer to OPTIONS on a path with these routes; undefined when it is no handshake, or none of them takes part. The
 * path is permitted when one of its routes permits the sender; `Allow` has the methods of those that do. Permission is
 * given at once and without a limit of the rate: `WebHook-Request-Callback` is never called, since anybody could make us
 * call any URL.
 */
export function handshakeAnswer(routes: readonly Route[], rawHeaders: readonly string[]): WebResponse | undefined {
  const origin = headerOf(rawHeaders, "webhook-request-origin");
  if (origin === undefined || origin === "") return undefined;
  const asked = routes.flatMap(({ method = "POST", handshake }) => (handshake ? [{ method, handshake }] : []));
  if (asked.length === 0) return undefined;
  const allowing = asked.filter(({ handshake }) => allowsOrigin(handshake, origin));
  // a refusal has none of the headers: the specification reads anything else as consent
  if (allowing.length === 0) return { status: 403, body: "this origin may not deliver here\n" };
  const everybody = allowing.some(({ handshake }) => allowsOrigin(handshake, "*"));
  return {
    status: 200,
    headers: {
      "WebHook-Allowed-Origin": everybody ? "*" : origin,
      "WebHook-Allowed-Rate": "*",
      Allow: [...new Set(allowing.map(({ method }) => method))].sort().join(", "),
    },
  };
}

/**
 * The answer to a delivery of a sender that may not; undefined lets it in. Where origins are restricted a delivery must
 * name its own (section 2.1): in `WebHook-Request-Origin`, or in `Origin`, as the versions before 1.0.2 had it.
 */
export function refuseOrigin(handshake: Handshake, rawHeaders: readonly string[]): WebResponse | undefined {
  if (handshake.allowedOrigins === undefined || allowsOrigin(handshake, "*")) return undefined;
  const origin = headerOf(rawHeaders, "webhook-request-origin") ?? headerOf(rawHeaders, "origin");
  if (origin === undefined) return { status: 403, body: "the header WebHook-Request-Origin is missing\n" };
  return allowsOrigin(handshake, origin) ? undefined : { status: 403, body: "this origin may not deliver here\n" };
}
