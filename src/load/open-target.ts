import { isTide, messageOf, TideError } from "../lib/errors.ts";
import type { Target } from "./target.ts";
import { type AwsPlace, eventBridgeTarget, type LoadSdk, snsTarget, sqsTarget } from "./targets/aws.ts";
import { kafkaTarget, redisTarget } from "./targets/brokers.ts";
import { httpTarget, type SendEvent, sourceTarget } from "./targets/http.ts";

export interface TargetContext extends AwsPlace {
  readonly inFlight: number;
  readonly sdk: LoadSdk;
  /** For `source:`; absent where no tidemill is known. */
  readonly sendEvent?: SendEvent | undefined;
}

const forms =
  "http://…, sqs:QUEUE, sns:ARN, eventbridge:BUS, kafka:HOST:PORT/TOPIC, redis://HOST/0?stream=NAME or source:EVENTSOURCE/EVENT";

/** The target that an address names. Rejects with USAGE, with SDK_MISSING, or with TARGET_UNREACHABLE. */
export async function openTarget(address: string, cx: TargetContext): Promise<Target> {
  try {
    return await open(address, cx);
  } catch (cause) {
    if (isTide(cause)) throw cause;
    throw new TideError("TARGET_UNREACHABLE", `${address.replace(/:[^:@/]*@/, ":…@")}: ${messageOf(cause)}`, { cause });
  }
}

function open(address: string, cx: TargetContext): Target | Promise<Target> {
  const scheme = /^([a-z]+):/.exec(address)?.[1] ?? "";
  const rest = address.slice(scheme.length + 1);
  switch (scheme) {
    case "http":
    case "https":
      return httpTarget(urlOf(address), cx);
    case "sqs":
      return sqsTarget(given(rest, address), cx, cx.sdk);
    case "sns":
      return snsTarget(given(rest, address), cx, cx.sdk);
    case "eventbridge": {
      const { path: bus, query } = splitQuery(rest);
      const source = query.get("source") ?? "tidemill.load";
      const detailType = query.get("detail-type") ?? "load";
      return eventBridgeTarget({ bus: bus === "" ? "default" : bus, source, detailType }, cx, cx.sdk);
    }
    case "kafka": {
      const slash = rest.indexOf("/");
      const [brokers, topic] = [rest.slice(0, slash), rest.slice(slash + 1)];
      if (slash <= 0 || topic === "") throw wrong(address, "write kafka:HOST:PORT/TOPIC");
      return kafkaTarget(brokers.split(","), topic, cx.sdk);
    }
    case "redis":
    case "rediss": {
      const url = urlOf(address);
      if ((url.searchParams.get("stream") ?? "") === "") throw wrong(address, "write redis://HOST:6379/0?stream=NAME");
      return redisTarget(url, cx.sdk);
    }
    case "source": {
      if (!/^[^/]+\/[^/]+$/.test(rest)) throw wrong(address, "write source:EVENTSOURCE/EVENT");
      if (cx.sendEvent === undefined) throw wrong(address, "no tidemill is known that could take it");
      return sourceTarget(rest, cx.sendEvent);
    }
    default:
      throw wrong(address, `write ${forms}`);
  }
}

function given(rest: string, address: string): string {
  if (rest === "") throw wrong(address, `write ${forms}`);
  return rest;
}

function urlOf(address: string): URL {
  const url = URL.parse(address);
  if (url === null || url.host === "") throw wrong(address, "it is no URL");
  return url;
}

function splitQuery(rest: string): { readonly path: string; readonly query: URLSearchParams } {
  const at = rest.indexOf("?");
  return at < 0
    ? { path: rest, query: new URLSearchParams() }
    : { path: rest.slice(0, at), query: new URLSearchParams(rest.slice(at + 1)) };
}

function wrong(address: string, what: string): TideError {
  return new TideError("USAGE", `the target ${JSON.stringify(address)}: ${what}`);
}
