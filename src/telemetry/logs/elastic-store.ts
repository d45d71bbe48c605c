import type { Client, ClientOptions } from "@opensearch-project/opensearch";
import { backoffMs } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { createFold } from "../fold.ts";
import type { LogLine, LogStore } from "./log-store.ts";
import { indexTemplate, templateName } from "./template.ts";

export interface ElasticOptions {
  /** `https://USER:PASSWORD@HOST:9200`; several nodes by commas. */
  readonly url: string;
  /** The data stream. */
  readonly index: string;
  /** In place of a user: `Authorization: ApiKey …`. */
  readonly apiKey?: string | undefined;
  /** PEM of the authority that signed its certificate. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Loads the client: one for both, for their bulk APIs are the same. */
  readonly load: () => Promise<{ readonly Client: new (options: ClientOptions) => Client }>;
}

const backoff = { baseMs: 200, factor: 2, maxMs: 10_000 };
const requestTimeoutMs = 30_000;

/** The bulk API of Elasticsearch (7.9 and later) and OpenSearch. Rejects with SDK_MISSING. */
export async function openElasticStore(options: ElasticOptions): Promise<LogStore> {
  const { Client } = await options.load();
  const client = new Client(clientOptions(options));
  return new ElasticStore(client, options);
}

function clientOptions({ url, apiKey, ca }: ElasticOptions): ClientOptions {
  return {
    nodes: url.split(",").map((one) => one.trim()),
    // a request that failed is told and tried again here, where it can be counted
    maxRetries: 0,
    requestTimeout: requestTimeoutMs,
    ...(apiKey === undefined ? {} : { headers: { authorization: `ApiKey ${apiKey}` } }),
    ...(ca === undefined ? {} : { ssl: { ca } }),
  };
}

interface BulkItem {
  readonly create?: { readonly status: number; readonly error?: { readonly type?: string; readonly reason?: string } };
}

class ElasticStore implements LogStore {
  readonly #client: Client;
  readonly #options: ElasticOptions;
  readonly #fold: ReturnType<typeof createFold>;
  #prepared = false;
  refused = 0;
  failing: string | undefined;

  constructor(client: Client, options: ElasticOptions) {
    this.#client = client;
    this.#options = options;
    this.#fold = createFold(options.log, options.clock);
  }

  async put(lines: readonly LogLine[], signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let left = lines;
    for (let failures = 0; left.length > 0; ) {
      signal.throwIfAborted();
      try {
        if (!this.#prepared) await this.#prepare();
        left = await this.#bulk(left);
        if (left.length === 0) break;
        throw new Error(`${left.length} of the lines were put off: it is busy`);
      } catch (error) {
        failures += 1;
        this.failing = messageOf(error);
        const retryInMs = Math.round(backoffMs(backoff, failures, random()));
        const fields = { error: this.failing, retryInMs };
        this.#fold(`logs ${this.failing}`, fields, "the log store does not take lines; they wait");
        await clock.sleep(retryInMs, signal);
      }
    }
    this.failing = undefined;
  }

  /** The data stream's template, where there is none: without it the first line would decide how all are indexed. */
  async #prepare(): Promise<void> {
    const { index } = this.#options;
    const { body: there } = await this.#client.indices.existsIndexTemplate({ name: templateName });
    if (!there) {
      try {
        await this.#client.indices.putIndexTemplate({ name: templateName, body: indexTemplate(index) as never });
      } catch (error) {
        // who may write lines need not be who may write templates
        if (statusOf(error) !== 401 && statusOf(error) !== 403) throw error;
        const fields = { error: messageOf(error), template: templateName };
        this.#options.log.warn(fields, "the index template is missing and may not be made; see deploy/README.md");
      }
    }
    this.#prepared = true;
  }

  /** Answers the lines to be put again. */
  async #bulk(lines: readonly LogLine[]): Promise<readonly LogLine[]> {
    const body = lines.map(({ json, id }) => `${actionOf(id)}\n${json}\n`).join("");
    // newline-delimited JSON as it is: the client's type knows objects only
    const request = { index: this.#options.index, body: body as never };
    const { body: answer } = await this.#client.bulk(request);
    if (answer.errors !== true) return [];
    return lines.filter((_, at) => this.#judge(answer.items[at] as BulkItem | undefined) === "again");
  }

  #judge(item: BulkItem | undefined): "kept" | "again" | "refused" {
    const { status = 500, error } = item?.create ?? {};
    // 409: it is there already, from a try whose answer was lost
    if (status < 300 || status === 409) return "kept";
    if (status === 429 || status >= 500) return "again";
    this.refused += 1;
    const reason = `${error?.type ?? status}: ${error?.reason ?? ""}`;
    this.#fold(
      `line ${error?.type}`,
      { error: reason, refused: this.refused },
      "the log store refuses a line for good",
    );
    return "refused";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

function actionOf(id: string | undefined): string {
  return id === undefined ? '{"create":{}}' : `{"create":{"_id":${JSON.stringify(id)}}}`;
}

function statusOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
}
