import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { systemClock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { loadSdk } from "../runtime/sdk.ts";
import { createLog } from "../telemetry/logger.ts";
import { both } from "../telemetry/logs/both.ts";
import { openElasticStore } from "../telemetry/logs/elastic-store.ts";
import type { LogStore } from "../telemetry/logs/log-store.ts";
import { openOtlpLogStore } from "../telemetry/logs/otlp-store.ts";
import { LogShipper } from "../telemetry/logs/shipper.ts";
import { type Env, otlpOptions, resourceAttributes, textOf } from "../telemetry/otlp-options.ts";
import type { Redactor } from "../telemetry/redact.ts";

export interface LogStoreOptions {
  /** `--log-store`: Elasticsearch or OpenSearch. */
  readonly url: string | undefined;
  readonly level: string;
  readonly env: Env;
  readonly version: string;
  readonly redactor: Redactor;
  /** What this process says here. */
  readonly log: Log;
}

/** A store of log lines, and the log that tells it all that `log` is told. */
export interface ShippedLog extends AsyncDisposable {
  readonly log: Log;
  readonly store: LogStore;
}

/** The data stream, unless the URL ends in the name of another one. */
const defaultIndex = "logs-tidemill-default";
/** How long the end waits for a store. */
const endMs = 5_000;

/**
 * Opens where lines are shipped to: undefined where neither `--log-store` nor OTLP logs are asked for. The latter are by
 * `OTEL_LOGS_EXPORTER=otlp` or an endpoint of their own alone, for many a collector takes traces and no logs.
 * Rejects with LOG_STORE_BAD, OTLP_OPTIONS_BAD, SDK_MISSING.
 */
export async function openShippedLog(options: LogStoreOptions): Promise<ShippedLog | undefined> {
  const stores = await Promise.all([elasticStore(options), otlpStore(options)]);
  const open = stores.filter((store) => store !== undefined);
  if (open.length === 0) return undefined;
  const store = together(open);
  const shipper = new LogShipper({ store, clock: systemClock });
  const stop = new AbortController();
  const hard = new AbortController();
  const running = shipper.run({ stop: stop.signal, hard: hard.signal });
  // it rejects only by a fault of its own, and then at the end
  running.catch(() => undefined);
  const { level, version, redactor } = options;
  const shipped = createLog({
    format: "ecs",
    level,
    version,
    redactor,
    colour: false,
    write: (line) => shipper.write(line),
  });
  return {
    store,
    log: both(options.log, shipped),
    async [Symbol.asyncDispose]() {
      stop.abort();
      const late = setTimeout(() => hard.abort(new Error("the end")), endMs);
      await running;
      clearTimeout(late);
      if (shipper.dropped > 0) options.log.warn({ lines: shipper.dropped }, "log lines did not get to their store");
      await store[Symbol.asyncDispose]();
    },
  };
}

async function elasticStore({ url, env, redactor, log }: LogStoreOptions): Promise<LogStore | undefined> {
  if (url === undefined) return undefined;
  const nodes = url.split(",").map((one) => nodeOf(one.trim()));
  for (const { password } of nodes) if (password !== "") redactor.add(decodeURIComponent(password));
  const index = nodes[0]?.pathname.slice(1) || defaultIndex;
  const apiKey = textOf(env.TIDEMILL_LOG_STORE_API_KEY);
  if (apiKey !== undefined) redactor.add(apiKey);
  const caFile = textOf(env.TIDEMILL_LOG_STORE_CA_FILE);
  return openElasticStore({
    url: nodes.map((node) => node.href.slice(0, node.href.length - node.pathname.length)).join(","),
    index,
    apiKey,
    ca: caFile === undefined ? undefined : await readFile(caFile, "utf8"),
    clock: systemClock,
    random: Math.random,
    log,
    load: () => loadSdk("@opensearch-project/opensearch", () => import("@opensearch-project/opensearch")),
  });
}

function nodeOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || !/^\/[\w.-]*$/.test(url.pathname))
    throw new TideError("LOG_STORE_BAD", "--log-store is no URL such as https://USER:PASSWORD@HOST:9200/DATA-STREAM");
  return url;
}

async function otlpStore({ env, version, redactor, log }: LogStoreOptions): Promise<LogStore | undefined> {
  const asked =
    textOf(env.OTEL_LOGS_EXPORTER) !== undefined || textOf(env.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT) !== undefined;
  const options = asked ? otlpOptions("LOGS", env, redactor) : undefined;
  if (options === undefined) return undefined;
  const resource = resourceAttributes(env, { version, host: hostname() });
  return openOtlpLogStore({ options, resource, version, sdk: loadSdk, clock: systemClock, random: Math.random, log });
}

function together(stores: readonly LogStore[]): LogStore {
  const [only] = stores;
  if (only !== undefined && stores.length === 1) return only;
  return {
    async put(lines, signal) {
      await Promise.all(stores.map((store) => store.put(lines, signal)));
    },
    get refused() {
      return stores.reduce((sum, { refused }) => sum + refused, 0);
    },
    get failing() {
      return stores.find(({ failing }) => failing !== undefined)?.failing;
    },
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store[Symbol.asyncDispose]();
    },
  };
}
