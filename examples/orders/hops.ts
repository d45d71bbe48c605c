import type { Delays } from "../../src/record/record.ts";
import { tableText } from "./delays.ts";

/** tidemill's own delays as a table for a terminal. */
export function hopTable({ groups }: Delays): string {
  const head = ["source", "hop", "events", "p50 ms", "p95 ms", "p99 ms", "max ms"];
  const body = groups.map(({ by, hop, count, p50Ms, p95Ms, p99Ms, maxMs }) => [
    by,
    hop,
    String(count),
    ...[p50Ms, p95Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1)),
  ]);
  return tableText([head, ...body]);
}
