import type { Brought, SpanFact } from "../lib/facts.ts";
import { placeOf, traceIdOf } from "../lib/trace.ts";
import type { Changes } from "./changes.ts";
import { cut, text } from "./kept-text.ts";
import { type EventRow, maxTextLength } from "./schema.ts";

/** The trace that it came with. An id that is no trace id itself gets its own: SQL can work out no hash. */
export function foldBrought(row: EventRow, brought: Brought & { readonly event: string }): void {
  const { event, trace, skewUs, replayOf } = brought;
  const place = trace === undefined ? undefined : placeOf(trace);
  const own = traceIdOf(event);
  row.trace_id = place?.traceId ?? (own === event ? null : own);
  row.parent_span = place?.spanId ?? null;
  row.skew_us = skewUs ?? null;
  row.replay_of = replayOf ?? null;
}

/** A part of an attempt. */
export function foldSpan(changes: Changes, fact: SpanFact): void {
  const firing = changes.firing(fact.firing, fact.startUs);
  firing.row.round = Math.max(firing.row.round, fact.round ?? 0);
  changes.span(firing, {
    firing_no: firing.row.no,
    // what is told after its attempt may be of an earlier round than the newest
    round: fact.round ?? firing.row.round,
    n: fact.n,
    span_id: fact.id,
    start_us: fact.startUs,
    end_us: fact.endUs,
    name: cut(fact.name),
    parent_span: fact.parent ?? null,
    error: text(fact.error),
    attributes: attributesText(fact.attributes),
  });
}

/** A JSON object, of as many of them as fit. */
function attributesText(attributes: SpanFact["attributes"]): string | null {
  const kept: [string, string | number | boolean][] = [];
  let length = 2;
  for (const [name, value] of Object.entries(attributes ?? {})) {
    length += JSON.stringify(name).length + JSON.stringify(value).length + 2;
    if (length > maxTextLength) break;
    kept.push([name, value]);
  }
  return kept.length === 0 ? null : JSON.stringify(Object.fromEntries(kept));
}
