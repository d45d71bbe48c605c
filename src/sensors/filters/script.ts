import { ExpressionError } from "../../expressions/fault.ts";
import { compileLua } from "../../expressions/lua.ts";
import type { Filter, FilterContext, FilterPlace } from "./filter.ts";
import { seededRandom } from "./random.ts";
import type { EventView } from "./view.ts";

/**
 * `filters.script`: Lua that must return true (reference 3.4). An event without data passes. A fault counts as false, also
 * with operator `or`, where Argo Events rejects the event whatever the other filters say (F2).
 */
export function compileScript(text: string, { path, report }: FilterPlace): Filter | undefined {
  const script = report.expression(path, () => compileLua(text));
  if (script === undefined) return undefined;
  const judge = (view: EventView, { nowMs, seed }: FilterContext): { passed: boolean; reason: string } => {
    if (view.empty) return { passed: true, reason: "the event has no data: passes" };
    if (view.json === undefined) return { passed: false, reason: "the data is not JSON" };
    try {
      const passed = script.passes(view.json, { nowMs, random: seededRandom(seed, 0) });
      return { passed, reason: passed ? "the script returns true" : "the script does not return true" };
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      return { passed: false, reason: cause.message };
    }
  };
  return {
    passes: (view, cx) => judge(view, cx).passed,
    explain: (view, cx) => [{ kind: "script", index: 0, ...judge(view, cx) }],
  };
}
