import { durationText } from "./delays-words.ts";

/** A bin of a histogram over a logarithmic scale: values from `fromMs` until below `toMs`. */
export interface Bin {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** What one delay was, and when. */
export interface Dot {
  readonly atUs: number;
  readonly ms: number;
}

const leastMs = 0.001;
const binsPerDecade = 5;

/** Delays differ by powers of ten: five bins for each of them, over the whole range of the values. */
export function histogram(values: readonly number[]): readonly Bin[] {
  const places = values.map((ms) => Math.floor(Math.log10(Math.max(ms, leastMs)) * binsPerDecade + 1e-9));
  const first = places.reduce((least, place) => Math.min(least, place), Number.POSITIVE_INFINITY);
  const last = places.reduce((most, place) => Math.max(most, place), Number.NEGATIVE_INFINITY);
  if (first > last) return [];
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const place of places) counts[place - first] = (counts[place - first] ?? 0) + 1;
  const edge = (place: number): number => 10 ** (place / binsPerDecade);
  return counts.map((count, at) => ({ fromMs: edge(first + at), toMs: edge(first + at + 1), count }));
}

/** The size that a plot is drawn in; the page scales it. */
const histogramSize = { width: 640, height: 220 };
const timePlotSize = { width: 1120, height: 300 };

/** Bars, with the range and the count of each as its tooltip. */
export function histogramSvg(bins: readonly Bin[], label: string): string {
  const { width, height } = histogramSize;
  const area = { left: 44, right: width - 24, top: 10, bottom: height - 28 };
  const most = bins.reduce((high, bin) => Math.max(high, bin.count), 1);
  const barWidth = (area.right - area.left) / Math.max(bins.length, 1);
  const y = (count: number): number => area.bottom - (count / most) * (area.bottom - area.top);
  const gap = Math.min(2, barWidth / 6);
  const bars = bins.map((bin, at) => {
    const top = y(bin.count);
    const x = area.left + at * barWidth + gap / 2;
    const says = `${durationText(bin.fromMs)} – ${durationText(bin.toMs)}: ${bin.count}`;
    const shape = `<rect class="bar" x="${n(x)}" y="${n(top)}" width="${n(barWidth - gap)}" height="${n(area.bottom - top)}" rx="1.5"/>`;
    const hit = `<rect class="hit" x="${n(x)}" y="${area.top}" width="${n(barWidth)}" height="${n(area.bottom - area.top)}"/>`;
    return `<g>${bin.count === 0 ? "" : shape}${hit}<title>${says}</title></g>`;
  });
  const marks = edgeMarks(bins, (at) => area.left + at * barWidth, area.bottom);
  return svg(histogramSize, label, [
    gridLine(area, y(most), String(most)),
    gridLine(area, y(most / 2), String(Math.round(most / 2)), most > 1),
    ...bars,
    `<line class="axis" x1="${area.left}" x2="${area.right}" y1="${area.bottom}" y2="${area.bottom}"/>`,
    ...marks,
  ]);
}

/** At most eight edges get their time written below. */
function edgeMarks(bins: readonly Bin[], x: (at: number) => number, bottom: number): readonly string[] {
  const every = Math.max(1, Math.ceil((bins.length + 1) / 7));
  return [...bins.map((bin) => bin.fromMs), bins.at(-1)?.toMs ?? leastMs].flatMap((ms, at) =>
    at % every === 0
      ? [`<text class="tick" x="${n(x(at))}" y="${bottom + 18}" text-anchor="middle">${durationText(ms)}</text>`]
      : [],
  );
}

const mostDots = 4_000;

/** Each delay over the time it was received, on a logarithmic scale. Of very many, every n-th is drawn. */
export function timePlotSvg(dots: readonly Dot[], label: string): string {
  const { width, height } = timePlotSize;
  const area = { left: 62, right: width - 12, top: 10, bottom: height - 28 };
  const range = rangeOf(dots);
  const x = (us: number): number =>
    area.left + ((us - range.fromUs) / Math.max(range.toUs - range.fromUs, 1)) * (area.right - area.left);
  const spread = Math.max(range.high - range.low, 1);
  const y = (ms: number): number =>
    area.bottom - ((Math.log10(Math.max(ms, leastMs)) - range.low) / spread) * (area.bottom - area.top);
  const step = Math.max(1, Math.ceil(dots.length / mostDots));
  const drawn = dots.filter((_, at) => at % step === 0);
  const shapes = drawn.map(
    ({ atUs, ms }) =>
      `<circle class="dot" cx="${n(x(atUs))}" cy="${n(y(ms))}" r="2.5"><title>${clock(atUs)}: ${durationText(ms)}</title></circle>`,
  );
  const decades: string[] = [];
  for (let power = range.low; power <= range.low + spread; power++)
    decades.push(gridLine(area, y(10 ** power), durationText(10 ** power)));
  const ends = [
    `<text class="tick" x="${area.left}" y="${area.bottom + 18}">${clock(range.fromUs)}</text>`,
    `<text class="tick" x="${area.right}" y="${area.bottom + 18}" text-anchor="end">${clock(range.toUs)}</text>`,
  ];
  return svg(timePlotSize, label, [...decades, ...shapes, ...ends]);
}

function rangeOf(dots: readonly Dot[]) {
  let fromUs = Number.POSITIVE_INFINITY;
  let toUs = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let most = leastMs;
  for (const { atUs, ms } of dots) {
    fromUs = Math.min(fromUs, atUs);
    toUs = Math.max(toUs, atUs);
    least = Math.min(least, Math.max(ms, leastMs));
    most = Math.max(most, ms);
  }
  if (dots.length === 0) return { fromUs: 0, toUs: 1, low: 0, high: 1 };
  return { fromUs, toUs, low: Math.floor(Math.log10(least)), high: Math.ceil(Math.log10(most)) };
}

/** A spell of time, and the delays of what was received in it. */
export interface Spell {
  readonly fromUs: number;
  readonly count: number;
  readonly p50Ms: number;
  readonly maxMs: number;
}

/** The numbers behind the time plot: the range in equal spells. */
export function spells(dots: readonly Dot[], count: number): readonly Spell[] {
  if (dots.length === 0) return [];
  const { fromUs, toUs } = rangeOf(dots);
  const lengthUs = Math.max((toUs - fromUs) / count, 1);
  const found: number[][] = Array.from({ length: count }, () => []);
  for (const { atUs, ms } of dots) found[Math.min(Math.floor((atUs - fromUs) / lengthUs), count - 1)]?.push(ms);
  return found.flatMap((values, at) => {
    if (values.length === 0) return [];
    const sorted = values.sort((a, b) => a - b);
    const p50Ms = sorted[Math.ceil(sorted.length / 2) - 1] ?? 0;
    return [{ fromUs: fromUs + at * lengthUs, count: sorted.length, p50Ms, maxMs: sorted.at(-1) ?? 0 }];
  });
}

interface Area {
  readonly left: number;
  readonly right: number;
}

function gridLine(area: Area, y: number, says: string, shown = true): string {
  if (!shown) return "";
  const line = `<line class="grid" x1="${area.left}" x2="${area.right}" y1="${n(y)}" y2="${n(y)}"/>`;
  return `${line}<text class="tick" x="${area.left - 6}" y="${n(y + 4)}" text-anchor="end">${says}</text>`;
}

function svg({ width, height }: typeof histogramSize, label: string, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${parts.join("")}</svg>`;
}

function clock(us: number): string {
  return new Date(us / 1000).toISOString().slice(0, 19).replace("T", " ");
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
