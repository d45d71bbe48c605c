import { compactJson, goListMap, goString, goTextOfBytes, type NotJson } from "../kit/go-json.ts";
import { parseQuery } from "../kit/go-query.ts";
import { headerOf } from "../kit/headers.ts";
import type { WebRequest } from "../kit/webhook.ts";

/** `data.body` of a webhook's event, as JSON text. */
export interface Body {
  readonly json: Uint8Array | string;
}

const form = "application/x-www-form-urlencoded";

/**
 * What a request's body becomes in the event:
 * - GET: the query, `{k:[v…]}`; a form: its fields, likewise; any other body that is JSON: that JSON, compacted,
 *   whatever its content type says (all of this is reference 1.6);
 * - beyond the reference: a body that is no JSON and says so (`text/*`, XML, YAML …) becomes a JSON string, other types
 *   a base64 string; a form may name its charset (S26); a request without a body, other than POST, PUT and PATCH,
 *   has its query as GET has.
 * No JSON under a JSON content type, or under none, is a fault, as in the reference.
 */
export function bodyOf(request: WebRequest): Body | NotJson {
  const { method, body, query } = request;
  if (method === "GET" || (body.length === 0 && !/^(POST|PUT|PATCH)$/.test(method))) {
    return { json: goListMap(parseQuery(query).values) };
  }
  const contentType = headerOf(request.rawHeaders, "content-type");
  if (contentType === form) return formBody(body);
  const json = compactJson(body);
  if (!("fault" in json)) return { json };
  return body.length === 0 ? json : otherBody(contentType ?? "", body, json);
}

/** Bodies that the peer answers with 400. */
function otherBody(contentType: string, body: Uint8Array, notJson: NotJson): Body | NotJson {
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim());
  const mediaType = type.toLowerCase();
  if (mediaType === form) return formBody(body);
  if (!mediaType.includes("/") || /\/(?:[^/]*\+)?json$/.test(mediaType)) return notJson;
  if (!isText(mediaType)) return { json: `"${Buffer.from(body).toString("base64")}"` };
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter))?.slice("charset=".length) ?? "utf-8";
  try {
    const text = new TextDecoder(charset.replaceAll('"', ""), { fatal: true, ignoreBOM: true }).decode(body);
    return { json: goString(text) };
  } catch {
    return { fault: `the body is not ${charset}, which its content type promises` };
  }
}

// behind the last slash alone: a dot there would try every beginning with every end
const textTypes =
  /^text\/|\/(?:[^/]*\+)?(?:xml|yaml|x-yaml|toml|javascript|ecmascript|graphql|sql|x-ndjson|jsonl|json-seq)$/;

/** Types whose bodies are text for people or programs: they stay readable in the event. */
function isText(mediaType: string): boolean {
  return textTypes.test(mediaType);
}

function formBody(body: Uint8Array): Body | NotJson {
  const { values, malformed } = parseQuery(goTextOfBytes(body));
  return malformed ? { fault: "the form has a malformed field" } : { json: goListMap(values) };
}
