import type { RenderCall, Rendered } from "../../kit/trigger.ts";
import { type HttpConfig, prepare, requestOf, userAgent } from "./prepare.ts";

/**
 * The request as the target would see it, made by the code that sends it: the exact body as text (empty where there is
 * none), the headers that the manifest makes, the Content-Type that is added and the attributes of a CloudEvent. Not shown
 * are the User-Agent, the idempotency key, the trace and the id of a CloudEvent that are added; user and password are `***`. Throws REQUEST_INVALID.
 */
export async function renderRequest(call: RenderCall<HttpConfig>): Promise<Rendered> {
  const { config } = call;
  const request = await requestOf({ ...call, key: undefined }, prepare(config));
  const headers: [name: string, value: string][] = [];
  if (request.host !== undefined) headers.push(["Host", request.host]);
  const signed = config.basicAuth !== undefined || request.target.authorization !== undefined;
  for (let at = 0; at + 1 < request.headers.length; at += 2) {
    const name = request.headers[at] ?? "";
    const value = request.headers[at + 1] ?? "";
    if (name === "User-Agent" && value === userAgent) continue;
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
