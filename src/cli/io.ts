import type { Writable } from "node:stream";
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where a verb reads and writes: data on `out`, everything for people about it on `err`. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** Paint for text on `out` and on `err`: plain when it is no terminal, with NO_COLOR, or with TERM=dumb. */
  readonly paint: (style: Style, text: string) => string;
  readonly paintErr: (style: Style, text: string) => string;
  readonly outTty: boolean;
  readonly errTty: boolean;
}

export function processIo(): Io {
  const { env, stdout, stderr } = process;
  endQuietly(stdout);
  // a run goes on when nobody reads what it says: the report of a line that could not be written could not be written either
  stderr.on("error", () => undefined);
  return {
    env,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    paint: painter(stdout.isTTY === true, env),
    paintErr: painter(stderr.isTTY === true, env),
    outTty: stdout.isTTY === true,
    errTty: stderr.isTTY === true,
  };
}

/** A reader that left (`| head`) is no failure: the rest is not wanted. */
function endQuietly(stream: Writable): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

function painter(tty: boolean, env: Io["env"]): Io["paint"] {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "" && env.FORCE_COLOR !== "0";
  const off = (env.NO_COLOR !== undefined && env.NO_COLOR !== "") || env.TERM === "dumb";
  const colour = !off && (forced || tty);
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
}

/** Machine output: JSON with a line break at its end. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** One JSON object a line. */
export function jsonl(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

/** RFC 4180, and no cell that a spreadsheet would take for a formula. */
export function csv(rows: readonly (readonly (string | number | undefined)[])[]): string {
  const cell = (value: string | number | undefined): string => {
    if (value === undefined) return "";
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Columns for people; the last one is as wide as it is. Control characters of data do not reach the terminal. */
export function table(rows: readonly (readonly string[])[], indent = ""): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  ");
  return clean
    .map((row) => `${indent}${line(row)}`.trimEnd())
    .join("\n")
    .concat(rows.length === 0 ? "" : "\n");
}

/** Control characters as spaces. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}
