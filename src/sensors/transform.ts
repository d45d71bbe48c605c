import { ExpressionError } from "../expressions/fault.ts";
import { compileJq } from "../expressions/jq.ts";
import { compileLua } from "../expressions/lua.ts";
import type { Event } from "../lib/event.ts";
import type { Path } from "../lib/finding.ts";
import type { DependencySpec } from "./dependency-schema.ts";
import { seededRandom } from "./filters/random.ts";
import type { EventView } from "./filters/view.ts";
import type { Clause } from "./plan.ts";
import type { Report } from "./report.ts";

/** `transform` of a dependency, compiled. Pure: clock and randomness come in. Never throws. */
export interface Transform {
  /** The event with other data, or why there is none: such an event is filtered. */
  apply(view: EventView, cx: { readonly nowMs: number; readonly seed: number }): Transformed;
}

export type Transformed = { readonly event: Event } | { readonly fault: string };

interface Program {
  readonly named: "jq" | "script";
  /** JSON text of an object in, JSON text of an object out; throws ExpressionError. */
  run(json: string, cx: { readonly nowMs: number; readonly seed: number }): string;
}

/**
 * jq, or Lua where no jq is given, over the event's data, before filters, conditions and parameters see it (reference 3.3).
 * undefined: there is none, or it is at fault and the report says so.
 */
export function compileTransform(
  spec: DependencySpec["transform"],
  { path, report }: { readonly path: Path; readonly report: Report },
): Transform | undefined {
  const program = compileProgram(spec, { path, report });
  if (program === undefined) return undefined;
  return {
    apply(view, cx) {
      if (view.json === undefined || !/^\s*\{/.test(view.json)) return { fault: "the data is no JSON object" };
      try {
        const json = program.run(view.json, cx);
        const event = { ...view.event, datacontenttype: "application/json", data: encoder.encode(json) };
        return { event };
      } catch (cause) {
        if (!(cause instanceof ExpressionError)) throw cause;
        return { fault: `${program.named}: ${cause.message}` };
      }
    },
  };
}

const encoder = new TextEncoder();

function compileProgram(
  spec: DependencySpec["transform"],
  { path, report }: { readonly path: Path; readonly report: Report },
): Program | undefined {
  const { jq = "", script = "" } = spec ?? {};
  if (jq !== "") {
    if (script !== "") report.warn([...path, "script"], "jq is there as well, and wins: the script never runs");
    const program = report.expression([...path, "jq"], () => compileJq(jq));
    return program && { named: "jq", run: (json, { nowMs }) => program.transform(json, { nowMs }) };
  }
  if (script === "") return undefined;
  const program = report.expression([...path, "script"], () => compileLua(script));
  return (
    program && {
      named: "script",
      run: (json, { nowMs, seed }) => program.transform(json, { nowMs, random: seededRandom(seed, 0) }),
    }
  );
}

/** The transform's verdict among the clauses of the filters. */
export function transformClause(done: Transformed): Clause {
  return "fault" in done
    ? { kind: "transform", index: 0, passed: false, reason: done.fault }
    : { kind: "transform", index: 0, passed: true, reason: "the data was transformed" };
}
