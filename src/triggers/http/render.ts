import type { RenderCall, Rendered } from "../../kit/trigger.ts";
import { type HttpConfig, prepare, requestOf, userAgent } from "./prepare.ts";

/** Stands where the idempotency key would, so that one that the manifest sets is told from ours. */
const ownKey = "\u0000";

/**
 * The request as the target would see it, made by the code that sends it: the exact body as text (empty where there is
 * none), the headers that the manifest makes and the Content-Type that is added. Not shown are the User-Agent and the
 * idempotency key that are added; user and password are `***`. Throws REQUEST_INVALID.
 */
export async function renderRequest(call: RenderCall<HttpConfig>): Promise<Rendered> {
  const { config } = call;
  const request = await requestOf({ ...call, key: ownKey }, prepare(config));
  const headers: [name: string, value: string][] = [];
  if (request.host !== undefined) headers.push(["Host", request.host]);
  const signed = config.basicAuth !== undefined || request.target.authorization !== undefined;
  for (let at = 0; at + 1 < request.headers.length; at += 2) {
    const name = request.headers[at] ?? "";
    const value = request.headers[at + 1] ?? "";
    if (value === ownKey || (name === "User-Agent" && value === userAgent)) continue;
    const hidden = signed && name.toLowerCase() === "authorization" && value.startsWith("Basic ");
    headers.push([name, hidden ? "Basic ***" : Buffer.from(value, "latin1").toString()]);
  }
  return {
    method: request.method,
    url: (config.url ?? "").replace(/^(https?:\/\/)[^/?#]*@/i, "$1***@"),
    headers: Object.fromEntries(headers),
    body: request.body === undefined ? "" : new TextDecoder("utf-8", { ignoreBOM: true }).decode(request.body),
  };
}
