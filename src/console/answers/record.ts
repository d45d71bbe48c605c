import { z } from "zod";
import type { Cell } from "../../record/query/answer.ts";
import type { Audit } from "../../record/record.ts";
import { count } from "./shared.ts";

export const audit: z.ZodType<Audit> = z.strictObject({
  receipts: z.strictObject({ stored: count, duplicate: count, filtered: count, refused: count }),
  decisions: z.strictObject({
    fired: count,
    filtered: count,
    waiting: count,
    superseded: count,
    reset: count,
    expired: count,
    unmatched: count,
    undecided: count,
  }),
  firings: z.strictObject({ pending: count, running: count, done: count, dead: count, dropped: count }),
  missing: z
    .array(z.strictObject({ id: z.string(), what: z.string() }))
    .meta({ description: "What does not fit into a sum; empty when all adds up." }),
});

const hops = ["sent-received", "received-stored", "stored-fired", "fired-done", "total"] as const;
const ms = z.number();

const sample = z.strictObject({
  event: z.string(),
  source: z.string(),
  sensor: z.string().optional(),
  trigger: z.string().optional(),
  receivedUs: z.number().int(),
  hopsMs: z.partialRecord(z.enum(hops), ms),
});

export const delays = z.strictObject({
  groups: z.array(
    z.strictObject({
      by: z.string().meta({ description: "The source, sensor or trigger; `all` without --by." }),
      hop: z.enum(hops),
      count,
      p50Ms: ms,
      p95Ms: ms,
      p99Ms: ms,
      maxMs: ms,
    }),
  ),
  slowest: z.array(sample),
  aheadOfUs: z.array(z.strictObject({ source: z.string(), count, corrected: count, mostMs: ms })).meta({
    description: "Senders whose clock is ahead; the times of sending of `corrected` events are corrected by as much.",
  }),
});

/** What `tidemill query` writes. */
export interface QueryJson {
  readonly columns: readonly string[];
  readonly items: readonly Readonly<Record<string, Cell>>[];
  readonly truncated: boolean;
}

/** What `tidemill query --list` writes. */
export interface QueryListJson {
  readonly items: readonly { readonly name: string; readonly summary: string; readonly sql: string }[];
}

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const query: z.ZodType<QueryJson> = z.strictObject({
  columns: z.array(z.string()).meta({ description: "In their order; a name that comes again ends in _2." }),
  items: z.array(z.record(z.string(), cell)),
  truncated: z.boolean().meta({ description: "There are more rows than --limit." }),
});

export const queryList: z.ZodType<QueryListJson> = z.strictObject({
  items: z.array(z.strictObject({ name: z.string(), summary: z.string(), sql: z.string() })),
});
