import { ExpressionError } from "../fault.ts";
import type { CallContext, GoValue } from "../go-value.ts";
import type { Templates } from "./nodes.ts";

/** One rendering under way. */
export interface Run {
  /** Of the whole text, for messages. */
  readonly name: string;
  readonly source: string;
  readonly templates: Templates;
  readonly cx: CallContext;
  readonly maxOutput: number;
  out: string;
  /** A stack: the innermost variable of a name counts. */
  variables: Variable[];
  /** Nested pipelines, blocks and templates. */
  depth: number;
  /** The template being executed. */
  template: string;
}

export interface Variable {
  readonly name: string;
  value: GoValue;
}

/** A failure at a place of the template, told as Go tells it. */
export function failure(run: Run, at: { readonly pos: number; readonly text: string }, why: string): ExpressionError {
  const before = run.source.slice(0, at.pos);
  const line = before.split("\n").length;
  const column = at.pos - (before.lastIndexOf("\n") + 1);
  const where = `template: ${run.name}:${line}:${column}: executing "${run.template}" at <${at.text}>`;
  return new ExpressionError("EXPRESSION_FAILED", `${where}: ${why}`, { position: at.pos });
}
