import type { FastifyInstance, FastifyRequest } from "fastify";
import { codes } from "../lib/codes/index.ts";
import { type CodeName, isTide } from "../lib/errors.ts";
import type { Who } from "./access.ts";
import type { AuditLog, Change } from "./audit-log.ts";
import { problemOf } from "./problems.ts";
import { flag, type Query } from "./query.ts";

/** What is known of a request until it is answered. */
interface Known {
  readonly who?: Who | undefined;
  readonly code?: string | undefined;
  readonly operation?: string | undefined;
}

/** Refusals of strangers, of whom nothing is known: they could fill the log until it has nothing else. */
const notTold: ReadonlySet<string> = new Set(
  (["TOKEN_REQUIRED", "TOKEN_TRIES", "HOST_REFUSED", "NOT_FOUND"] as const).map((name: CodeName) => codes[name].id),
);

/**
 * Writes a line for each call that changes something, or was refused to, before it is answered; and for each wrong token.
 * `whoOf` tells who asks once that is known.
 */
export function auditCalls(
  api: FastifyInstance,
  parts: {
    readonly audit: AuditLog;
    readonly whoOf: (request: FastifyRequest) => Who | undefined;
  },
): void {
  const known = new WeakMap<FastifyRequest, Known>();
  api.addHook("onError", async (request, _reply, error) => {
    known.set(request, { ...known.get(request), code: problemOf(error).code });
    if (isTide(error, "TOKEN_REFUSED")) known.set(request, { ...known.get(request), who: stranger });
  });
  api.addHook("preSerialization", async (request, _reply, payload) => {
    const operation = operationOf(payload);
    if (operation !== undefined) known.set(request, { ...known.get(request), operation });
    return payload;
  });
  api.addHook("onSend", async (request, reply) => {
    const { who = parts.whoOf(request), code, operation } = known.get(request) ?? {};
    const query = request.query as Query;
    const changes = request.method !== "GET" && request.method !== "HEAD" && !flagged(query, "plan");
    if ((!changes && who !== stranger) || (code !== undefined && notTold.has(code))) return;
    const entry: Omit<Change, "at"> = {
      ...{ who: who?.name ?? "unknown", token: who?.tokenId, address: request.socket.remoteAddress },
      did: `${request.method} ${routeOf(request)}`,
      on: who === stranger ? undefined : aboutOf(request),
      ...{ outcome: outcomeOf(reply.statusCode), operation, code },
    };
    await parts.audit.append(entry);
  });
}

const stranger: Who = { name: "unknown", scope: "view" };

/** Without the prefix of the API; of a route, never with the ids of a path. */
export function routeOf(request: FastifyRequest): string {
  return (request.routeOptions.url ?? "").replace(/^\/api\/v1/, "");
}

function outcomeOf(status: number): Change["outcome"] {
  if (status === 202) return "accepted";
  if (status < 400) return "done";
  return status < 500 ? "refused" : "failed";
}

function operationOf(payload: unknown): string | undefined {
  const operation = typeof payload === "object" && payload !== null && "operation" in payload && payload.operation;
  const id = typeof operation === "object" && operation !== null && "id" in operation && operation.id;
  return typeof id === "string" ? id : undefined;
}

const mostIds = 100;
const longestText = 300;

/** Ids, names and filters of a request. What it puts in place of data is left out, of an edit all but the fields' names. */
function aboutOf({ params, query, body }: FastifyRequest): unknown {
  const about = { ...textsOf(params), ...textsOf(query), ...(Buffer.isBuffer(body) ? {} : textsOf(body)) };
  return Object.keys(about).length === 0 ? undefined : about;
}

const valuesOfEvents: ReadonlySet<string> = new Set(["data", "set"]);

function textsOf(value: unknown, depth = 0): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const kept: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value).slice(0, 30)) {
    if (typeof member === "string") kept.push([key, cut(key === "data" ? `${member.length} characters` : member)]);
    else if (typeof member === "number" || typeof member === "boolean") kept.push([key, member]);
    else if (key === "set") kept.push(["fields", fieldsOf(member)]);
    else if (Array.isArray(member)) kept.push([key, idsOf(member)]);
    else if (depth === 0 && !valuesOfEvents.has(key)) kept.push([key, textsOf(member, 1)]);
  }
  return Object.fromEntries(kept);
}

function fieldsOf(set: unknown): unknown {
  return Array.isArray(set)
    ? idsOf(set.map((pair: unknown) => (Array.isArray(pair) ? pair[0] : undefined)))
    : undefined;
}

function idsOf(list: readonly unknown[]): readonly string[] {
  const ids = list.slice(0, mostIds).flatMap((id) => (typeof id === "string" ? cut(id) : []));
  return list.length > mostIds ? [...ids, `and ${list.length - mostIds} more`] : ids;
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

function flagged(query: Query, name: string): boolean {
  try {
    return flag(query, name);
  } catch {
    // given twice, which the route refuses
    return false;
  }
}
