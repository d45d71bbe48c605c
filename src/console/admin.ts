import type { FastifyInstance } from "fastify";
import { TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { serveDeadLetters } from "./dead-letters.ts";
import { serveEvents } from "./events.ts";
import { isLoopback, refuseStrangers } from "./guard.ts";
import { serveJobs } from "./jobs.ts";
import { type Address, type Listening, listen, makeApp } from "./listen.ts";
import { serveOperations } from "./operations.ts";
import { servePauses } from "./pauses.ts";
import { type Probed, serveMetrics, serveProbes } from "./probes.ts";
import { redactAnswers } from "./redacting.ts";
import { serveReplay } from "./replay.ts";
import { serveStatus } from "./status.ts";
import { serveTap } from "./tap.ts";
import { serveTop } from "./top.ts";
import { serveTrace } from "./trace.ts";

/** What the admin API answers from. */
export interface AdminParts {
  /** undefined until the start is over: then every question is answered with STARTING. */
  readonly runtime: () => StandardRun | undefined;
  readonly stopping: () => boolean;
  readonly version: string;
  readonly dataDir: string | undefined;
  readonly listenHost: string;
  readonly log: Log;
  readonly redactor: Redactor;
}

/** The runtime, or the refusal while there is none. */
export type Ask = () => StandardRun;

const apiPath = "/api/v1";

/**
 * Opens the admin API. It has no accounts yet, so that it serves this machine alone; whoever may open a port of it may
 * ask everything. Rejects with USAGE for another address than a loopback one, and with PORT_UNAVAILABLE.
 */
export async function openAdmin(parts: AdminParts, address: Address): Promise<Listening> {
  if (!isLoopback(address.host)) {
    throw new TideError(
      "USAGE",
      `--admin ${address.host}: the admin API has no tokens yet and serves 127.0.0.1 and ::1 only`,
    );
  }
  const app = makeApp(parts);
  app.addHook("onRequest", async (request) => refuseStrangers(request.headers));
  redactAnswers(app, parts.redactor);
  const ask: Ask = () => {
    const runtime = parts.runtime();
    if (runtime === undefined) throw new TideError("STARTING", "tidemill is starting");
    return runtime;
  };
  serveProbes(app, () => probed(parts));
  await app.register(
    (api: FastifyInstance, _options: object, done: () => void) => {
      serveStatus(api, ask, parts);
      serveEvents(api, ask);
      serveDeadLetters(api, ask, parts.redactor);
      serveReplay(api, ask);
      serveOperations(api, ask);
      serveJobs(api, ask);
      serveTop(api, ask);
      serveTap(api, ask, parts.redactor);
      serveTrace(api, ask);
      servePauses(api, ask);
      done();
    },
    { prefix: apiPath },
  );
  return listen(app, address, "--admin");
}

/** `/metrics`, and the probes beside it. */
export function openMetrics(parts: AdminParts, address: Address): Promise<Listening> {
  const app = makeApp(parts);
  serveProbes(app, () => probed(parts));
  serveMetrics(app, () => probed(parts));
  return listen(app, address, "--metrics");
}

function probed(parts: AdminParts): Probed {
  return { runtime: parts.runtime(), stopping: parts.stopping() };
}
