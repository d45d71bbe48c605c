import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Setup, Stamp } from "../messages.ts";
import { stampOf } from "../stamp.ts";

type Handler = (input: unknown, context: unknown) => unknown;

/** Modules of tidemill that a function may import also where its folder has no node_modules. */
const given: ReadonlyMap<string, string> = new Map([
  ["tidemill/kit", new URL("../../../kit/index", import.meta.url).href],
  ["tidemill/function", new URL("../../../kit/function", import.meta.url).href],
]);
const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/**
 * Notes each file that a module is made of, at the moment before it is read; code of packages is left out, since nobody
 * edits it while it runs. `noted` is told of files that are new, also of those that are imported later.
 */
export function noteFiles(noted: (files: readonly Stamp[]) => void): void {
  const seen = new Set<string>();
  registerHooks({
    resolve(specifier, context, next) {
      let resolved: ReturnType<typeof next>;
      try {
        resolved = next(specifier, context);
      } catch (error) {
        const own = given.get(specifier);
        if (own !== undefined) return next(`${own}${ending}`, context);
        if (specifier !== "@opentelemetry/api") throw error;
        return next(import.meta.resolve(specifier), context);
      }
      const { url } = resolved;
      if (url.startsWith("file:") && !url.includes("/node_modules/") && !seen.has(url)) {
        seen.add(url);
        const path = fileURLToPath(url);
        noted([[path, stampOf(path, statSync)]]);
      }
      return resolved;
    },
  });
}

/** Imports the module and finds the function. Throws what the module throws, and an Error in plain words. */
export async function loadHandler({ module, exportName }: Setup): Promise<Handler> {
  const loaded = (await import(pathToFileURL(module).href)) as Readonly<Record<string, unknown>>;
  const inside = loaded.default;
  // of a CommonJS module Node finds only some of the names
  const all = typeof inside === "object" && inside !== null ? { ...inside, ...loaded } : loaded;
  const found = exportName === undefined ? (all.handler ?? inside) : Object.hasOwn(all, exportName) && all[exportName];
  if (typeof found === "function") return found as Handler;
  const functions = Object.keys(all).filter((name) => typeof all[name] === "function");
  const there =
    functions.length === 0 ? "it exports no function" : `its functions: ${functions.slice(0, 10).join(", ")}`;
  throw new Error(`the module exports no function ${exportName ?? "handler, and none as default"}; ${there}`);
}
