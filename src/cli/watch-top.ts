import { stripVTControlCharacters } from "node:util";
import type { TopSample } from "../console/top.ts";
import { within } from "../lib/abort.ts";
import { systemClock } from "../lib/clock.ts";
import { type Io, json, jsonl } from "./io.ts";
import type { Server } from "./server.ts";
import { ratesOf, tellTop } from "./tell-top.ts";
import type { TopOptions } from "./top.ts";

/** What of the process a live table needs. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly stdout: { readonly columns?: number; readonly rows?: number };
  once(signal: "SIGINT" | "SIGTERM", end: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", end: () => void): unknown;
}

const everyMs = 1_000;

/** Once, or each second until a key or a signal ends it; without a terminal a table is printed once. */
export async function watchTop(
  server: Server,
  { options, io, terminal }: { readonly options: TopOptions; readonly io: Io; readonly terminal: Terminal },
): Promise<void> {
  const machine = options.output === "json";
  const once = options.once === true || (!machine && !io.outTty);
  using ended = within(new AbortController().signal);
  const end = (): void => ended.abort(new Error("asked to end"));
  terminal.once("SIGINT", end);
  terminal.once("SIGTERM", end);
  const { signal } = ended;
  using screen = once || machine ? undefined : openScreen(io, terminal, end);
  try {
    let before = await server.get<TopSample>("/top");
    while (!signal.aborted) {
      await systemClock.sleep(everyMs, signal).catch(() => undefined);
      if (signal.aborted) break;
      const now = await server.get<TopSample>("/top");
      const rates = ratesOf(before, now);
      before = now;
      if (machine) io.out(once ? json(rates) : jsonl([rates]));
      else if (screen === undefined) io.out(tellTop(rates, io));
      else screen.show(tellTop(rates, io));
      if (once) break;
    }
  } finally {
    terminal.off("SIGINT", end);
    terminal.off("SIGTERM", end);
  }
}

interface Screen extends Disposable {
  show(text: string): void;
}

/** The alternate screen of the terminal; what was there before comes back at the end. */
function openScreen(io: Io, { stdin, stdout }: Terminal, end: () => void): Screen {
  const pressed = (key: Buffer | string): void => {
    // Ctrl-C and Ctrl-D come as characters
    if (["q", "Q", "\u0003", "\u0004"].some((one) => key.toString().includes(one))) end();
  };
  io.out("\u001b[?1049h\u001b[?25l");
  if (stdin.isTTY === true) stdin.setRawMode?.(true);
  stdin.on("data", pressed).resume();
  return {
    show(text) {
      const lines = text.split("\n").slice(0, (stdout.rows ?? 50) - 1);
      io.out(`\u001b[H${lines.map((line) => `${cut(line, stdout.columns ?? 200)}\u001b[K`).join("\r\n")}\u001b[J`);
    },
    [Symbol.dispose]() {
      stdin.off("data", pressed).pause();
      if (stdin.isTTY === true) stdin.setRawMode?.(false);
      io.out("\u001b[?25h\u001b[?1049l");
    },
  };
}

/** A line that is too long loses its colour as well. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : plain.slice(0, columns);
}
