import type { Code, CodeName } from "../errors.ts";
import { codes } from "./index.ts";

/** A code by its `TMnnnn`. */
export function codeOf(id: string): { readonly name: CodeName; readonly code: Code } | undefined {
  for (const name of Object.keys(codes) as CodeName[]) if (codes[name].id === id) return { name, code: codes[name] };
  return undefined;
}
