import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Redactor } from "../telemetry/redact.ts";
import { type Access, local, refuseWithout, scopeOf, type Who } from "./access.ts";
import type { TlsFiles } from "./access-open.ts";
import { auditCalls, routeOf } from "./audit-calls.ts";
import type { AuditLog } from "./audit-log.ts";
import { serveDeadLetters } from "./dead-letters.ts";
import { serveEvents } from "./events.ts";
import { isLoopback, refuseForms, refuseStrangers, type ServedAs } from "./guard.ts";
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
  /** undefined: nobody is asked for a token, which is possible on this machine alone. */
  readonly access?: Access | undefined;
  /** Where changes are written down; undefined: nowhere. */
  readonly audit?: AuditLog | undefined;
  /** Names besides its address under which it is served. */
  readonly names?: readonly string[] | undefined;
  readonly tls?: TlsFiles | undefined;
}

/** The runtime, or the refusal while there is none. */
export type Ask = () => StandardRun;

const apiPath = "/api/v1";

/**
 * Opens the admin API. On a loopback address whoever may open a port of this machine may ask everything, unless `access`
 * asks for tokens; on any other it has to. Rejects with ADMIN_TOKEN_MISSING and PORT_UNAVAILABLE.
 */
export async function openAdmin(parts: AdminParts, address: Address): Promise<Listening> {
  const outside = !isLoopback(address.host);
  const names = new Set((parts.names ?? []).map((name) => name.toLowerCase()));
  if ((outside || names.size > 0) && parts.access?.required !== true) {
    throw new TideError("ADMIN_TOKEN_MISSING", `--admin ${address.host}: nobody would be asked for a token`);
  }
  const app = makeApp(parts);
  const served: ServedAs = { outside, names, secure: parts.tls !== undefined };
  app.addHook("onRequest", async (request, reply) => {
    answerNoPage(reply);
    refuseStrangers(request.headers, served);
  });
  redactAnswers(app, parts.redactor);
  const ask: Ask = () => {
    const runtime = parts.runtime();
    if (runtime === undefined) throw new TideError("STARTING", "tidemill is starting");
    return runtime;
  };
  serveProbes(app, () => probed(parts), { quiet: parts.access?.required === true });
  await app.register(
    (api: FastifyInstance, _options: object, done: () => void) => {
      guardApi(api, parts);
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

/** Who asks, whether they may, and that it is written down. */
function guardApi(api: FastifyInstance, { access, audit }: AdminParts): void {
  const asking = new WeakMap<FastifyRequest, Who>();
  if (audit !== undefined) {
    auditCalls(api, { audit, whoOf: (request) => asking.get(request) ?? (access === undefined ? local : undefined) });
  }
  api.addHook("onRequest", async (request) => {
    const who = (await access?.who(request.headers.authorization, request.socket.remoteAddress ?? "")) ?? local;
    asking.set(request, who);
    refuseForms(request.method, request.headers["content-type"]);
    refuseWithout(scopeOf(request.method, routeOf(request)), who);
  });
}

/** No answer is a page, is kept, or is taken for what it does not say it is; the streams' answers, too. */
function answerNoPage({ raw }: FastifyReply): void {
  raw.setHeader("cache-control", "no-store");
  raw.setHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  raw.setHeader("referrer-policy", "no-referrer");
  raw.setHeader("x-content-type-options", "nosniff");
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
