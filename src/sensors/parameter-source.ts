import { parse as parseYaml, type Tags } from "yaml";
import { ExpressionError } from "../expressions/fault.ts";
import { quoteJson } from "../expressions/gjson/text.ts";
import { parse } from "../expressions/gjson/value.ts";
import { asString, asValue, type GjsonPath, get } from "../expressions/gjson.ts";
import type { GoTemplate } from "../expressions/go-template.ts";
import { fromBytes } from "../expressions/go-text.ts";
import type { ParameterSource } from "../kit/trigger.ts";
import type { Event } from "../lib/event.ts";
import { jsonTextOf } from "./data-text.ts";
import { contextJson } from "./event-json.ts";
import type { ParametersContext, Resolved } from "./parameters.ts";

type Fault = { readonly fault: string };

/**
 * What the keys and templates of a parameter find in its event: the data's, where any of them is given, else the
 * context's. A template comes first; when it fails or prints nothing, the key (reference 3.7).
 */
export function resolveKeys(src: ParameterSource, event: Event, cx: ParametersContext): Resolved | Fault {
  const ofData = Boolean(src.dataKey || src.dataTemplate);
  const json = ofData ? dataJson(event) : { json: contextJson(event) };
  if ("fault" in json) return json;
  const [key, template] = ofData ? [src.dataKey, src.dataTemplate] : [src.contextKey, src.contextTemplate];
  let fault = "";
  if (template) {
    const printed = print(cx.programs.template(template), json.json, cx);
    if ("value" in printed) return printed;
    fault = printed.fault;
  }
  if (!key) return { fault };
  const found = look(json.json, cx.programs.path(key));
  return found ?? { fault: `${ofData ? "the data has" : "the context has"} nothing at ${key}` };
}

function print(template: GoTemplate | undefined, json: string, cx: ParametersContext): Resolved | Fault {
  if (template === undefined) return { fault: "the template cannot be compiled" };
  try {
    const value = template.render({ Input: asValue(parse(json)) }, cx);
    if (value !== "" && value !== "<no value>") return { value, text: true };
    return { fault: "the template prints nothing" };
  } catch (cause) {
    if (cause instanceof ExpressionError) return { fault: cause.message };
    throw cause;
  }
}

function look(json: string, path: GjsonPath): Resolved | undefined {
  const found = get(json, path);
  if (!found.exists) return undefined;
  if (found.type === "JSON" || found.type === "Null") return { value: found.raw, text: false };
  return { value: asString(found), text: found.type === "String" };
}

/** Data must say that it is JSON, and be it, or that it is YAML. */
function dataJson(event: Event): { readonly json: string } | Fault {
  if (event.datacontenttype === "application/json") {
    const json = jsonTextOf(event.data);
    return json === undefined ? { fault: "the data is not JSON" } : { json };
  }
  if (event.datacontenttype !== "application/yaml")
    return { fault: `the data's content type is ${event.datacontenttype}, neither JSON nor YAML` };
  try {
    const value: unknown = parseYaml(fromBytes(event.data), { version: "1.1", uniqueKeys: false, customTags: goTags });
    return { json: goJson(value, 0) };
  } catch (cause) {
    return { fault: `the data is not YAML: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
}

/** Go's reader of YAML 1.1 leaves timestamps as text and knows no base 60. */
function goTags(tags: Tags): Tags {
  return tags.filter(
    (tag) => typeof tag === "string" || (tag.tag !== "tag:yaml.org,2002:timestamp" && tag.format !== "TIME"),
  );
}

const deepestYaml = 500;

/** As Go's `json.Marshal` writes a decoded YAML document: keys in order. */
function goJson(value: unknown, depth: number): string {
  if (depth > deepestYaml) throw new RangeError("nested too deeply");
  if (typeof value === "string") return quoteJson(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map((one) => goJson(one, depth + 1)).join(",")}]`;
  if (typeof value !== "object" || value === null) return "null";
  const keys = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${keys.map(([key, one]) => `${quoteJson(key)}:${goJson(one, depth + 1)}`).join(",")}}`;
}
