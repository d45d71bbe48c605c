import type { LoadReport, Percentiles, RecordedTally, Tally } from "../load/join.ts";
import type { Counts } from "../load/send.ts";
import { type Io, printable, table } from "./io.ts";

const everyMs = { tty: 200, lines: 10_000 } as const;

/** What goes on, on standard error: a line that changes on a terminal, one every ten seconds elsewhere. */
export class LoadLine implements Disposable {
  readonly #io: Io;
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  #counts: Readonly<Counts> | undefined;
  #missing: number | undefined;
  #last = { sent: 0, atMs: performance.now() };
  #shown = false;

  constructor(io: Io) {
    this.#io = io;
    this.#timer = setInterval(() => this.#show(), io.errTty ? everyMs.tty : everyMs.lines);
  }

  counts(counts: Readonly<Counts>): void {
    this.#counts = counts;
  }

  settling(missing: number): void {
    this.#missing = missing;
  }

  clear(): void {
    if (this.#shown && this.#io.errTty) this.#io.err("\r\u001b[K");
    this.#shown = false;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #show(): void {
    const text = this.#missing === undefined ? this.#sending() : `waiting for the record of ${this.#missing} messages`;
    this.#io.err(this.#io.errTty ? `\r${text}\u001b[K` : `${text}\n`);
    this.#shown = true;
  }

  #sending(): string {
    const { sent = 0, failed = 0, refused = 0, malformed = 0, inFlight = 0 } = this.#counts ?? {};
    const nowMs = performance.now();
    const rate = (sent - this.#last.sent) / Math.max((nowMs - this.#last.atMs) / 1_000, 0.001);
    if (nowMs - this.#last.atMs > 1_000) this.#last = { sent, atMs: nowMs };
    const seconds = Math.round((nowMs - this.#startMs) / 1_000);
    const bad = `${failed} failed, ${refused} refused, ${malformed} malformed`;
    return `${seconds}s  ${sent} sent, ${bad}, ${inFlight} in flight, ${rate.toFixed(1)}/s`;
  }
}

/** The report for people. */
export function tellLoad(report: LoadReport): string {
  const { valid, malformed, answerMs, delayMs, reasons, lost } = report;
  const joined = valid.recorded !== undefined;
  const head = ["", "SENT", "TAKEN", "REFUSED", "FAILED"];
  const more = joined ? ["STORED", "FILTERED", "RECORDED AS REFUSED", "LOST", "TWICE"] : [];
  const kinds = malformed.kinds.map((one) => row(`  ${one.kind}`, one));
  const rows = [
    [...head, ...more],
    row("valid", valid),
    ...(malformed.sent > 0 ? [row("malformed", malformed)] : []),
    ...kinds,
  ];
  const behind = report.behindMs >= 100 ? `, up to ${report.behindMs} ms behind` : "";
  const text = [
    `load ${report.load} to ${report.target}, seed ${report.seed}\n`,
    `${valid.sent + malformed.sent} messages in ${report.seconds} s, ${report.perSecond}/s, ${report.bytes} bytes${behind}\n\n`,
    table(rows),
    "\n",
    table([
      ["", "N", "P50", "P95", "P99", "MAX"],
      times("sent to answered", answerMs),
      ...(delayMs === undefined ? [] : [times("sent to stored", delayMs)]),
    ]),
    ...(reasons.length === 0 ? [] : ["\n", ...reasons.map(({ reason, count }) => `${count} × ${printable(reason)}\n`)]),
    ...(lost.length === 0
      ? []
      : ["\nlost, among them:\n", ...lost.map(({ seq, traceId }) => `  ${seq}  trace ${traceId}\n`)]),
    `\n${conclusion(report)}\n`,
  ];
  return text.join("");
}

function row(name: string, tally: Tally & { readonly recorded?: RecordedTally }): readonly string[] {
  const { sent, taken, refused, failed, recorded } = tally;
  const seen = recorded && [recorded.stored, recorded.filtered, recorded.refused, recorded.lost, recorded.twice];
  return [name, ...[sent, taken, refused, failed, ...(seen ?? [])].map(String)];
}

function times(name: string, { count, p50, p95, p99, max }: Percentiles): readonly string[] {
  return [name, String(count), ...[p50, p95, p99, max].map((ms) => `${ms} ms`)];
}

function conclusion({ ok, valid }: LoadReport): string {
  const { refused, failed, recorded } = valid;
  if (ok)
    return recorded === undefined
      ? "all valid messages were taken"
      : "no valid message is lost, refused or there twice";
  const faults = [
    ...(failed > 0 ? [`${failed} could not be sent`] : []),
    ...(refused > 0 ? [`${refused} were refused by the target`] : []),
    ...(recorded !== undefined && recorded.lost > 0 ? [`${recorded.lost} are lost`] : []),
    ...(recorded !== undefined && recorded.refused > 0 ? [`${recorded.refused} were recorded as refused`] : []),
    ...(recorded !== undefined && recorded.twice > 0 ? [`${recorded.twice} are there twice`] : []),
  ];
  return `of the valid messages ${faults.join(", ")}`;
}
