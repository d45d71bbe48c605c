import { compileEventPattern, type EventPattern, PatternError } from "../expressions/event-pattern.ts";
import { portsOf, routeOf } from "../kit/callback.ts";
import { allOrNone, badValue, webhookRules } from "../kit/rules.ts";
import { defineSource, type SourceContext } from "../kit/source.ts";
import { guardRules } from "../kit/webhook-guard-rules.ts";
import { aborted } from "../lib/abort.ts";
import type { Finding } from "../lib/finding.ts";
import { type BusName, type EventBridgeConfig, eventBridgeConfig, readBusName } from "./event-bridge-config.ts";
import { answerPutEvents } from "./event-bridge-put.ts";

/** What the entries of one port and path know of each other. */
export interface Desk {
  readonly cx: SourceContext<EventBridgeConfig>;
  readonly bus: BusName;
  /** undefined: every event of the bus. */
  readonly pattern: EventPattern | undefined;
}

/**
 * `eventBridge` (docs/specs/event-bridge.md): serves the AWS API for PutEvents. The entries of one port and path are the rules
 * of the event buses there: an event goes to each whose bus and pattern are its own. The sender hears that an entry was taken
 * once the bus has it for all of them.
 */
export const eventBridge = defineSource({
  kind: "eventBridge",
  title: "EventBridge",
  summary: "Is an event bus to AWS SDKs: takes PutEvents, with event patterns as rules.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: shop
spec:
  eventBridge:
    jobs:
      port: "4010"
      pattern:
        source:
          - jobs
`,
  config: eventBridgeConfig,
  lint: rules,
  ports: (config) => portsOf(config),
  async run(cx) {
    const { config, entry } = cx;
    const desk: Desk = { cx, bus: busOf(config), pattern: patternOf(config) };
    const endpoint = config.endpoint || "/";
    const place = { ...config, endpoint, maxPayloadSize: config.maxPayloadSize || maxRequestBytes };
    const { allowFrom, trustedProxies, rateLimit, clientCertificate, bodyTimeout } = config;
    // one guard stands before all who share the route: with another one this entry finds it taken
    const guarded = JSON.stringify([allowFrom, trustedProxies, rateLimit, clientCertificate, bodyTimeout]);
    await using _ = await cx.http.share({
      group: `eventBridge ${guarded}`,
      port: Number(config.port),
      path: endpoint.startsWith("/") ? endpoint : `/${endpoint}`,
      owner: `${entry.namespace}/${entry.eventSource}/${entry.event}`,
      member: desk,
      route: async () => {
        const route = await routeOf(place, "POST", cx);
        return { ...route, authenticated: route.authenticated === true || config.accessKey !== undefined };
      },
      serve: answerPutEvents,
    });
    cx.ready();
    await aborted(cx.signal);
  },
});

/** 1 MiB of entries, each character of them escaped (`\u00e9` for two bytes), and room for the rest. */
const maxRequestBytes = 8 * 1_048_576;

function busOf({ eventBusName, region, account }: EventBridgeConfig): BusName {
  const bus = readBusName(eventBusName || "default") ?? { name: eventBusName ?? "default" };
  return { ...bus, ...(region ? { region } : {}), ...(account ? { account } : {}) };
}

function patternOf({ pattern }: EventBridgeConfig): EventPattern | undefined {
  return pattern === undefined || pattern === null ? undefined : compileEventPattern(pattern);
}

function* rules(config: EventBridgeConfig): Iterable<Finding> {
  yield* webhookRules({ ...config, endpoint: config.endpoint || "/" });
  yield* guardRules(config);
  yield* allOrNone(config, ["accessKey", "secretKey"]);
  const { eventBusName, account } = config;
  if (eventBusName && readBusName(eventBusName) === undefined) {
    yield badValue(["eventBusName"], `"${eventBusName}" is neither the name nor the ARN of an event bus`);
  }
  if (account && !/^\d{12}$/.test(account)) {
    yield badValue(["account"], `"${account}" is no AWS account`, "Write 12 digits as text.");
  }
  try {
    patternOf(config);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const inside = typeof config.pattern === "string" ? [] : error.path;
    const found: Finding = {
      severity: "error",
      code: "EXPRESSION_INVALID",
      path: ["pattern", ...inside],
      message: error.message,
    };
    yield error.position === undefined ? found : { ...found, offset: error.position };
  }
}
