import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { TideError } from "../lib/errors.ts";
import { endOfNow, newReplayId, planReplay, type ReplaySpec } from "../runtime/replay.ts";
import type { Ask } from "./admin.ts";
import { long, micros, name, perSecond, readBody } from "./body.ts";
import { accepted } from "./operations.ts";
import { flag, type Query } from "./query.ts";

const asked = z.strictObject({
  fromUs: micros.optional(),
  toUs: micros.optional(),
  namespace: name.optional(),
  sources: z.array(name).max(100).optional(),
  where: long.optional(),
  eventIds: z.array(name).min(1).max(10_000).optional(),
  toTrigger: name.optional(),
  config: z.enum(["current", "original"]).optional(),
  derived: z.boolean().optional(),
  replayId: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, "1 to 64 letters, digits, and . : - _")
    .optional(),
  perSecond: perSecond.optional(),
});

/** `POST /replay?plan=true`: what it would come to. Without `plan` it is begun: 202 and the operation. */
export function serveReplay(api: FastifyInstance, ask: Ask): void {
  api.post<{ Querystring: Query }>("/replay", async ({ query, body }, reply) => {
    const runtime = ask();
    const { perSecond: rate, ...what } = readBody(asked, body);
    if (what.fromUs === undefined && what.eventIds === undefined)
      throw new TideError("USAGE", "a replay needs fromUs, or eventIds");
    const sources = what.sources ?? [];
    const spec: ReplaySpec = {
      ...what,
      fromUs: what.fromUs ?? 0,
      toUs: what.toUs ?? endOfNow(runtime),
      sources,
      config: what.config ?? "current",
      // whoever names what is meant means that, whoever made it
      derived: what.derived ?? (sources.length > 0 || what.toTrigger !== undefined),
      replayId: what.replayId ?? newReplayId(),
    };
    const plan = await planReplay(runtime, spec);
    if (flag(query, "plan")) return plan;
    const to = plan.spec.toTrigger === undefined ? "" : ` to ${plan.spec.toTrigger}`;
    const operation = await runtime.operations.start({
      kind: "replay",
      title: `replay ${plan.count} events${to} as ${plan.replayId}`,
      total: plan.count,
      perSecond: rate,
      spec: plan.spec,
      notes: plan.notes,
    });
    return accepted(reply, operation);
  });
}
