import { audit } from "../queries/audit.ts";
import { delaySamples, delays } from "../queries/delays.ts";
import { findEvent, findEvents, findFiring, historyOf } from "../queries/events.ts";
import { builderFor, type Rows, rowsOf } from "../queries/query.ts";
import { findTrace } from "../queries/trace.ts";
import type { Questions } from "./calls.ts";
import type { Store } from "./store.ts";

/** Answers the questions that the record is asked. */
export type Reader = { readonly [Name in keyof Questions]: (asked: Questions[Name][0]) => Promise<Questions[Name][1]> };

/** All that one question reads is of one moment: a sum over two moments would be off. */
export function createReader(store: Store): Reader {
  const build = builderFor(store.dialect);
  const ask = <T>(question: (rows: Rows) => Promise<T>): Promise<T> =>
    store.read((session) => question(rowsOf(build, session)));
  return {
    events: (query) => ask((rows) => findEvents(rows, query)),
    event: (id) => ask((rows) => findEvent(rows, id)),
    history: (eventId) => ask((rows) => historyOf(rows, eventId)),
    firing: (id) => ask((rows) => findFiring(rows, id)),
    audit: (range) => ask((rows) => audit(rows, range)),
    delays: (query) => ask((rows) => delays(rows, query)),
    samples: (query) => ask((rows) => delaySamples(rows, query)),
    trace: (query) => ask((rows) => findTrace(rows, query)),
  };
}
