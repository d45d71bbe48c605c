import { once } from "node:events";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { TideError } from "../lib/errors.ts";
import { type BulkSpec, planBulk } from "../runtime/dead-letter-bulk.ts";
import { dropDeadLetters, retryDeadLetters } from "../runtime/dead-letter-change.ts";
import { dataOfDeadLetter, editDeadLetter } from "../runtime/dead-letter-edit.ts";
import { chooseBy, type DeadLetterFilter } from "../runtime/dead-letter-filter.ts";
import { exportDeadLetters, groupDeadLetters, listDeadLetters, showDeadLetter } from "../runtime/dead-letters.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { Ask } from "./admin.ts";
import { long, micros, name, perSecond, readBody } from "./body.ts";
import { accepted } from "./operations.ts";
import { flag, one, type Query, whole, word } from "./query.ts";

const maxListed = 10_000;
const times = { min: 0, max: Number.MAX_SAFE_INTEGER };

/** Ids come in the body, because those of a `dlqTrigger` have a slash. */
export function serveDeadLetters(api: FastifyInstance, ask: Ask, redactor: Redactor): void {
  api.get<{ Querystring: Query }>("/deadletters", async ({ query }) => {
    const limit = whole(query, "limit", { min: 1, max: maxListed }) ?? 100;
    return listDeadLetters(ask(), filterOf(query), { limit, cursor: one(query, "cursor") });
  });
  api.get<{ Querystring: Query }>("/deadletters/groups", async ({ query }) =>
    groupDeadLetters(ask(), filterOf(query), whole(query, "limit", { min: 1, max: maxListed }) ?? 100),
  );
  api.get<{ Querystring: Query }>("/deadletters/export", { exposeHeadRoute: false }, async ({ query }, reply) => {
    const runtime = ask();
    const filter = filterOf(query);
    // what cannot be read is refused before the first line
    chooseBy(filter, runtime.clock.nowMs());
    await streamExport(reply, { runtime, filter, redactor });
  });
  api.get<{ Params: { id: string } }>("/deadletters/:id", async ({ params }) => {
    const found = await showDeadLetter(ask(), params.id);
    if (found === undefined) throw new TideError("FIRING_UNKNOWN", `there is no dead letter ${params.id}`);
    return found;
  });
  api.get<{ Params: { id: string }; Querystring: Query }>("/deadletters/:id/data", ({ params, query }) =>
    dataOfDeadLetter(ask(), params.id, one(query, "dependency")),
  );
  serveChanges(api, ask);
}

function serveChanges(api: FastifyInstance, ask: Ask): void {
  api.post<{ Querystring: Query }>("/deadletters/retry", async ({ query, body }, reply) => {
    const runtime = ask();
    const current = isCurrent(query);
    const newKey = flag(query, "newKey");
    const asked = readBody(chosen, body);
    if ("ids" in asked) return { items: await retryDeadLetters(runtime, asked.ids, { current, newKey }) };
    return bulk(runtime, { query, asked, reply, spec: { action: "retry", current, newKey } });
  });
  api.post<{ Querystring: Query }>("/deadletters/drop", async ({ query, body }, reply) => {
    const runtime = ask();
    const asked = readBody(chosen, body);
    const reason = one(query, "reason");
    if (reason !== undefined && reason.length > longestReason)
      throw new TideError("USAGE", `reason has at most ${longestReason} characters`);
    if ("ids" in asked) return { items: await dropDeadLetters(runtime, asked.ids, { reason }) };
    return bulk(runtime, { query, asked, reply, spec: { action: "drop", current: false, newKey: false, reason } });
  });
  api.post<{ Querystring: Query }>("/deadletters/edit", async ({ query, body }) => {
    const { id, ...asked } = readBody(edit, body);
    const how = { current: isCurrent(query), drop: flag(query, "drop"), plan: flag(query, "plan") };
    return editDeadLetter(ask(), id, { ...asked, ...how });
  });
}

const longestReason = 500;

function isCurrent(query: Query): boolean {
  return word(query, "config", ["current", "original"]) === "current";
}

const filter = z.strictObject({
  ...{ namespace: name.optional(), sensor: name.optional(), trigger: name.optional() },
  ...{ code: name.optional(), group: name.optional(), where: long.optional() },
  ...{ sinceUs: micros.optional(), untilUs: micros.optional() },
});

const chosen = z.union(
  [
    z.strictObject({ ids: z.array(z.string()).min(1).max(maxListed) }),
    z.strictObject({ filter, perSecond: perSecond.optional() }),
  ],
  { error: `the body is {"ids": [...]} with 1 to ${maxListed} ids, or {"filter": {...}, "perSecond"?: N}` },
);

const edit = z.strictObject({
  ...{ id: name, dependency: name.optional(), data: z.string().optional() },
  set: z
    .array(z.tuple([name, z.string()]))
    .min(1)
    .max(100)
    .optional(),
});

interface Bulk {
  readonly query: Query;
  readonly asked: { readonly filter: DeadLetterFilter; readonly perSecond?: number | undefined };
  readonly reply: FastifyReply;
  readonly spec: Pick<BulkSpec, "action" | "current" | "newKey" | "reason">;
}

/** The plan, where just that is asked for; else the operation that does it: 202. */
async function bulk(runtime: StandardRun, { query, asked, reply, spec: { action, ...how } }: Bulk) {
  const spec: BulkSpec = { action, ...how, filter: asked.filter, edited: flag(query, "edited") };
  const plan = await planBulk(runtime, spec);
  if (flag(query, "plan")) return plan;
  const operation = await runtime.operations.start({
    kind: action,
    title: `${action} ${plan.count} dead letters`,
    total: plan.count,
    perSecond: asked.perSecond,
    spec: { ...spec, filter: { ...spec.filter, untilUs: plan.asOfUs } } satisfies BulkSpec,
  });
  return accepted(reply, operation);
}

function filterOf(query: Query): DeadLetterFilter {
  return {
    namespace: one(query, "namespace"),
    sensor: one(query, "sensor"),
    trigger: one(query, "trigger"),
    code: one(query, "code"),
    group: one(query, "group"),
    sinceUs: whole(query, "sinceUs", times),
    untilUs: whole(query, "untilUs", times),
    where: one(query, "where"),
  };
}

/**
 * JSON lines, as fast as they are read: one letter a line, and at the end `{"end":true,"count":N}`, without which the answer
 * was cut off. Errors of targets go out without secrets, the data of events as it came.
 */
async function streamExport(
  reply: FastifyReply,
  of: { readonly runtime: StandardRun; readonly filter: DeadLetterFilter; readonly redactor: Redactor },
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  let count = 0;
  try {
    for await (const letter of exportDeadLetters(of.runtime, of.filter)) {
      if (raw.destroyed) return;
      count += 1;
      const line = JSON.stringify({ ...letter, error: of.redactor.clean(letter.error) });
      if (!raw.write(`${line}\n`)) await Promise.race([once(raw, "drain"), once(raw, "close")]);
    }
    raw.end(`${JSON.stringify({ end: true, count })}\n`);
  } catch (error) {
    // the reader finds no end, and knows
    raw.destroy(error instanceof Error ? error : undefined);
  }
}
