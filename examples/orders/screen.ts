import { styleText } from "node:util";
import { timeText } from "./delays.ts";
import type { Audience } from "./journey.ts";
import type { Channel, Message } from "./message.ts";

/** Where a run prints: lines on stdout, progress on stderr, as a bar where that is a terminal. */
export interface Screen extends Audience, Disposable {
  say(line: string): void;
  warn(line: string): void;
  /** So many of the messages have come to their end. */
  progress(over: number): void;
  /** Shows no more progress. */
  endProgress(): void;
}

export function createScreen(options: {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly total: number;
}): Screen {
  const { out, err, total } = options;
  const bar = err.isTTY ? createBar(err, total) : createMilestones(err, total);
  const dim = (text: string): string => (out.isTTY ? styleText("dim", text) : text);
  const say = (line: string): void => {
    bar.clear();
    out.write(`${line}\n`);
    bar.draw();
  };
  const warn = (line: string): void => {
    bar.clear();
    err.write(`${line}\n`);
    bar.draw();
  };
  const row = (channel: Channel, message: Pick<Message, "author" | "id"> | undefined, said: string): string => {
    const who = `${(message?.author ?? "").padEnd(10)} ${(message?.id ?? "").padEnd(13)}`;
    return `${channel.padEnd(5)}  ${who}  ${said}`;
  };
  const at = (us: number): string => timeText(us).slice(11, 23);
  return {
    say,
    warn,
    recorded({ row: { channel, author, id, sentUs, insertedUs, deliveries }, hopsMs }) {
      const hops = Object.entries(hopsMs).map(([hop, ms]) => `${hop} +${ms.toFixed(1)}`);
      const total = `in the table after ${((insertedUs - sentUs) / 1000).toFixed(1)} ms`;
      const again = deliveries > 1 ? `, delivered ${deliveries} times` : "";
      say(`${at(insertedUs)}  ${row(channel, { author, id }, `${hops.join("  ")}  ${total}${again}`)}`);
    },
    filtered(channel, where, message) {
      say(dim(`${at(Date.now() * 1000)}  ${row(channel, message, `filtered ${where}`)}`));
    },
    failed(channel, message, why) {
      say(`${at(Date.now() * 1000)}  ${row(channel, message, why)}`);
    },
    progress: (over) => bar.set(over),
    endProgress: () => bar.end(),
    [Symbol.dispose]: () => bar.end(),
  };
}

interface Bar {
  set(over: number): void;
  clear(): void;
  draw(): void;
  end(): void;
}

/** The last line of a terminal, drawn anew below each line that is printed. */
function createBar(err: NodeJS.WriteStream, total: number): Bar {
  let over = 0;
  let ended = false;
  const clear = (): void => {
    if (!ended) err.write("\r\u001b[K");
  };
  const draw = (): void => {
    if (ended) return;
    const width = Math.max(10, Math.min(40, (err.columns ?? 80) - 30));
    const filled = Math.round((width * over) / total);
    err.write(`\r\u001b[K${"█".repeat(filled)}${"░".repeat(width - filled)} ${over} of ${total} messages`);
  };
  return {
    set(next) {
      over = Math.min(next, total);
      draw();
    },
    draw,
    clear,
    end() {
      clear();
      ended = true;
    },
  };
}

/** Where nobody watches: a line for each tenth. */
function createMilestones(err: NodeJS.WriteStream, total: number): Bar {
  let told = 0;
  return {
    set(over) {
      const tenth = Math.floor((10 * Math.min(over, total)) / total);
      if (tenth <= told) return;
      told = tenth;
      err.write(`progress: ${tenth * 10} % (${over} of ${total} messages)\n`);
    },
    draw: () => undefined,
    clear: () => undefined,
    end: () => undefined,
  };
}
