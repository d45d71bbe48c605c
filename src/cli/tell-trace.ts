import { sayDuration } from "../lib/duration.ts";
import type { AnsweredSpan, TraceAnswer } from "../runtime/trace-answer.ts";
import { clip } from "./clauses.ts";
import { type Io, printable } from "./io.ts";

export interface Drawing {
  readonly io: Pick<Io, "paint">;
  /** Columns of the whole. */
  readonly width: number;
}

/** The terminal's columns; where there is no terminal, as many as fit into a page. */
export function widthOf(io: Pick<Io, "env">, columns: number | undefined = process.stdout.columns): number {
  const asked = Number(io.env.COLUMNS);
  const width = Number.isInteger(asked) && asked > 0 ? asked : (columns ?? 100);
  return Math.min(Math.max(width, 60), 200);
}

/** A waterfall: one line a span, nested, with a bar from its start to its end on the scale of the whole trace. */
export function tellTrace(answer: TraceAnswer, drawing: Drawing): string {
  const { io } = drawing;
  const spans = answer.spans.map(timed);
  const startUs = Math.min(...spans.map((span) => span.startUs));
  const endUs = Math.max(...spans.map((span) => span.endUs));
  const took = spans.length === 0 ? "" : `, ${sayDuration((endUs - startUs) / 1000)}`;
  const lines = [
    `trace ${io.paint("bold", answer.traceId)}  ${counted(answer.events.length, "event")}, ${counted(spans.length, "span")}${took}`,
    ...answer.events.slice(0, mostNamed).map(({ id, namespace, source, subject, receivedAt }) => {
      return `  event ${printable(id)}  ${printable(`${namespace}/${source}/${subject}`)}  ${receivedAt}`;
    }),
    ...(answer.events.length > mostNamed ? [`  and ${counted(answer.events.length - mostNamed, "more event")}`] : []),
    ...(spans.length === 0 ? [] : ["", ...waterfall(spans, { ...drawing, startUs, endUs })]),
    ...(answer.notes.length === 0 ? [] : ["", ...answer.notes.map((note) => `  note: ${clip(note)}`)]),
  ];
  return `${lines.join("\n")}\n`;
}

const mostNamed = 10;
/** What is shorter than this is in the JSON alone: a line for each would hide the others. */
const shortestWaitUs = 1_000;

interface Timed extends AnsweredSpan {
  readonly startUs: number;
  readonly endUs: number;
}

interface Row {
  readonly span: Timed;
  readonly depth: number;
}

function timed(span: AnsweredSpan): Timed {
  return { ...span, startUs: microsOf(span.startedAt), endUs: microsOf(span.endedAt) };
}

/** Microseconds of a time of an answer; `Date` alone would drop those below the millisecond. */
function microsOf(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));
}

/**
 * Depth first, children by their start: so are the rounds of a dead letter that was tried again. Should an id come twice, as
 * one may that others made, a child hangs below the last of its name that had begun. A span whose parent is not there is a
 * root, and so is one of those that name each other as their parents: functions of users tell of spans, too.
 */
function rowsOf(spans: readonly Timed[]): readonly Row[] {
  const shown = spans.filter(isTold);
  const byId = Map.groupBy(shown, ({ spanId }) => spanId);
  const children = new Map<Timed, Timed[]>();
  const roots: Timed[] = [];
  for (const span of shown) {
    const named = span.parentId === undefined ? [] : (byId.get(span.parentId) ?? []);
    const parent = named.findLast(({ startUs }) => startUs <= span.startUs) ?? named[0];
    if (parent === undefined || parent === span) roots.push(span);
    else children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: Row[] = [];
  const seen = new Set<Timed>();
  const walk = (root: Timed): void => {
    const open: Row[] = [{ span: root, depth: 0 }];
    for (let row = open.pop(); row !== undefined; row = open.pop()) {
      if (seen.has(row.span)) continue;
      seen.add(row.span);
      rows.push(row);
      const { depth } = row;
      for (const span of (children.get(row.span) ?? []).toReversed()) open.push({ span, depth: depth + 1 });
    }
  };
  for (const root of roots) walk(root);
  for (const span of shown) if (!seen.has(span)) walk(span);
  return rows;
}

/** Short waits and the last word of what went well say nothing more. */
function isTold({ name, attributes, startUs, endUs, running, error }: Timed): boolean {
  if (running === true || error !== undefined) return true;
  if (attributes["messaging.operation.name"] === "settle") return attributes["tidemill.state"] !== "done";
  return !name.startsWith("wait ") || endUs - startUs >= shortestWaitUs;
}

function waterfall(
  spans: readonly Timed[],
  { io, width, startUs, endUs }: Drawing & { readonly startUs: number; readonly endUs: number },
): readonly string[] {
  const rows = rowsOf(spans).map(({ span, depth }) => ({ span, depth, label: labelOf(span) }));
  const { nameWidth, indentOf } = layoutOf(rows, width);
  const barWidth = Math.max(width - nameWidth - tookWidth - 3, 10);
  const scale = { startUs, endUs: Math.max(endUs, startUs + 1), columns: barWidth };
  const lines = rows.flatMap(({ span, depth, label }) => {
    const failed = span.error !== undefined;
    const paint = (text: string): string =>
      failed ? io.paint("red", text) : isWait(span) ? io.paint("dim", text) : text;
    const took = (span.running === true ? `${tookOf(span)}…` : tookOf(span)).padStart(tookWidth);
    const indent = indentOf(depth);
    const named = fitted(`${indent}${shortened(label, nameWidth - indent.length)}`, nameWidth);
    const line = `${paint(named)} ${took}  ${paint(barOf(span, scale))}`.trimEnd();
    if (span.error === undefined) return [line];
    const below = " ".repeat(indent.length + 2);
    return [line, io.paint("red", fitted(`${below}✗ ${errorOf(span)}`, width).trimEnd())];
  });
  const end = sayDuration((endUs - startUs) / 1000);
  const head = `${" ".repeat(nameWidth + tookWidth + 3)}0${end.padStart(barWidth - 1)}`;
  return [io.paint("dim", head), ...lines];
}

/** Columns that are left for a name, however deep it is. */
const leastName = 28;

/**
 * How wide the names are, and how far each depth is indented: by two columns a level, by one where a deep tree would leave too
 * little for the names. What is deeper than that stands at the last indent, and says by how many levels it is deeper.
 */
function layoutOf(
  rows: readonly { readonly depth: number; readonly label: string }[],
  width: number,
): { readonly nameWidth: number; readonly indentOf: (depth: number) => string } {
  const widest = (step: number): number => Math.max(...rows.map(({ depth, label }) => depth * step + label.length));
  const deepest = Math.max(...rows.map(({ depth }) => depth));
  const half = Math.floor(width * 0.5);
  if (widest(2) <= half || deepest * 2 + leastName <= half)
    return { nameWidth: Math.min(widest(2), half), indentOf: (depth) => "  ".repeat(depth) };
  // bars give way to names here: with less than a third of the width they still show what is long
  const most = Math.floor(width * (deepest + leastName <= half ? 0.5 : 0.6));
  const last = most - leastName;
  const indentOf = (depth: number): string => (depth <= last ? " ".repeat(depth) : `+${depth - last} `.padStart(last));
  return { nameWidth: Math.min(widest(1), most), indentOf };
}

/** A name that has too little room, cut before what tells it apart: the trigger that it went to. */
function shortened(label: string, room: number): string {
  const arrow = label.indexOf(" → ");
  if (label.length <= room || arrow < 0) return label;
  const [name, rest] = [label.slice(0, arrow), label.slice(arrow)];
  return `${fitted(name, Math.min(name.length, Math.max(room - rest.length, Math.floor(room / 3))))}${rest}`;
}

const tookWidth = 10;

function tookOf({ startUs, endUs }: Timed): string {
  return startUs === endUs ? "" : sayDuration((endUs - startUs) / 1000);
}

function isWait({ name }: Timed): boolean {
  return name.startsWith("wait ") || name.startsWith("queue ");
}

/** `│` a moment, `░` time spent waiting, `█` anything else, `▸` what still runs. Whatever is there has one column at least. */
export function barOf(
  span: Pick<Timed, "name" | "startUs" | "endUs" | "running">,
  { startUs, endUs, columns }: { readonly startUs: number; readonly endUs: number; readonly columns: number },
): string {
  const at = (us: number): number => ((us - startUs) / (endUs - startUs)) * columns;
  const from = Math.min(Math.floor(at(span.startUs)), columns - 1);
  const to = Math.min(Math.max(Math.ceil(at(span.endUs)), from + 1), columns);
  const moment = span.startUs === span.endUs;
  const wait = span.name.startsWith("wait ") || span.name.startsWith("queue ");
  const bar = (moment ? "│" : wait ? "░" : "█").repeat(moment ? 1 : to - from);
  return " ".repeat(from) + (span.running === true ? `${bar.slice(0, -1)}▸` : bar);
}

/** What it is, and the few attributes that a person tells it apart by. */
function labelOf({ name, attributes, running }: Timed): string {
  const said = (key: string): string | undefined => {
    const value = attributes[key];
    return value === undefined ? undefined : String(value);
  };
  const decision = said("tidemill.decision");
  const attempt = attributes["messaging.operation.name"] === undefined ? said("tidemill.attempt") : undefined;
  // a part has its attempt's, which it stands below
  const round = said("tidemill.trigger") === undefined ? undefined : said("tidemill.round");
  const trigger = decision === undefined ? undefined : said("tidemill.trigger");
  const details = [
    ...(trigger === undefined ? [] : [`→ ${trigger}`]),
    ...(decision === undefined || decision === "fired" ? [] : [decision]),
    said("tidemill.receipt"),
    ...(round === undefined ? [] : [`round ${round}`]),
    ...(attempt === undefined || attempt === "1" ? [] : [`#${attempt}`]),
    said("http.response.status_code") ?? said("tidemill.status"),
    ...(running === true ? ["(running)"] : []),
  ];
  return printable([name, ...details].filter(Boolean).join(" "));
}

function errorOf({ error = "", attributes }: Timed): string {
  const code = attributes["error.type"];
  const known = typeof code === "string" && /^TM\d+$/.test(code) ? `${code} ` : "";
  return `${known}${clip(error)}`;
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
