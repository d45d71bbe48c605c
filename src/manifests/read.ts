import { compileSensor } from "../sensors/compile.ts";
import { sources } from "../sources/index.ts";
import { triggers } from "../triggers/index.ts";
import { compileFilter } from "./compile-filter.ts";
import { readFiles, readModule, readSchemaText } from "./files.ts";
import type { Lists, ReadOptions } from "./lists.ts";
import type { Manifests } from "./manifests.ts";
import { planTexts } from "./plan.ts";

/** The connectors and compilers of this version. */
export const lists: Lists = { sources, triggers, compileSensor, compileFilter, readText: readSchemaText };

/**
 * Reads manifests from files, folders and globs and plans everything in them. Never throws for what is in them or for
 * paths that are not there: those are findings. Sorted by file, line and column.
 */
export async function readManifests(paths: readonly string[], options: ReadOptions = {}): Promise<Manifests> {
  const { texts, findings } = await readFiles(paths);
  const planned = planTexts(texts, withTemplateEnv({ ...lists, moduleAt: readModule }, options.templateEnv), options);
  return { ...planned, files: texts.map(({ file }) => file), findings: [...findings, ...planned.findings] };
}

/** The lists with a compiler whose templates may read variables. */
export function withTemplateEnv(given: Lists, env: ReadOptions["templateEnv"]): Lists {
  if (env === undefined) return given;
  return { ...given, compileSensor: (object, cx) => given.compileSensor(object, { ...cx, env }) };
}
