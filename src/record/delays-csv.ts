import type { Delays } from "./record.ts";

/** The groups as CSV (RFC 4180), with a header; milliseconds. */
export function delaysCsv(delays: Delays): string {
  const rows = delays.groups.map(({ by, hop, count, p50Ms, p95Ms, p99Ms, maxMs }) =>
    [cell(by), hop, count, p50Ms, p95Ms, p99Ms, maxMs].join(","),
  );
  return `${["by,hop,count,p50Ms,p95Ms,p99Ms,maxMs", ...rows].join("\r\n")}\r\n`;
}

function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
