import { fileURLToPath } from "node:url";

/**
 * The path of a module beside this one, for what is not imported but started: a child process or a worker. The sources
 * end in `.ts`, the built package in `.js`, and TypeScript does not rewrite such paths.
 */
export function sibling(importMetaUrl: string, name: string): string {
  const ending = importMetaUrl.endsWith(".ts") ? ".ts" : ".js";
  return fileURLToPath(new URL(`${name}${ending}`, importMetaUrl));
}
