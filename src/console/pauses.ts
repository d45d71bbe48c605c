import type { FastifyInstance } from "fastify";
import { TideError } from "../lib/errors.ts";
import { pauseAnswer } from "../runtime/change-status.ts";
import type { PauseWish } from "../runtime/pausable.ts";
import type { Ask } from "./admin.ts";
import { one, type Query, whole, word } from "./query.ts";

const kinds = ["source", "sensor", "trigger"] as const;
const longestReason = 500;
const longestForMs = 10 * 365 * 86_400_000;

/** Names come in the query, because they have slashes. */
export function servePauses(api: FastifyInstance, ask: Ask): void {
  api.post<{ Querystring: Query }>("/pause", async ({ query }) => {
    const reason = one(query, "reason");
    if (reason !== undefined && reason.length > longestReason)
      throw new TideError("USAGE", `reason has at most ${longestReason} characters`);
    const forMs = whole(query, "forMs", { min: 1, max: longestForMs });
    return { items: (await ask().control.pause(wishOf(query), { forMs, reason })).map(pauseAnswer) };
  });
  api.post<{ Querystring: Query }>("/resume", async ({ query }) => ({
    items: (await ask().control.resume(wishOf(query))).map(pauseAnswer),
  }));
}

function wishOf(query: Query): PauseWish {
  const kind = word(query, "kind", kinds);
  const name = one(query, "name");
  if (kind === undefined || name === undefined || name === "") throw new TideError("USAGE", "kind and name are needed");
  return { kind, name, namespace: one(query, "namespace") };
}
