import { type Dot, histogram, histogramSvg, spells, timePlotSvg } from "./delays-plots.ts";
import { wayText } from "./delays-text.ts";
import { clockWarnings, durationText, hopWords, timeText } from "./delays-words.ts";
import { hops } from "./queries/hops.ts";
import type { DelayGroup, DelaySample, Delays, Hop } from "./record.ts";

/**
 * One page that needs nothing else (no network, no script): the table of delays, a histogram per hop, the total over time,
 * the slowest. Every plot has its numbers as a table below it. All text from outside is escaped.
 */
export function delaysPage(delays: Delays, samples: readonly DelaySample[]): string {
  const plotted = hops.filter((hop) => samples.some((sample) => sample.hopsMs[hop] !== undefined));
  const body = [
    `<header><h1>Delays</h1><p>${summary(delays, samples)}</p></header>`,
    ...clockWarnings(delays.aheadOfUs).map((warning) => `<p class="warning">${escaped(capital(warning))}.</p>`),
    section("Each hop", groupsTable(delays.groups)),
    plotted.length === 0
      ? ""
      : section("How often", `<div class="plots">${plotted.map((hop) => hopPlot(hop, samples)).join("")}</div>`),
    timeSection(samples),
    delays.slowest.length === 0 ? "" : section("The slowest", slowestTable(delays.slowest)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>tidemill delays</title>
<style>${style}</style>
</head>
<body>
${body.filter((part) => part !== "").join("\n")}
</body>
</html>
`;
}

function summary(delays: Delays, samples: readonly DelaySample[]): string {
  const times = samples.map((sample) => sample.receivedUs);
  const first = times.reduce((least, us) => Math.min(least, us), Number.POSITIVE_INFINITY);
  const last = times.reduce((most, us) => Math.max(most, us), Number.NEGATIVE_INFINITY);
  if (delays.groups.length === 0) return "No event was recorded in this range.";
  const range =
    times.length === 0
      ? ""
      : ` The plots show ${times.length} ways of events, received ${timeText(first)} to ${timeText(last)}.`;
  return `From the sender to the target, hop by hop; times are UTC.${range}`;
}

function section(title: string, content: string): string {
  return `<section><h2>${title}</h2>${content}</section>`;
}

function groupsTable(groups: readonly DelayGroup[]): string {
  const grouped = groups.some(({ by }) => by !== "all");
  const head = [...(grouped ? ["group"] : []), "hop", "", "count", "p50", "p95", "p99", "max"];
  const rows = groups.map((group, at) => [
    ...(grouped ? [groups[at - 1]?.by === group.by ? "" : escaped(group.by)] : []),
    `<b>${hopWords[group.hop].title}</b>`,
    `<span class="says">${hopWords[group.hop].says}</span>`,
    String(group.count),
    ...[group.p50Ms, group.p95Ms, group.p99Ms, group.maxMs].map(durationText),
  ]);
  return table(head, rows, grouped ? 3 : 2);
}

function hopPlot(hop: Hop, samples: readonly DelaySample[]): string {
  const values = samples.flatMap(({ hopsMs }) => hopsMs[hop] ?? []);
  const bins = histogram(values);
  const { title, says } = hopWords[hop];
  const rows = bins.map((bin) => [durationText(bin.fromMs), durationText(bin.toMs), String(bin.count)]);
  return `<figure><figcaption><b>${title}</b> <span class="says">${says}</span></figcaption>
${histogramSvg(bins, `Histogram of ${title}`)}${numbers(table(["from", "until", "count"], rows, 0))}</figure>`;
}

const spellCount = 24;

function timeSection(samples: readonly DelaySample[]): string {
  const dots = samples.flatMap(({ receivedUs, hopsMs }): Dot[] =>
    hopsMs.total === undefined ? [] : [{ atUs: receivedUs, ms: hopsMs.total }],
  );
  if (dots.length === 0) return "";
  const rows = spells(dots, spellCount).map(({ fromUs, count, p50Ms, maxMs }) => [
    timeText(fromUs),
    String(count),
    durationText(p50Ms),
    durationText(maxMs),
  ]);
  const plot = timePlotSvg(dots, "Total delay over the time of receipt");
  const twin = numbers(table(["received from", "count", "p50", "max"], rows, 1));
  return section(
    "Over time",
    `<figure class="wide"><figcaption><b>total</b> <span class="says">each event by the time it was received</span></figcaption>${plot}${twin}</figure>`,
  );
}

/** The total first: it is what the rows are ordered by, and a narrow window cuts the last columns. */
function slowestTable(slowest: readonly DelaySample[]): string {
  const shown = ["total", ...hops.filter((hop) => hop !== "total")] as const;
  const rows = slowest.map((sample) => [
    `<code>${escaped(sample.event)}</code>`,
    escaped(wayText(sample)),
    ...shown.map((hop) => (sample.hopsMs[hop] === undefined ? "–" : durationText(sample.hopsMs[hop]))),
    timeText(sample.receivedUs),
  ]);
  return table(["event", "way", ...shown.map((hop) => hopWords[hop].title), "received"], rows, 2);
}

function numbers(content: string): string {
  return `<details><summary>numbers</summary>${content}</details>`;
}

/** Cells are HTML; from `rightFrom` on they are numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], rightFrom: number): string {
  const cells = (tag: "th" | "td", row: readonly string[]): string =>
    row.map((cell, at) => `<${tag}${at >= rightFrom ? ' class="number"' : ""}>${cell}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
  return `<div class="scroll"><table><thead><tr>${cells("th", head)}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** For element content and quoted attributes. Control characters are shown as a replacement, a browser would drop some. */
function escaped(text: string): string {
  return text.replace(/[&<>"']|\p{Cc}|\p{Cs}/gu, (found) => entities[found] ?? "�");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const style = `
:root { color-scheme: light dark; --page: #f7f8fa; --card: #fff; --text: #1c2330; --soft: #5b6577; --line: #dfe3ea; --mark: #2563c9; --warn: #8a5a00; --warn-page: #fff4dc; }
@media (prefers-color-scheme: dark) { :root { --page: #12151b; --card: #1a1f28; --text: #e6e9ef; --soft: #9aa4b5; --line: #303846; --mark: #6fa4ff; --warn: #f0c674; --warn-page: #332a17; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 28px 20px 48px; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; } h2 { margin: 32px 0 10px; font-size: 17px; }
header p { margin: 4px 0 0; color: var(--soft); }
.warning { margin: 16px 0 0; padding: 10px 14px; border-radius: 8px; background: var(--warn-page); color: var(--warn); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: left; white-space: nowrap; } th { color: var(--soft); font-weight: 500; font-size: 13px; }
tbody tr { border-top: 1px solid var(--line); } .number { text-align: right; }
.says { color: var(--soft); font-size: 13px; } code { font-size: 13px; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
figure .scroll { margin-top: 8px; max-height: 320px; overflow: auto; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
.bar { fill: var(--mark); } .hit { fill: transparent; } g:hover > .hit { fill: var(--mark); fill-opacity: .12; }
.dot { fill: var(--mark); fill-opacity: .55; } .dot:hover { fill-opacity: 1; stroke: var(--text); }
.axis { stroke: var(--soft); } .grid { stroke: var(--line); } .tick { fill: var(--soft); font-size: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
@media print { .scroll, figure { break-inside: avoid; } }
`;
