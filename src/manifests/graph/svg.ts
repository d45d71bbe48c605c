import type { Graph } from "./graph.ts";

/** Sizes in pixels. The font is monospaced, so that the width of a text is known without a browser. */
const font = 12;
const letter = 7.3;
const line = 16;
const pad = 10;
const head = 26;
const gap = 12;
const between = 90;
const margin = 16;
const longest = 40;

interface Box {
  readonly id: string;
  readonly lines: readonly string[];
  readonly title: string;
  readonly look: string;
}

interface Placed extends Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Frame {
  readonly title: string;
  readonly look: string;
  /** Columns of boxes from left to right. */
  readonly columns: readonly (readonly Box[])[];
}

/**
 * Drawn in layers from left to right: events in the frames of their EventSources, then Sensors with their dependencies
 * and triggers. Nothing overlaps: columns are as wide as their widest box, frames stand below each other. The same graph
 * gives the same bytes.
 */
export function svg(graph: Graph): string {
  const left = stack(sourceFrames(graph), margin);
  const right = stack(sensorFrames(graph), left.right + (left.frames.length === 0 ? 0 : between));
  const height = Math.max(left.height, right.height) + margin;
  const shift = (drawn: Stack): number => Math.round((height - margin - drawn.height) / 2);
  const both = [moveDown(left, shift(left)), moveDown(right, shift(right))];
  const boxes = new Map(both.flatMap(({ placed }) => placed.map((box) => [box.id, box] as const)));
  const width = Math.max(left.right, right.right) + margin;
  const rows = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${font}">`,
    "<title>What leads where</title>",
    `<style>${style}</style>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...both.flatMap(({ frames }) => frames.map(frameText)),
    ...edgesOf(graph).flatMap(({ from, to, look }) => edge(boxes.get(from), boxes.get(to), look)),
    ...[...boxes.values()].map(boxText),
    "</svg>",
  ];
  return `${rows.join("\n")}\n`;
}

const style =
  ".frame{fill:#f6f8fa;stroke:#c4ccd4}.missing{fill:#fff;stroke:#b08800;stroke-dasharray:5 4}.head{fill:#57606a}" +
  ".event{fill:#ddf4ff;stroke:#54aeff}.dependency{fill:#fff;stroke:#8c959f}.trigger{fill:#dafbe1;stroke:#4ac26b}.dlq{fill:#ffebe9;stroke:#ff8182}" +
  ".edge{fill:none;stroke:#6e7781;stroke-width:1.3}.dead{fill:none;stroke:#cf222e;stroke-width:1.3;stroke-dasharray:4 3}text{fill:#1f2328}.small{fill:#57606a}";

function sourceFrames({ sources }: Graph): Frame[] {
  return sources.map(({ title, missing, what, events }) => ({
    title: `${what} ${title}`,
    look: missing ? "missing" : "frame",
    columns: [events.map(({ id, name, kind }) => boxOf(id, "event", [name, kind]))],
  }));
}

function sensorFrames({ sensors }: Graph): Frame[] {
  return sensors.map(({ title, dependencies, triggers }) => {
    const dead = triggers.flatMap(({ id, dlq }) =>
      dlq === undefined ? [] : [boxOf(`${id}q`, "dlq", [dlq.name, dlq.kind])],
    );
    const acting = triggers.map(({ id, name, kind, conditions }) =>
      boxOf(id, "trigger", [name, kind, conditions && `if ${conditions}`]),
    );
    const named = dependencies.map(({ id, name, filtered }) =>
      boxOf(id, "dependency", [name, filtered ? "filtered" : undefined]),
    );
    return {
      title: `Sensor ${title}`,
      look: "frame",
      columns: dead.length > 0 ? [named, acting, dead] : [named, acting],
    };
  });
}

function boxOf(id: string, look: string, texts: readonly (string | undefined)[]): Box {
  const lines = texts.filter((text) => text !== undefined).map((text) => text.replaceAll(/\s+/g, " "));
  return { id, look, title: lines.join(": "), lines: lines.map(short) };
}

function short(text: string): string {
  const letters = [...text];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : text;
}

interface Stack {
  readonly frames: readonly (Frame & {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  })[];
  readonly placed: readonly Placed[];
  readonly right: number;
  readonly height: number;
}

/** Frames below each other from `x`; all have the columns of the widest, so that edges run in the same lanes. */
function stack(frames: readonly Frame[], x: number): Stack {
  const count = Math.max(0, ...frames.map(({ columns }) => columns.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(40, ...frames.flatMap(({ columns }) => (columns[at] ?? []).map(widthOf))),
  );
  const starts = widths.map((_, at) => x + pad + widths.slice(0, at).reduce((sum, one) => sum + one + between, 0));
  const inner = widths.reduce((sum, one) => sum + one, 0) + between * Math.max(0, count - 1) + 2 * pad;
  const width = Math.max(inner, ...frames.map(({ title }) => textWidth(short(title)) + 2 * pad));
  // A single column fills its frames, so that edges do not run through them.
  if (count === 1) widths[0] = width - 2 * pad;
  const placed: Placed[] = [];
  const drawn: Stack["frames"][number][] = [];
  let y = margin;
  for (const frame of frames) {
    const heights = frame.columns.map((boxes) => boxes.reduce((sum, box) => sum + heightOf(box) + gap, -gap));
    const body = Math.max(0, ...heights);
    for (const [at, boxes] of frame.columns.entries()) {
      let top = y + head + Math.round((body - (heights[at] ?? 0)) / 2);
      for (const box of boxes) {
        const height = heightOf(box);
        placed.push({ ...box, x: starts[at] ?? x, y: top, width: widths[at] ?? 0, height });
        top += height + gap;
      }
    }
    const height = head + body + pad;
    drawn.push({ ...frame, x, y, width, height });
    y += height + margin;
  }
  return { frames: drawn, placed, right: frames.length === 0 ? x : Math.ceil(x + width), height: y };
}

function moveDown(drawn: Stack, by: number): Stack {
  return {
    ...drawn,
    frames: drawn.frames.map((frame) => ({ ...frame, y: frame.y + by })),
    placed: drawn.placed.map((box) => ({ ...box, y: box.y + by })),
  };
}

/** Wide letters (CJK, emoji) take two places. */
function textWidth(text: string): number {
  let places = 0;
  for (const one of text) places += (one.codePointAt(0) ?? 0) > 0x10ff ? 2 : 1;
  return places * letter;
}

function widthOf({ lines }: Box): number {
  return Math.ceil(Math.max(...lines.map(textWidth)) + 2 * pad);
}

function heightOf({ lines }: Box): number {
  return lines.length * line + pad;
}

function edgesOf({
  edges,
  sensors,
}: Graph): readonly { readonly from: string; readonly to: string; readonly look: string }[] {
  const dead = sensors.flatMap(({ triggers }) =>
    triggers.flatMap(({ id, dlq }) => (dlq === undefined ? [] : [{ from: id, to: `${id}q`, look: "dead" }])),
  );
  return [...edges.map((one) => ({ ...one, look: "edge" })), ...dead];
}

function edge(from: Placed | undefined, to: Placed | undefined, look: string): string[] {
  if (from === undefined || to === undefined) return [];
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  // what a trigger puts leads back to the left, around the boxes on its way
  const bend = x2 > x1 ? Math.round((x2 - x1) / 2) : margin;
  const arrow = `M${x2 - 7} ${y2 - 4}L${x2} ${y2}L${x2 - 7} ${y2 + 4}`;
  return [`<path class="${look}" d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}${arrow}"/>`];
}

function frameText({ title, look, x, y, width, height }: Stack["frames"][number]): string {
  const frame = `<rect class="${look}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`;
  return `${frame}<text class="head" x="${x + pad}" y="${y + 17}">${escaped(short(title))}</text>`;
}

function boxText({ title, look, lines, x, y, width, height }: Placed): string {
  const texts = lines.map((text, at) => {
    const small = at === 0 ? "" : ' class="small"';
    return `<text${small} x="${x + pad}" y="${y + pad / 2 + 12 + at * line}">${escaped(text)}</text>`;
  });
  const shape = `<rect class="${look}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${look === "dependency" ? 12 : 4}"/>`;
  return `<g><title>${escaped(title)}</title>${shape}${texts.join("")}</g>`;
}

/** Also without the control characters that XML does not have. */
function escaped(text: string): string {
  return (
    text
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
  );
}
