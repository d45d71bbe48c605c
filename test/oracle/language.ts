import { ExpressionError } from "../../src/expressions/fault.ts";
import type { Random } from "./random.ts";

/** What one language is asked, as the Go program reads it. */
export interface Case {
  readonly lang: string;
  /** The expression, path, pattern, template or script. */
  readonly text: string;
  /** The document, as text. */
  readonly json?: string;
  /** What sjson sets, what a pattern is matched with. */
  readonly value?: string;
  /** The way in, where a language has several. */
  readonly op?: string;
}

/** `crash`: the case ended the Go program. `unsupported` is ours alone. */
export type Stage = "compile" | "run" | "panic" | "timeout" | "crash" | "unsupported";

/** A value, or the stage at which it failed. */
export interface Answer {
  readonly v?: unknown;
  readonly e?: Stage;
  readonly m?: string;
  /** Ours: the text itself is wrong, whenever that was found. */
  readonly invalid?: true;
}

export interface Language {
  readonly name: string;
  make(random: Random): Case;
  ours(asked: Case): Answer;
}

/** Compiles, then runs; an error is the answer of its stage, anything but an ExpressionError is thrown. */
export function staged<T>(compile: () => T, run: (compiled: T) => unknown): Answer {
  let compiled: T;
  try {
    compiled = compile();
  } catch (error) {
    return faultOf(error, "compile");
  }
  try {
    return { v: run(compiled) };
  } catch (error) {
    return faultOf(error, "run");
  }
}

function faultOf(error: unknown, stage: "compile" | "run"): Answer {
  if (!(error instanceof ExpressionError)) throw error;
  if (error.code === "EXPRESSION_UNSUPPORTED") return { e: "unsupported", m: error.message };
  const fault = { e: stage, m: error.message };
  return error.code === "EXPRESSION_INVALID" ? { ...fault, invalid: true } : fault;
}
