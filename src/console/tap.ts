import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { didYouMean } from "../lib/did-you-mean.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { compileFilter } from "../manifests/compile-filter.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { Ask } from "./admin.ts";
import { one, type Query } from "./query.ts";

/** So many lines wait for a reader; what comes then is left out, and counted. */
const mostWaiting = 1_000;

/**
 * `GET /tap`: JSON lines as events go by, until the reader leaves. A reader that is too slow misses lines and is told how
 * many (`{"k":"missed","lines":7}`); the flow never waits for it.
 */
export function serveTap(api: FastifyInstance, ask: Ask, redactor: Redactor): void {
  api.get<{ Querystring: Query }>("/tap", { exposeHeadRoute: false }, (request, reply) => {
    const { query } = request;
    const runtime = ask();
    const of = one(query, "of");
    if (of !== undefined) refuseUnknown(of, runtime);
    const filter = filterOf(one(query, "filter"));
    const namespace = one(query, "namespace");
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    raw.flushHeaders();
    const lines = new Lines(raw);
    const end = runtime.taps.open({
      of,
      namespace,
      filter,
      tell: (line) => lines.write(() => redactor.clean(JSON.stringify(line))),
    });
    raw.once("close", end);
    raw.on("error", end);
  });
}

/** A stream of lines that never makes the writer wait. */
class Lines {
  readonly #to: ServerResponse;
  #waiting: string[] = [];
  #missed = 0;
  #full = false;

  constructor(to: ServerResponse) {
    this.#to = to;
    to.on("drain", () => this.#drained());
  }

  write(line: () => string): void {
    if (!this.#full) this.#send(line());
    else if (this.#waiting.length < mostWaiting && this.#missed === 0) this.#waiting.push(line());
    else this.#missed += 1;
  }

  #send(line: string): void {
    if (!this.#to.write(`${line}\n`)) this.#full = true;
  }

  #drained(): void {
    this.#full = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.#send(waiting.join("\n"));
    if (this.#missed > 0) this.#send(JSON.stringify({ k: "missed", lines: this.#missed }));
    this.#missed = 0;
  }
}

function filterOf(expression: string | undefined): ReturnType<typeof compileFilter> | undefined {
  if (expression === undefined) return undefined;
  try {
    return compileFilter(expression);
  } catch (cause) {
    throw new TideError("USAGE", `the filter ${JSON.stringify(expression)}: ${messageOf(cause)}`, { cause });
  }
}

/** A name that nothing has would never show anything. */
function refuseUnknown(of: string, { sources, buses }: StandardRun): void {
  const names = new Set([
    ...sources.flatMap(({ plan }) => [plan.eventSource, `${plan.eventSource}/${plan.event}`]),
    ...buses.flatMap(({ sensors }) => sensors.map(({ name }) => name)),
  ]);
  if (names.has(of)) return;
  const meant = didYouMean(of, [...names]);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new TideError("ENTRY_UNKNOWN", `there is no source and no sensor ${of}${hint}`);
}
