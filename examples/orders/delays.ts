import { type Channel, channels } from "./message.ts";
import type { MessageRow } from "./table.ts";

/** The delay from sending to insertion, of all messages of one channel. Milliseconds. */
export interface ChannelDelay {
  readonly channel: Channel;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export function delayMs({ sentUs, insertedUs }: Pick<MessageRow, "sentUs" | "insertedUs">): number {
  return (insertedUs - sentUs) / 1000;
}

/** One row per channel that has messages. */
export function delaysOf(rows: readonly MessageRow[]): readonly ChannelDelay[] {
  return channels.flatMap((channel) => {
    const delays = rows.filter((row) => row.channel === channel).map(delayMs);
    if (delays.length === 0) return [];
    delays.sort((a, b) => a - b);
    const at = (share: number): number => delays[Math.max(0, Math.ceil(share * delays.length) - 1)] ?? 0;
    return [{ channel, count: delays.length, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) }];
  });
}

const ways: Readonly<Record<Channel, string>> = {
  topic: "topic → service",
  queue: "queue → Job",
};

/** The delays as a table for a terminal. */
export function delayTable(delays: readonly ChannelDelay[]): string {
  const head = ["channel", "messages", "p50 ms", "p95 ms", "p99 ms", "max ms"];
  const body = delays.map(({ channel, count, p50Ms, p95Ms, p99Ms, maxMs }) => [
    ways[channel],
    String(count),
    ...[p50Ms, p95Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1)),
  ]);
  return tableText([head, ...body]);
}

/** Columns: the first to the left, all others to the right. */
function tableText(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const cells = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return rows.map((row) => `${cells(row).trimEnd()}\n`).join("");
}

/** Every message as a line of CSV (RFC 4180). */
export function delayCsv(rows: readonly MessageRow[]): string {
  const head = "author,id,channel,sent,inserted,delay_ms";
  const lines = rows.map((row) =>
    [row.author, row.id, row.channel, timeText(row.sentUs), timeText(row.insertedUs), delayMs(row).toFixed(3)]
      .map(quoted)
      .join(","),
  );
  return `${[head, ...lines].join("\r\n")}\r\n`;
}

function quoted(cell: string): string {
  // a cell that a spreadsheet would run as a formula is made text
  const safe = /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 3339 with microseconds. */
export function timeText(us: number): string {
  const micros = String(us % 1_000_000).padStart(6, "0");
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}.${micros}Z`;
}
