import type { FastifyInstance } from "fastify";
import { nowUs } from "../lib/clock.ts";
import { trace } from "../runtime/trace-answer.ts";
import type { Ask } from "./admin.ts";
import { type Query, whole } from "./query.ts";

export function serveTrace(api: FastifyInstance, ask: Ask): void {
  api.get<{ Params: { id: string }; Querystring: Query }>("/trace/:id", ({ params, query }) => {
    const runtime = ask();
    const limit = whole(query, "limit", { min: 1, max: 10_000 }) ?? 1_000;
    return trace(runtime, { id: params.id, limit, nowUs: nowUs(runtime.clock) });
  });
}
