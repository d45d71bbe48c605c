import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import type { Rendered } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { traceToAws } from "../../lib/trace.ts";
import type { Posted } from "../aws/coalesce.ts";
import { checkedBytes, checkedConfig, type MessageOf, textOf } from "../aws/message.ts";
import { type EventBridgeConfig, eventBridgeConfig, momentOf } from "./config.ts";

/** The entry of one firing. Throws MESSAGE_INVALID. */
export function bridgeEntry(firing: MessageOf<EventBridgeConfig>): Posted<PutEventsRequestEntry> {
  const config = checkedConfig(eventBridgeConfig, "eventBridge", firing.config);
  const { source, detailType, eventBusName, resources = [], time } = config;
  for (const [name, value] of Object.entries({ source, detailType })) {
    if (value === "") throw new TideError("MESSAGE_INVALID", `there is no ${name}`);
  }
  const Detail = textOf(firing);
  if (!isObject(Detail)) throw new TideError("MESSAGE_INVALID", "the detail of an event must be a JSON object");
  const Time = time ? momentOf(time) : undefined;
  if (time && Time === undefined) throw new TideError("MESSAGE_INVALID", `"${time.slice(0, 100)}" is no time`);
  const message: PutEventsRequestEntry = {
    Source: source,
    DetailType: detailType,
    Detail,
    ...(eventBusName ? { EventBusName: eventBusName } : {}),
    ...(resources.length === 0 ? {} : { Resources: [...resources] }),
    ...(Time === undefined ? {} : { Time }),
    ...(firing.trace === undefined ? {} : { TraceHeader: traceToAws(firing.trace) }),
  };
  const texts = [source, detailType, Detail, ...resources];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), Time === undefined ? 0 : timeBytes);
  return { message, bytes: checkedBytes(bytes) };
}

/** As EventBridge counts it. */
const timeBytes = 14;

function isObject(text: string): boolean {
  try {
    return isRecord(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The same for people and tests. */
export function renderEntry(firing: MessageOf<EventBridgeConfig>): Rendered {
  const { Detail } = bridgeEntry(firing).message;
  const { eventBusName, source, detailType, resources, time } = firing.config;
  return {
    ...(eventBusName ? { eventBusName } : {}),
    source,
    detailType,
    detail: Detail,
    ...(resources === undefined || resources.length === 0 ? {} : { resources }),
    ...(time ? { time } : {}),
  };
}
