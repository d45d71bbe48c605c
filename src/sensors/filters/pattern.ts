import {
  compileEventPattern,
  type EventPattern,
  type PatternClause,
  PatternError,
} from "../../expressions/event-pattern.ts";
import { ExpressionError } from "../../expressions/fault.ts";
import { type Filter, type FilterPlace, shown } from "./filter.ts";
import type { EventView } from "./view.ts";

/** `filters.pattern`, an extension: an EventBridge event pattern over the event's data. An event without data passes no pattern. */
export function compilePattern(spec: unknown, place: FilterPlace): Filter | undefined {
  const pattern = compile(spec, place);
  if (pattern === undefined) return undefined;
  return {
    passes: (view) => judged(view, pattern),
    explain: (view) => {
      if (view.json === undefined) {
        const reason = view.empty ? "the event has no data" : "the data is not JSON";
        return [{ kind: "pattern", index: 0, passed: false, reason }];
      }
      if (judged(view, pattern))
        return [{ kind: "pattern", index: 0, passed: true, reason: "the data match the pattern" }];
      const { path, value, reason } = whyNot(view, pattern);
      const met = value === undefined ? {} : { value: shown(value) };
      const place = path.length === 0 ? "" : `${path.join(".")}: `;
      return [{ kind: "pattern", index: 0, passed: false, ...met, reason: `${place}${reason}` }];
    },
  };
}

/** The first member that says no, and is not one of several that may. */
function whyNot(view: EventView, pattern: EventPattern): Omit<PatternClause, "passed"> {
  try {
    const noes = pattern.explain(view.decoded).filter(({ passed }) => !passed);
    const alone = noes.find(({ path }) => !path.slice(0, -1).includes("$or"));
    return alone ?? noes[0] ?? { path: [], reason: "the data do not match" };
  } catch (cause) {
    if (cause instanceof ExpressionError) return { path: [], reason: cause.message };
    throw cause;
  }
}

function judged(view: EventView, pattern: EventPattern): boolean {
  if (view.json === undefined) return false;
  try {
    return pattern.matches(view.decoded);
  } catch (cause) {
    // lists nested deeper than any pattern looks
    if (cause instanceof ExpressionError) return false;
    throw cause;
  }
}

function compile(spec: unknown, { path, report }: FilterPlace): EventPattern | undefined {
  try {
    return compileEventPattern(spec);
  } catch (cause) {
    // a pattern written as YAML has its fault at a key of its own; one written as JSON text at an offset in the text
    if (!(cause instanceof PatternError) || typeof spec === "string") {
      return report.expression(path, () => {
        throw cause;
      });
    }
    report.error([...path, ...cause.path], cause.message, { code: "EXPRESSION_INVALID" });
    return undefined;
  }
}
