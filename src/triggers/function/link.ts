import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Asked, Setup } from "./messages.ts";

/** What a thread or process is started with. Equal specs may share one. */
export interface Spec {
  readonly setup: Setup;
  readonly isolation: "worker" | "process";
  /** MiB. */
  readonly memoryLimit: number;
  readonly env: Readonly<Record<string, string>>;
  /** Of a process: folders and files that it may read beside its module, and write. Absolute. */
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Why a thread or process is gone, where nobody ended it from outside. */
export type Gone =
  | /** `said`: the last error among what it wrote. */
  { readonly how: "exit"; readonly code: number | string; readonly said?: string }
  | { readonly how: "memory"; readonly message: string }
  | { readonly how: "error"; readonly message: string };

export interface Heard {
  told(said: unknown): void;
  /** What it writes to its standard output and error. */
  said(stream: "stdout" | "stderr", line: string): void;
  /** Once. */
  gone(how: Gone): void;
}

/** The way to one thread or process. */
export interface Link {
  post(asked: Asked): void;
  /** Whether the end of tidemill waits for it. */
  hold(held: boolean): void;
  /** It holds so much memory already that another call might be ended for what the one before left behind. */
  readonly heavy: boolean;
  /** At once, whatever it does. Resolves when it is gone. */
  end(): Promise<void>;
}

/** Lines are told cut; a line without an end is told in parts. */
export function readLines(stream: Readable | null, told: (line: string) => void): void {
  if (stream === null) return;
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => told(line.slice(0, maxLineLength)));
  stream.on("error", () => lines.close());
}

const maxLineLength = 4_096;
