import { resolve } from "node:path";
import { badValue } from "../kit/rules.ts";
import type { Finding, Path, PlacedFinding } from "../lib/finding.ts";
import { choosesCode } from "../triggers/function/config.ts";
import type { ReadSensor } from "./cross-checks.ts";
import { own, recordAt, textAt } from "./json.ts";
import { placed } from "./objects.ts";

/**
 * Modules of `function` triggers that are not there, or in whose text the name of the export is nowhere: what can be told
 * without running them. Warnings, since a module may be built later, and one that is not there is a failure of its firings.
 */
export function findLostModules(
  sensors: readonly ReadSensor[],
  moduleAt: (path: string) => string | undefined,
): readonly PlacedFinding[] {
  return sensors.flatMap(({ manifest }) => {
    const triggers = own(recordAt(manifest.value, "spec"), "triggers");
    if (!Array.isArray(triggers)) return [];
    return triggers.flatMap((trigger: unknown, index) => {
      const path: Path = ["spec", "triggers", index];
      const dlq = recordAt(trigger, "dlqTrigger");
      const both = [
        { at: path, template: recordAt(trigger, "template") },
        { at: [...path, "dlqTrigger"], template: recordAt(dlq, "template") },
      ];
      return both.flatMap(({ at, template }) => {
        const config = recordAt(template, "function");
        const module = textAt(config, "module");
        if (module === undefined) return [];
        const text = moduleAt(resolve(manifest.folder, module));
        const fault = text === undefined ? missing(module) : unnamed(text, textAt(config, "export"), module);
        if (fault === undefined) return [];
        const [key, message] = fault;
        const found = { severity: "warning", code: "FUNCTION_MISSING", message } as const;
        return [placed(manifest, { ...found, path: [...at, "template", "function", key] })];
      });
    });
  });
}

/** Parameters beside the template of a `function` trigger that would let an event choose which code runs. */
export function* codeChoosers(trigger: unknown, path: Path): Iterable<Finding> {
  const parameters = own(recordAt(trigger), "parameters");
  if (!Array.isArray(parameters)) return;
  for (const [at, parameter] of parameters.entries()) {
    const dest = textAt(recordAt(parameter), "dest");
    if (dest === undefined || !choosesCode(dest)) continue;
    const message = `an event may not choose ${dest}`;
    yield badValue([...path, "parameters", at, "dest"], message, "Set a value of `function.env` or `function.emit`.");
  }
}

function missing(module: string): readonly [key: string, message: string] {
  return ["module", `there is no file ${module}`];
}

function unnamed(text: string, wanted: string | undefined, module: string): readonly [string, string] | undefined {
  // names may come from other modules, or be put together
  if (/\bexport\s*\*|\brequire\s*\(|\bexports\s*\[/.test(text)) return undefined;
  if (wanted === undefined) {
    if (/\bhandler\b|\bdefault\b|\bmodule\.exports\b/.test(text)) return undefined;
    return ["module", `${module} exports neither \`handler\` nor a default`];
  }
  const name = wanted.replaceAll(/[$\\^.*+?()[\]{}|]/g, "\\$&");
  if (new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text)) return undefined;
  return ["export", `${module} names no ${wanted}`];
}
