import type { Agent } from "undici";
import { within } from "../../lib/abort.ts";
import { sayDuration } from "../../lib/duration.ts";
import { type CodeName, messageOf, TideError } from "../../lib/errors.ts";
import type { Answer } from "../http/exchange.ts";
import { faultOf } from "../http/faults.ts";
import { userAgent } from "../http/prepare.ts";
import { redirected } from "../http/redirect.ts";
import type { Request } from "../http/send.ts";
import { parseTarget, type Target } from "../http/target.ts";
import { readWhole } from "./limits.ts";

/** Connections for HTTP and HTTPS, kept between firings. */
export interface Agents {
  /** `led`: for what a public address redirects to. */
  agent(options: { readonly verify: boolean; readonly led?: boolean }): Agent;
  /** Whether it is on the internet; false where that cannot be known. */
  isPublic(target: Target): Promise<boolean>;
}

export interface Wanted {
  readonly url: string;
  /** Default GET. */
  readonly method?: "GET" | "POST";
  /** Name and value in turn. */
  readonly headers?: readonly string[];
  /** For messages: which artifact this is for. */
  readonly where: string;
}

interface Options {
  readonly agents: Agents;
  readonly verify: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Of an answer that is not wanted, this much is said. */
const shownBytes = 200;
/** As Go's client. */
const maxRequests = 10;

/**
 * Asks an HTTP server and reads the whole answer, unlike `send` of the http trigger, which needs no more than its beginning:
 * a text that breaks off is an error here, never half an object. Redirects are followed. Throws ARTIFACT_UNREACHABLE,
 * ARTIFACT_INVALID (too long), ARTIFACT_UNREADABLE (no URL), EGRESS_REFUSED, or the signal's reason.
 */
export async function exchangeWhole(wanted: Wanted, options: Options): Promise<Answer & { readonly body: Buffer }> {
  const { url, method = "GET", headers = [], where } = wanted;
  const { signal, timeoutMs, agents } = options;
  const first = firstRequest(url, method, headers);
  using limit = within(signal, timeoutMs, () => unreachable(where, `no whole answer within ${sayDuration(timeoutMs)}`));
  try {
    let hop = first;
    let led = false;
    for (let requests = 1; ; requests++) {
      const agent = agents.agent({ verify: options.verify, led });
      const answer = await ask(hop, where, { agent, signal: limit.signal });
      const next = redirected(hop, answer, first);
      if (next === undefined) return answer;
      if (requests >= maxRequests) throw unreachable(where, `stopped after ${maxRequests} redirects`);
      led ||= next.target.origin !== hop.target.origin && (await agents.isPublic(hop.target));
      hop = next;
    }
  } catch (error) {
    if (limit.signal.aborted) throw limit.signal.reason;
    if (!(error instanceof TideError) || error.code.startsWith("ARTIFACT_") || error.code === "EGRESS_REFUSED")
      throw error;
    throw unreachable(where, messageOf(error), error);
  }
}

function firstRequest(url: string, method: string, headers: readonly string[]): Request {
  try {
    const target = parseTarget(url);
    const authorization = target.authorization === undefined ? [] : ["Authorization", target.authorization];
    return {
      target,
      method,
      headers: ["User-Agent", userAgent, ...authorization, ...headers],
      body: undefined,
      host: undefined,
    };
  } catch (cause) {
    throw new TideError("ARTIFACT_UNREADABLE", messageOf(cause), { cause, retry: "never" });
  }
}

async function ask(
  hop: Request,
  where: string,
  options: { readonly agent: Agent; readonly signal: AbortSignal },
): Promise<Answer & { readonly body: Buffer }> {
  const { target, method, headers } = hop;
  try {
    const answer = await options.agent.request({
      origin: target.origin,
      path: target.path,
      method: method as "GET" | "POST",
      headers: headers as string[],
      signal: options.signal,
    });
    const { statusCode: status, statusText, headers: fields } = answer;
    const body = await readWhole(answer.body, where);
    return { status, statusText, headers: fields, body };
  } catch (error) {
    throw error instanceof TideError ? error : faultOf(error, method, target);
  }
}

/** What went wrong with a server that is there no more, or not yet: reading again does no harm. */
export function unreachable(where: string, why: string, cause?: unknown): TideError {
  return new TideError("ARTIFACT_UNREACHABLE", `${where}: ${why}`, cause === undefined ? {} : { cause });
}

/** `404 Not Found: no such page`, for messages. */
export function shownAnswer({ status, statusText, body }: Answer): string {
  const text = (body ?? Buffer.alloc(0)).subarray(0, shownBytes).toString().replace(/\s+/g, " ").trim();
  return [`${status} ${statusText}`.trim(), text].filter((part) => part !== "").join(": ");
}

/** What a status that is not wanted means for the artifact. */
export function codeOfStatus(status: number): CodeName {
  if (status === 404 || status === 410) return "ARTIFACT_MISSING";
  return status === 429 || status === 408 || status >= 500 ? "ARTIFACT_UNREACHABLE" : "ARTIFACT_REFUSED";
}
