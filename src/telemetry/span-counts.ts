import type { Registry } from "prom-client";
import { counter } from "./series.ts";

/** What became of spans on their way to the collector. */
export interface SpanCounts {
  exported(spans: number): void;
  /** `sampled`: nobody wanted them. `collector` (away for too long) and `refused` (by it) are gaps. */
  dropped(reason: "sampled" | "collector" | "refused", spans: number): void;
}

/** The series are there once something is exported: without it they would say that nothing is lost. */
export function spanCounts(registry: Registry): () => SpanCounts {
  let made: SpanCounts | undefined;
  return () => {
    if (made !== undefined) return made;
    const exported = counter({
      registry,
      name: "tidemill_spans_exported_total",
      help: "Spans that the collector took.",
    }).labels({});
    const all = counter({
      registry,
      name: "tidemill_spans_dropped_total",
      help: "Spans that were not exported: not sampled, refused by the collector, or dropped while it was away.",
    });
    const dropped = {
      sampled: all.labels({ reason: "sampled" }),
      collector: all.labels({ reason: "collector" }),
      refused: all.labels({ reason: "refused" }),
    };
    made = {
      exported: (spans) => exported.inc(spans),
      dropped: (reason, spans) => dropped[reason].inc(spans),
    };
    return made;
  };
}
