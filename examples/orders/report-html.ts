import { type ChannelDelay, delayMs, delaysOf, timeText } from "./delays.ts";
import { type Channel, channels } from "./message.ts";
import type { MessageRow } from "./table.ts";

const colours: Readonly<Record<Channel, string>> = { topic: "#0f766e", queue: "#b45309" };
const width = 840;
const height = 260;
const margin = { left: 56, right: 12, top: 12, bottom: 28 };

/** One page without anything from elsewhere: the table of delays, and each message as a dot over the time it was sent. */
export function delayHtml(rows: readonly MessageRow[]): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Delays of the orders example</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem; color: #1c1917; }
table { border-collapse: collapse; } th, td { padding: .2rem .9rem .2rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } th { border-bottom: 1px solid #a8a29e; }
svg { width: 100%; height: auto; } text { font-size: 12px; fill: #57534e; }
</style>
<h1>Delays</h1>
<p>From sending to insertion, ${rows.length} messages.</p>
${delayRows(delaysOf(rows))}
${chart(rows)}
</html>
`;
}

function delayRows(delays: readonly ChannelDelay[]): string {
  const body = delays.map(({ channel, count, p50Ms, p95Ms, p99Ms, maxMs }) => {
    const cells = [p50Ms, p95Ms, p99Ms, maxMs].map((ms) => `<td>${ms.toFixed(1)}</td>`).join("");
    return `<tr><td><span style="color:${colours[channel]}">●</span> ${channel}</td><td>${count}</td>${cells}</tr>`;
  });
  return `<table>
<tr><th>channel</th><th>messages</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>max ms</th></tr>
${body.join("\n")}
</table>`;
}

function chart(rows: readonly MessageRow[]): string {
  if (rows.length === 0) return "";
  const first = rows.reduce((least, { sentUs }) => Math.min(least, sentUs), Number.POSITIVE_INFINITY);
  const last = rows.reduce((most, { sentUs }) => Math.max(most, sentUs), 0);
  const mostMs = roundUp(rows.reduce((most, row) => Math.max(most, delayMs(row)), 1));
  const innerWidth = width - margin.left - margin.right;
  const innerHeight = height - margin.top - margin.bottom;
  const x = (us: number): number => margin.left + ((us - first) / Math.max(1, last - first)) * innerWidth;
  const y = (ms: number): number => margin.top + (1 - Math.max(0, ms) / mostMs) * innerHeight;
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(share * mostMs).toFixed(1);
    const label = `<text x="${margin.left - 6}" y="${at}" dy="4" text-anchor="end">${share * mostMs} ms</text>`;
    return `<path d="M${margin.left} ${at}H${width - margin.right}" stroke="#e7e5e4"/>${label}`;
  });
  const dots = channels.flatMap((channel) =>
    rows
      .filter((row) => row.channel === channel)
      .map((row) => {
        const title = escapeHtml(`${row.author} ${row.id}: ${delayMs(row).toFixed(1)} ms`);
        const place = `cx="${x(row.sentUs).toFixed(1)}" cy="${y(delayMs(row)).toFixed(1)}"`;
        return `<circle ${place} r="3" fill="${colours[channel]}" fill-opacity=".7"><title>${title}</title></circle>`;
      }),
  );
  const times = [
    `<text x="${margin.left}" y="${height - 8}">${timeText(first).slice(11, 19)}</text>`,
    `<text x="${width - margin.right}" y="${height - 8}" text-anchor="end">${timeText(last).slice(11, 19)} UTC</text>`,
  ];
  return `<h2>Delay over the time of sending</h2>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Delay of each message over the time it was sent">
${[...lines, ...times, ...dots].join("\n")}
</svg>`;
}

/** The next of 1, 2, 4, 10, 20, 40, 100, ...: quarters of these are short to write. */
function roundUp(ms: number): number {
  const power = 10 ** Math.floor(Math.log10(ms));
  return [1, 2, 4, 10].map((step) => step * power).find((step) => step >= ms) ?? ms;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => entities[c] ?? c);
}
