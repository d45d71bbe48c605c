import { compileExpr } from "../expressions/expr-lang.ts";
import { ExpressionError } from "../expressions/fault.ts";
import { compileSensor } from "../sensors/compile.ts";
import { sources } from "../sources/index.ts";
import { triggers } from "../triggers/index.ts";
import { readFiles } from "./files.ts";
import type { Lists, ReadOptions } from "./lists.ts";
import type { Manifests } from "./manifests.ts";
import { planTexts } from "./plan.ts";

/** The connectors and compilers of this version. */
export const lists: Lists = { sources, triggers, compileSensor, compileFilter };

/** `filter.expression` over event data; data that is no JSON object is an error, as in Argo Events. */
function compileFilter(expression: string): (data: Uint8Array) => boolean {
  const compiled = compileExpr(expression);
  const decoder = new TextDecoder();
  return (data) => {
    let decoded: unknown;
    try {
      decoded = JSON.parse(decoder.decode(data));
    } catch (cause) {
      throw new ExpressionError("EXPRESSION_FAILED", "the event's data is no JSON", { cause });
    }
    return compiled.evaluate(decoded);
  };
}

/**
 * Reads manifests from files, folders and globs and plans everything in them. Never throws for what is in them or for
 * paths that are not there: those are findings. Sorted by file, line and column.
 */
export async function readManifests(paths: readonly string[], options: ReadOptions = {}): Promise<Manifests> {
  const { texts, findings } = await readFiles(paths);
  const planned = planTexts(texts, lists, options);
  return { ...planned, files: texts.map(({ file }) => file), findings: [...findings, ...planned.findings] };
}
