import type { BatchItem } from "../kit/trigger.ts";
import type { Event } from "../lib/event.ts";

/**
 * What a trigger works on, as JSON text: the payload where the manifest has one, else the data of its event, byte for byte;
 * of several events an object of their data, by dependency.
 */
export function dataOf({ payload, events }: Pick<BatchItem<unknown>, "payload" | "events">): Uint8Array {
  if (payload !== undefined) return payload;
  const [first, ...others] = [...events.values()];
  if (first === undefined) return Buffer.from("null");
  if (others.length === 0) return jsonOf(first);
  const members = [...events].flatMap(([dependency, event], at) => [
    Buffer.from(`${at === 0 ? "" : ","}${JSON.stringify(dependency)}:`),
    jsonOf(event),
  ]);
  return Buffer.concat([Buffer.from("{"), ...members, Buffer.from("}")]);
}

/** Data that is no JSON is in it as text. */
function jsonOf({ data, datacontenttype }: Event): Uint8Array {
  if (data.byteLength === 0) return Buffer.from("null");
  if (/\bjson\b/i.test(datacontenttype)) return data;
  const text = new TextDecoder().decode(data);
  try {
    JSON.parse(text);
    return data;
  } catch {
    return Buffer.from(JSON.stringify(text));
  }
}
