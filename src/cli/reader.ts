import { existsSync } from "node:fs";
import { join } from "node:path";
import { nowUs, systemClock } from "../lib/clock.ts";
import { isTide, TideError } from "../lib/errors.ts";
import type { Audit, DelayQuery, DelaySample, Delays, EventQuery, RecordRange } from "../record/record.ts";
import type { EventAnswer, EventWithData } from "../runtime/event-answer.ts";
import type { TraceAnswer } from "../runtime/trace-answer.ts";
import type { RecordOptions } from "./options.ts";
import { findServer, type Server } from "./server.ts";

/** What can be asked of a running tidemill, and of its record when none runs. */
export interface Reader extends AsyncDisposable {
  events(query: EventQuery): Promise<{ readonly items: readonly EventAnswer[]; readonly next?: string | undefined }>;
  /** With the event's data only from a server: the record does not keep it. Rejects with EVENT_UNKNOWN. */
  event(id: string): Promise<EventWithData>;
  audit(range: RecordRange): Promise<Audit>;
  delays(query: DelayQuery): Promise<Delays>;
  samples(query: DelayQuery & { readonly limit: number }): Promise<readonly DelaySample[]>;
  /** Of a trace or of one of its events. Rejects with TRACE_UNKNOWN. */
  trace(id: string, limit: number): Promise<TraceAnswer>;
  /** Whether a tidemill runs, so that what has no end yet may still get one. */
  readonly live: boolean;
}

/** The server where one runs; else the record that `--record` or the data folder names. Rejects with NO_SERVER. */
export async function openReader(options: RecordOptions): Promise<Reader> {
  if (options.record !== undefined) return recordReader(options.record);
  try {
    const server = await findServer(options);
    // an answer of any kind says that somebody is there
    await server.get("/status");
    return serverReader(server);
  } catch (error) {
    const file = join(options.dataDir, "record.sqlite");
    if (!isTide(error, "NO_SERVER") || options.admin !== undefined || !existsSync(file)) throw error;
    return recordReader(`sqlite:${file}`);
  }
}

function serverReader(server: Server): Reader {
  return {
    events: (query) => server.get("/events", query),
    event: (id) => server.get(`/events/${encodeURIComponent(id)}`),
    audit: (range) => server.get("/audit", range),
    delays: (query) => server.get("/delays", query),
    async samples(query) {
      const { items } = await server.get<{ readonly items: readonly DelaySample[] }>("/delays/samples", {
        ...query,
        limit: query.limit,
      });
      return items;
    },
    trace: (id, limit) => server.get(`/trace/${encodeURIComponent(id)}`, { limit }),
    live: true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function recordReader(url: string): Promise<Reader> {
  const { openRecord } = await import("../record/open.ts");
  const { eventAnswer } = await import("../runtime/event-answer.ts");
  const { loadSdk } = await import("../runtime/sdk.ts");
  const record = await openRecord(url, { readOnly: true, sdk: loadSdk });
  return {
    async events(query) {
      const { items, next } = await record.events(query);
      return { items: items.map(eventAnswer), next };
    },
    async event(id) {
      const event = await record.event(id);
      if (event === undefined) throw new TideError("EVENT_UNKNOWN", `there is no event ${id}`);
      return eventAnswer(event);
    },
    audit: (range) => record.audit(range),
    delays: (query) => record.delays(query),
    samples: (query) => record.samples(query),
    async trace(id, limit) {
      const { recordedTrace } = await import("../runtime/trace-answer.ts");
      return recordedTrace(record, { id, limit, nowUs: nowUs(systemClock) });
    },
    live: false,
    [Symbol.asyncDispose]: () => record[Symbol.asyncDispose](),
  };
}
