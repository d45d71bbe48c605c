import type { Dispatcher } from "undici";
import { poolTo } from "../../kit/proxy-dispatcher.ts";
import { tlsOptions } from "../../kit/tls.ts";
import type { ConnectContext, Outcome } from "../../kit/trigger.ts";
import { codeOf, isTide, messageOf, TideError } from "../../lib/errors.ts";
import type { Options } from "./args.ts";
import type { ArgoWorkflowConfig } from "./config.ts";

/** Connections to the Argo Server; without `server` there are none. */
export interface ArgoServer {
  readonly url: URL | undefined;
  readonly pool: Dispatcher | undefined;
  readonly token: string | undefined;
}

const answerTimeoutMs = 60_000;
const maxBodyChars = 4096;
/** Nothing was sent. */
const unreachable: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
]);

export async function connectServer({
  config,
  secret,
  egress,
}: ConnectContext<ArgoWorkflowConfig>): Promise<ArgoServer & AsyncDisposable> {
  const { server } = config;
  if (server === undefined) {
    return { url: undefined, pool: undefined, token: undefined, [Symbol.asyncDispose]: async () => undefined };
  }
  const url = urlOf(server.url);
  if (url === undefined) throw new TideError("REQUEST_INVALID", `server.url is no URL: ${server.url.slice(0, 200)}`);
  const timeouts = { headersTimeout: answerTimeoutMs, bodyTimeout: answerTimeoutMs };
  const connect = (await tlsOptions(server.tls, secret)) ?? {};
  const pool = poolTo(url.origin, { ...timeouts, connect }, { env: process.env, egress });
  const token = server.token === undefined ? undefined : await secret(server.token);
  return { url, pool, token, [Symbol.asyncDispose]: () => pool.close() };
}

/** undefined: none that can be asked. */
export function urlOf(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && ["http:", "https:"].includes(url.protocol) ? url : undefined;
}

/**
 * Asks the Argo Server to retry or resubmit a workflow. Answers what it said; rejects with WORKFLOW_SERVER_MISSING,
 * TARGET_UNREACHABLE or TARGET_RESET. A retry that was done already is refused by the server, since the workflow runs.
 */
export async function askServer(
  server: ArgoServer,
  act: {
    readonly operation: "retry" | "resubmit";
    readonly namespace: string;
    readonly name: string;
    readonly options: Options;
    readonly signal: AbortSignal;
  },
): Promise<Outcome> {
  const { operation, namespace, name, options, signal } = act;
  const { url, pool, token } = server;
  if (url === undefined || pool === undefined) {
    throw new TideError("WORKFLOW_SERVER_MISSING", `${operation} of workflow ${namespace}/${name}`);
  }
  const base = url.pathname.replace(/\/$/, "");
  const path = `${base}/api/v1/workflows/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${operation}`;
  try {
    const answer = await pool.request({
      origin: url.origin,
      path,
      method: "PUT",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: /^(Bearer|Basic) /.test(token) ? token : `Bearer ${token}` }),
      },
      body: JSON.stringify(bodyOf(act)),
      signal,
    });
    const body = (await answer.body.text()).slice(0, maxBodyChars);
    const said = `the Argo Server answered ${answer.statusCode} to ${operation} of ${namespace}/${name}`;
    return { status: answer.statusCode, said, ...(answer.statusCode < 400 ? {} : { body }) };
  } catch (cause) {
    signal.throwIfAborted();
    if (isTide(cause, "EGRESS_REFUSED")) throw cause;
    const code = unreachable.has(codeOf(cause) ?? "") ? "TARGET_UNREACHABLE" : "TARGET_RESET";
    throw new TideError(code, `${operation} of ${namespace}/${name} at ${url.origin}: ${messageOf(cause)}`, { cause });
  }

  function bodyOf({ operation }: Pick<typeof act, "operation">): object {
    const { parameters, set, values } = options;
    const given = parameters.length === 0 ? {} : { parameters };
    if (operation === "resubmit") return { name, namespace, memoized: set.has("memoized"), ...given };
    const nodeFieldSelector = values.get("node-field-selector");
    return {
      name,
      namespace,
      ...(set.has("restart-successful") ? { restartSuccessful: true } : {}),
      ...(nodeFieldSelector ? { nodeFieldSelector } : {}),
      ...given,
    };
  }
}
