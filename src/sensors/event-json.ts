import { quoteJson } from "../expressions/gjson/text.ts";
import type { Event } from "../lib/event.ts";

/**
 * An event as sensors of Argo Events see it (reference 2): `{"context":{…},"data":"<base64>"}`, byte for byte as Go
 * writes it. Extensions are not part of it.
 */
export function eventJson(event: Event): string {
  const { data } = event;
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  return `{"context":${contextJson(event)},"data":${data.length === 0 ? "null" : `"${base64}"`}}`;
}

/** The context alone: what `contextKey` and `contextTemplate` read. The time has seconds only. */
export function contextJson(event: Event): string {
  const fields: readonly (readonly [string, string])[] = [
    ["id", event.id],
    ["source", event.source],
    ["specversion", "1.0"],
    ["type", event.type],
    ["datacontenttype", event.datacontenttype],
    ["subject", event.subject],
  ];
  const written = fields.map(([key, value]) => `"${key}":${quoteJson(value)}`);
  return `{${written.join(",")},"time":${timeJson(event.time)}}`;
}

function timeJson(time: string): string {
  const atMs = Date.parse(time);
  return Number.isNaN(atMs) ? "null" : `"${new Date(atMs).toISOString().slice(0, 19)}Z"`;
}
