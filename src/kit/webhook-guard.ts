import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import { allowListOf, neighbourhoodOf } from "./allow-list.ts";
import { hasName } from "./client-certificate.ts";
import { basicCheck, refuseStranger } from "./credentials.ts";
import type { KeyRef } from "./fields.ts";
import { senderOf } from "./remote-address.ts";
import { makeRouteRate, type RouteRate } from "./route-rate.ts";
import { signatureCheck } from "./signature-check.ts";
import type { Guard, RefusalReason, Refused, RequestHead, Route, WebRequest, WebResponse } from "./webhook.ts";
import type { GuardSettings, RateSettings } from "./webhook-guard-fields.ts";

export interface GuardParts {
  readonly secret: (ref: KeyRef) => Promise<string>;
  readonly clock: Clock;
}

/** One question of a guard, and the reasons it may give. */
interface Check {
  readonly reasons: readonly RefusalReason[];
  ask(head: RequestHead): Refused | undefined | Promise<Refused | undefined>;
}

/**
 * The guard that the fields of an entry come to; undefined where they ask for nothing. What they ask for must all be there.
 * Rejects with SECRET_MISSING, SECRET_UNFIT or FIELD_VALUE: a route that cannot be guarded is not opened.
 */
export async function guardOf(settings: GuardSettings, parts: GuardParts): Promise<Guard | undefined> {
  const signature = settings.signature && (await signatureCheck(settings.signature, parts));
  // in the order of what they cost us: nobody who is not allowed here uses up the tokens of others, or has a body read
  const checks = [
    addressCheck(settings, parts.clock),
    certificateCheck(settings),
    signature && { reasons: signature.reasons, ask: signature.admit },
    await basicAuthCheck(settings, parts),
    bearerCheck(settings, parts),
  ].filter((check): check is Check => check !== undefined);
  if (checks.length === 0) return undefined;
  return {
    reasons: checks.flatMap(({ reasons }) => reasons),
    admit: (head) => askAll(checks, head),
    verify: signature?.verify,
  };
}

function askAll(checks: readonly Check[], head: RequestHead): Refused | undefined | Promise<Refused | undefined> {
  for (const [at, check] of checks.entries()) {
    const said = check.ask(head);
    if (said instanceof Promise) {
      const rest = checks.slice(at + 1);
      return said.then((refused) => refused ?? askAll(rest, head));
    }
    if (said !== undefined) return said;
  }
  return undefined;
}

/** Whether there is anything in the fields that a guard looks at. */
export function asksForGuard(settings: GuardSettings): boolean {
  return authenticates(settings) || settings.rateLimit != null;
}

/** Whether the fields tell who sends, or let in some only. */
export function authenticates(settings: GuardSettings): boolean {
  const { signature, basicAuth, authSecret, clientCertificate, allowFrom } = settings;
  return [signature, basicAuth, authSecret, clientCertificate, allowFrom].some((field) => field != null);
}

/** What serves a route with its guard in front of it. */
export function guarded(
  { guard, refused }: Pick<Route, "guard" | "refused">,
  handle: (request: WebRequest) => Promise<WebResponse>,
): (request: WebRequest) => Promise<WebResponse> {
  const verify = guard?.verify;
  if (verify === undefined) return handle;
  return async (request) => {
    const verdict = await verify(request);
    if ("status" in verdict) return verdict;
    if (!("reason" in verdict)) return handle(verdict);
    refused?.(verdict.reason, request.remoteAddress);
    return verdict.answer;
  };
}

const forbidden: WebResponse = { status: 403, body: "forbidden\n" };

/** Address, then rate: they need the same address. */
function addressCheck({ allowFrom, trustedProxies, rateLimit }: GuardSettings, clock: Clock): Check | undefined {
  if (allowFrom == null && rateLimit == null) return undefined;
  const allowed = allowFrom == null ? undefined : allowListOf(allowFrom);
  const proxies = trustedProxies == null ? undefined : allowListOf(trustedProxies);
  const rate = rateLimit == null ? undefined : rateOf(rateLimit);
  const together = rateLimit?.per === "Route";
  return {
    reasons: [...(allowed === undefined ? [] : ["address" as const]), ...(rate === undefined ? [] : ["rate" as const])],
    ask(head) {
      const sender = senderOf(head, proxies);
      if (allowed !== undefined && (sender === undefined || !allowed.has(sender))) {
        return { reason: "address", answer: forbidden };
      }
      if (rate === undefined) return undefined;
      const waitMs = rate.take(together || sender === undefined ? "" : neighbourhoodOf(sender), clock.nowMs());
      return waitMs === undefined ? undefined : { reason: "rate", answer: tooMany(waitMs) };
    },
  };
}

const unitMs = { Second: 1_000, Minute: 60_000, Hour: 3_600_000 } as const;

function rateOf({ requestsPerUnit, unit, burst }: RateSettings): RouteRate {
  return makeRouteRate({ count: requestsPerUnit, perMs: unitMs[unit ?? "Second"], burst: burst ?? requestsPerUnit });
}

function tooMany(waitMs: number): WebResponse {
  const headers = { "Retry-After": String(Math.max(1, Math.ceil(waitMs / 1000))) };
  return { status: 429, headers, body: "too many requests\n" };
}

function certificateCheck({ clientCertificate }: GuardSettings): Check | undefined {
  if (clientCertificate == null) return undefined;
  const { names } = clientCertificate;
  return {
    reasons: ["certificate"],
    ask(head) {
      const shown = head.clientCertificate();
      if (shown !== undefined && (names == null || hasName(shown, names))) return undefined;
      return { reason: "certificate", answer: forbidden };
    },
  };
}

async function basicAuthCheck({ basicAuth }: GuardSettings, parts: GuardParts): Promise<Check | undefined> {
  if (basicAuth == null) return undefined;
  const { username, password } = basicAuth;
  if (username === undefined || password === undefined) {
    throw new TideError("FIELD_MISSING", "basicAuth needs username and password");
  }
  const isKnown = await basicCheck({ username, password, ...parts });
  const headers = { "WWW-Authenticate": 'Basic realm="webhook", charset="UTF-8"' };
  const answer: WebResponse = { status: 401, headers, body: "unauthorized\n" };
  return {
    reasons: ["credentials"],
    ask: async (head) => ((await isKnown(head)) ? undefined : { reason: "credentials", answer }),
  };
}

function bearerCheck({ authSecret }: GuardSettings, { secret }: GuardParts): Check | undefined {
  if (authSecret == null) return undefined;
  return {
    reasons: ["credentials"],
    async ask(head) {
      const answer = await refuseStranger(authSecret, head, secret);
      return answer === undefined ? undefined : { reason: "credentials", answer };
    },
  };
}
