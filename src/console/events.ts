import type { FastifyInstance } from "fastify";
import { TideError } from "../lib/errors.ts";
import type { EventQuery, EventRecord } from "../record/record.ts";
import { type EventWithData, eventAnswer, keptOf } from "../runtime/event-answer.ts";
import { handIn } from "../runtime/hand-in.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import { why } from "../runtime/why.ts";
import type { Ask } from "./admin.ts";
import { one, type Query, rangeOf, whole, word } from "./query.ts";

const receipts = ["stored", "duplicate", "filtered", "refused"] as const;
const states = ["pending", "running", "done", "dead", "dropped"] as const;

export function serveEvents(api: FastifyInstance, ask: Ask): void {
  api.get<{ Querystring: Query }>("/events", async ({ query }) => {
    const { items, next } = await recordOf(ask()).events(eventQuery(query));
    return { items: items.map(eventAnswer), next };
  });
  api.get<{ Params: { id: string } }>("/events/:id", ({ params }) => eventWithData(ask(), params.id));
  api.get<{ Params: { id: string } }>("/why/:id", ({ params }) => why(ask(), params.id));
  api.get<{ Querystring: Query }>("/audit", ({ query }) => recordOf(ask()).audit(rangeOf(query)));
  api.get<{ Querystring: Query }>("/delays", ({ query }) => recordOf(ask()).delays(delayQuery(query)));
  api.get<{ Querystring: Query }>("/delays/samples", async ({ query }) => ({
    items: await recordOf(ask()).samples({
      ...delayQuery(query),
      limit: whole(query, "limit", { min: 1, max: 100_000 }) ?? 5_000,
    }),
  }));
  serveSend(api, ask);
}

/** The body of `send` stays as it came: large numbers, spaces and the order of keys are the event's. */
function serveSend(api: FastifyInstance, ask: Ask): void {
  api.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.post<{ Querystring: Query; Body: Buffer | undefined }>("/send", async ({ query, body }, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort(new Error("nobody waits any more")));
      return handIn(ask(), {
        namespace: one(query, "namespace") ?? "default",
        eventSource: one(query, "source") ?? "",
        event: one(query, "event") ?? "",
        data: body ?? Buffer.alloc(0),
        waitMs: whole(query, "waitMs", { min: 0, max: 3_600_000 }),
        signal: gone.signal,
      });
    });
    done();
  });
}

function recordOf({ record }: Pick<StandardRun, "record">): EventRecord {
  if (record === undefined) throw new TideError("RECORD_OFF", "there is no record to ask");
  return record;
}

async function eventWithData(runtime: StandardRun, id: string): Promise<EventWithData> {
  const recorded = await recordOf(runtime).event(id);
  if (recorded === undefined) throw new TideError("EVENT_UNKNOWN", `there is no event ${id}`);
  const bus = runtime.buses.find(({ namespace, name }) => namespace === recorded.namespace && name === recorded.bus);
  const kept = recorded.seq === undefined ? undefined : await bus?.bus.event(recorded.seq);
  return { ...eventAnswer(recorded), ...(kept?.event.id === id ? keptOf(kept.event) : {}) };
}

function eventQuery(query: Query): EventQuery {
  const source = one(query, "source");
  const receipt = word(query, "receipt", receipts);
  const firing = word(query, "firing", states);
  const cursor = one(query, "cursor");
  return {
    ...rangeOf(query),
    limit: whole(query, "limit", { min: 1, max: 10_000 }) ?? 50,
    ...(source === undefined ? {} : { source }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(firing === undefined ? {} : { firing }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function delayQuery(query: Query) {
  const by = word(query, "by", ["source", "sensor", "trigger"]);
  return { ...rangeOf(query), ...(by === undefined ? {} : { by }) };
}
