import type { FastifyInstance } from "fastify";
import { TideError } from "../lib/errors.ts";
import { dropDeadLetters, listDeadLetters, retryDeadLetters, showDeadLetter } from "../runtime/dead-letters.ts";
import type { Ask } from "./admin.ts";
import { flag, one, type Query, whole, word } from "./query.ts";

const maxListed = 10_000;

/** Ids come in the body, because those of a `dlqTrigger` have a slash. */
export function serveDeadLetters(api: FastifyInstance, ask: Ask): void {
  api.get<{ Querystring: Query }>("/deadletters", async ({ query }) => {
    const filter = {
      namespace: one(query, "namespace"),
      sensor: one(query, "sensor"),
      trigger: one(query, "trigger"),
    };
    const limit = whole(query, "limit", { min: 1, max: maxListed }) ?? 100;
    return listDeadLetters(ask(), filter, { limit, cursor: one(query, "cursor") });
  });
  api.get<{ Params: { id: string } }>("/deadletters/:id", async ({ params }) => {
    const found = await showDeadLetter(ask(), params.id);
    if (found === undefined) throw new TideError("FIRING_UNKNOWN", `there is no dead letter ${params.id}`);
    return found;
  });
  api.post<{ Querystring: Query }>("/deadletters/retry", async ({ query, body }) => {
    const current = word(query, "config", ["current", "original"]) === "current";
    const options = { current, newKey: flag(query, "newKey") };
    return { items: await retryDeadLetters(ask(), idsOf(body), options) };
  });
  api.post("/deadletters/drop", async ({ body }) => ({ items: await dropDeadLetters(ask(), idsOf(body)) }));
}

function idsOf(body: unknown): readonly string[] {
  const ids = typeof body === "object" && body !== null && "ids" in body ? body.ids : undefined;
  if (Array.isArray(ids) && ids.length > 0 && ids.length <= maxListed && ids.every((id) => typeof id === "string")) {
    return ids;
  }
  throw new TideError("USAGE", `the body is {"ids": [...]} with 1 to ${maxListed} ids`);
}
