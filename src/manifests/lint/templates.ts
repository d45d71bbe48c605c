import type { Finding } from "../../lib/finding.ts";
import type { SensorView } from "./view.ts";

/** Comparisons in Go templates that are errors, and numbers that come out in another form (reference 3.7). */
export function* templates(view: SensorView): Iterable<Finding> {
  for (const { spec, path } of view.dependencies.values()) {
    for (const [i, { template }] of spec.filters?.data?.entries() ?? []) {
      const wrong = template === undefined ? undefined : comparison(template, /\.Input/, "[-+]?\\d+(?:\\.\\d+)?");
      if (wrong === undefined) continue;
      const message = `${wrong.text} is an error: in the template of a data filter .Input is text`;
      const at = [...path, "filters", "data", i, "template"];
      yield {
        ...doubt(at, "TEMPLATE_COMPARES", message, "Write the number in quotes, or convert: (float64 .Input)."),
        offset: wrong.at,
      };
    }
  }
  for (const { parameters } of view.triggers) {
    for (const { path, items } of parameters) {
      for (const [i, { src }] of items.entries()) {
        for (const key of ["dataTemplate", "contextTemplate"] as const) {
          const template = src[key];
          if (template) yield* ofParameter(template, [...path, i, "src", key]);
        }
      }
    }
  }
}

function* ofParameter(template: string, path: Finding["path"]): Iterable<Finding> {
  const wrong = comparison(template, /\.Input(?:\.\w+)+/, "[-+]?\\d+(?![\\w.])");
  if (wrong !== undefined) {
    const message = `${wrong.text} is an error for numbers: those of the event are floating-point, and ${wrong.number} is an integer`;
    const fix = `Write ${wrong.number}.0.`;
    yield { ...doubt(path, "TEMPLATE_COMPARES", message, fix), offset: wrong.at };
  }
  const printed = /\{\{-?\s*(\.Input(?:\.\w+)*\.(\w+))\s*-?\}\}/.exec(template);
  if (printed !== null && isNumberName(printed[2] ?? "") && path.at(-1) === "dataTemplate") {
    const message = `if ${printed[1]} is a number, a million and more is printed as 1e+06`;
    const whole = printed[0] === template.trim();
    const key = (printed[1] ?? "").replace(".Input.", "");
    const fix = whole ? `Write \`dataKey: ${key}\` instead.` : `Write {{ int64 ${printed[1]} }}.`;
    yield { ...doubt(path, "TEMPLATE_NUMBER", message, fix), offset: printed.index };
  }
}

/** `eq .Input.n 42` and the like, in either order, not inside a conversion. */
function comparison(
  template: string,
  input: RegExp,
  number: string,
): { readonly text: string; readonly number: string; readonly at: number } | undefined {
  const left = new RegExp(`\\b(?:eq|ne|lt|le|gt|ge)\\s+${input.source}\\s+(${number})(?=[\\s)}|-]|$)`);
  const right = new RegExp(`\\b(?:eq|ne|lt|le|gt|ge)\\s+(${number})\\s+${input.source}(?=[\\s)}|-]|$)`);
  for (const action of template.matchAll(/\{\{(?:[^{}]*)\}\}/g)) {
    const found = left.exec(action[0]) ?? right.exec(action[0]);
    if (found !== null) return { text: found[0], number: found[1] ?? "", at: action.index + found.index };
  }
  return undefined;
}

/** Only names that usually hold large whole numbers: a warning for every template would be noise. */
function isNumberName(name: string): boolean {
  return /(?:^id|Id|ID|_id|[nN]umber|[cC]ount|[sS]ize|[aA]mount|[tT]otal|[tT]imestamp|[mM]illis)$/.test(name);
}

function doubt(path: Finding["path"], code: Finding["code"], message: string, fix: string): Finding {
  return { severity: "warning", code, path, message, fix };
}
