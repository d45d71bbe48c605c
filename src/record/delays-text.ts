import { stripVTControlCharacters } from "node:util";
import { clockWarnings, durationText, hopWords, timeText } from "./delays-words.ts";
import { hops } from "./queries/hops.ts";
import type { DelaySample, Delays } from "./record.ts";

/** The delays as a table for a terminal; ends with a line break. Control characters in names are taken out. */
export function delaysText(delays: Delays): string {
  if (delays.groups.length === 0) return "No event was recorded in this range.\n";
  const grouped = delays.groups.some(({ by }) => by !== "all");
  const head = [...(grouped ? ["group"] : []), "hop", "count", "p50", "p95", "p99", "max"];
  const rows = delays.groups.map((group, at) => [
    ...(grouped ? [delays.groups[at - 1]?.by === group.by ? "" : plain(group.by)] : []),
    hopWords[group.hop].title,
    String(group.count),
    ...[group.p50Ms, group.p95Ms, group.p99Ms, group.maxMs].map(durationText),
  ]);
  const parts = [table(head, rows, grouped ? 2 : 1)];
  if (delays.slowest.length > 0) parts.push("", "Slowest:", table(slowestHead, delays.slowest.map(slowestRow), 3));
  for (const warning of clockWarnings(delays.aheadOfUs)) parts.push("", `Warning: ${plain(warning)}.`);
  return `${parts.join("\n")}\n`;
}

const slowestHead = ["event", "way", "received", ...hops.map((hop) => hopWords[hop].title)];

function slowestRow(sample: DelaySample): readonly string[] {
  return [
    plain(sample.event),
    plain(wayText(sample)),
    timeText(sample.receivedUs),
    ...hops.map((hop) => (sample.hopsMs[hop] === undefined ? "-" : durationText(sample.hopsMs[hop]))),
  ];
}

/** Source, sensor and trigger of a sample. */
export function wayText({ source, sensor, trigger }: DelaySample): string {
  return sensor === undefined ? source : `${source} → ${sensor}/${trigger ?? ""}`;
}

/** Columns as wide as they need; from `rightFrom` on, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[], rightFrom: number): string {
  const widths = head.map((cell, at) =>
    rows.reduce((most, row) => Math.max(most, (row[at] ?? "").length), cell.length),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at >= rightFrom ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, "�");
}
