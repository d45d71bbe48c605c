import type { Clause } from "../sensors/plan.ts";
import { type Io, printable } from "./io.ts";

/** One clause with its verdict, its reason and the value that it met. */
export function clauseLine({ kind, index, passed, reason, value }: Clause, io: Io): string {
  const met = value === undefined ? "" : `  (${clip(value)})`;
  return `${mark(passed, io)} ${kind}[${index}]  ${clip(reason)}${met}`;
}

export function mark(good: boolean, io: Io): string {
  return good ? io.paint("green", "✓") : io.paint("red", "✗");
}

/** What came with the event or from a target: short, and without control characters. */
export function clip(text: string): string {
  return printable(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
