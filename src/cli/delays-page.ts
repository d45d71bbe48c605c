import { sayDuration } from "../lib/duration.ts";
import { clockWarnings } from "../record/delays-words.ts";
import type { DelaySample, Delays, Hop } from "../record/record.ts";

const width = 900;
const height = 260;
const left = 64;
const bottom = 28;
const top = 12;

/**
 * One page that needs nothing else: the table of hops, a histogram of the total delay, and each delay over time, both on a
 * logarithmic scale. Pure; everything from events is escaped.
 */
export function delaysPage(delays: Delays, samples: readonly DelaySample[]): string {
  const points = samples.flatMap((sample) => {
    const total = sample.hopsMs.total;
    return total === undefined ? [] : [{ ...sample, totalMs: Math.max(total, minMs) }];
  });
  const body = [
    "<h1>Delays</h1>",
    groupTable(delays),
    points.length === 0 ? "<p>No event has gone all the way yet.</p>" : histogram(points.map(({ totalMs }) => totalMs)),
    points.length === 0 ? "" : timePlot(points),
    slowestTable(delays),
    ahead(delays),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>tidemill delays</title><style>${css}</style></head>
<body>${body.join("\n")}</body></html>
`;
}

const css = `
:root{color-scheme:light dark;--line:#8886;--mark:#2a7fb8}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:${width}px;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--line)}
th:nth-child(-n+2),td:nth-child(-n+2){text-align:left}svg{width:100%;height:auto}svg text{font-size:11px;fill:currentColor}
svg line{stroke:var(--line)}rect,circle{fill:var(--mark)}circle{opacity:.5}h2{font-size:1.05rem}
@media(prefers-color-scheme:dark){:root{--mark:#6db8e8}}`;

const hops: Readonly<Record<Hop, string>> = {
  "sent-received": "sent → received",
  "received-stored": "received → stored",
  "stored-fired": "stored → fired",
  "fired-done": "fired → done",
  total: "total",
};

function groupTable({ groups }: Delays): string {
  const head = ["by", "hop", "count", "p50", "p95", "p99", "max"];
  const rows = groups.map((one) => [
    one.by,
    hops[one.hop],
    String(one.count),
    ...[one.p50Ms, one.p95Ms, one.p99Ms, one.maxMs].map(sayDuration),
  ]);
  return htmlTable(head, rows);
}

function slowestTable({ slowest }: Delays): string {
  if (slowest.length === 0) return "";
  const rows = slowest.map(({ event, source, sensor, trigger, hopsMs }) => [
    event,
    source,
    [sensor, trigger].filter(Boolean).join("/"),
    hopsMs.total === undefined ? "" : sayDuration(hopsMs.total),
  ]);
  return `<h2>The slowest</h2>${htmlTable(["event", "source", "trigger", "total"], rows)}`;
}

function ahead({ aheadOfUs }: Delays): string {
  const say = clockWarnings(aheadOfUs).map((warning) => `<li>${escaped(warning)}</li>`);
  return say.length === 0 ? "" : `<h2>Clocks that are ahead of ours</h2><ul>${say.join("")}</ul>`;
}

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${row(head, "th")}${rows.map((cells) => row(cells, "td")).join("")}</table>`;
}

/** What is shorter is drawn here: a logarithm has no zero. */
const minMs = 0.01;
const bins = 48;

interface Scale {
  readonly from: number;
  readonly to: number;
  at(ms: number): number;
}

function logScale(values: readonly number[]): Scale {
  let least = Number.POSITIVE_INFINITY;
  let most = minMs;
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const from = Math.floor(Math.log10(least));
  const to = Math.max(from + 1, Math.ceil(Math.log10(most)));
  return { from, to, at: (ms) => (Math.log10(ms) - from) / (to - from) };
}

function histogram(values: readonly number[]): string {
  const scale = logScale(values);
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.floor(scale.at(value) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  const barWidth = (width - left) / bins;
  const bars = counts.map((count, bin) => {
    const high = ((height - top - bottom) * count) / most;
    const x = left + bin * barWidth;
    return count === 0
      ? ""
      : `<rect x="${x.toFixed(1)}" y="${(height - bottom - high).toFixed(1)}" width="${(barWidth - 1).toFixed(1)}" height="${high.toFixed(1)}"><title>${count}</title></rect>`;
  });
  const ticks = decades(scale).map((power) => {
    const x = left + scale.at(10 ** power) * (width - left);
    return `<line x1="${x}" x2="${x}" y1="${top}" y2="${height - bottom}"/><text x="${x}" y="${height - 8}" text-anchor="middle">${sayDuration(10 ** power)}</text>`;
  });
  return figure("Total delay, how many", `${ticks.join("")}${bars.join("")}<text x="4" y="${top + 10}">${most}</text>`);
}

function timePlot(points: readonly (DelaySample & { readonly totalMs: number })[]): string {
  const scale = logScale(points.map(({ totalMs }) => totalMs));
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { receivedUs } of points) {
    first = Math.min(first, receivedUs);
    last = Math.max(last, receivedUs);
  }
  const high = height - top - bottom;
  const yOf = (ms: number): number => height - bottom - scale.at(ms) * high;
  const dots = points.map(({ event, receivedUs, totalMs }) => {
    const x = left + 6 + ((receivedUs - first) / Math.max(1, last - first)) * (width - left - 12);
    return `<circle cx="${x.toFixed(1)}" cy="${yOf(totalMs).toFixed(1)}" r="2"><title>${escaped(event)} ${sayDuration(totalMs)}</title></circle>`;
  });
  const ticks = decades(scale).map((power) => {
    const y = yOf(10 ** power);
    return `<line x1="${left}" x2="${width}" y1="${y}" y2="${y}"/><text x="${left - 6}" y="${y + 4}" text-anchor="end">${sayDuration(10 ** power)}</text>`;
  });
  const ends = [first, last].map(
    (us, at) =>
      `<text x="${at === 0 ? left : width}" y="${height - 8}" text-anchor="${at === 0 ? "start" : "end"}">${new Date(us / 1000).toISOString().slice(0, 19)}Z</text>`,
  );
  return figure("Total delay by the time of arrival", `${ticks.join("")}${dots.join("")}${ends.join("")}`);
}

function decades({ from, to }: Scale): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function figure(title: string, content: string): string {
  return `<h2>${title}</h2><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${content}</svg>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
