import { asValue, compilePath, type GjsonPath } from "../../expressions/gjson.ts";
import { compileGovaluate, type Govaluate } from "../../expressions/govaluate.ts";
import type { ExprFilterSpec } from "../dependency-schema.ts";
import { dataFilter, type Filter, type FilterPlace, type Item, type Operator, shown } from "./filter.ts";
import type { EventView } from "./view.ts";

/** `filters.exprs` (reference 3.4). */
export function compileExprs(specs: readonly ExprFilterSpec[], operator: Operator, place: FilterPlace): Filter {
  const items: Item[] = [];
  for (const [index, spec] of specs.entries()) {
    const item = compileItem(spec, { ...place, path: [...place.path, index] });
    if (item !== undefined) items.push(item);
  }
  return dataFilter("exprs", items, operator);
}

interface Field {
  readonly name: string;
  readonly path: GjsonPath;
}

function compileItem(spec: ExprFilterSpec, { path: at, report }: FilterPlace): Item | undefined {
  const expression = report.expression([...at, "expr"], () => compileGovaluate(spec.expr));
  const fields: Field[] = [];
  for (const [i, field] of spec.fields.entries()) {
    const path = report.expression([...at, "fields", i, "path"], () => compilePath(field.path));
    if (path !== undefined) fields.push({ name: field.name, path });
  }
  if (expression === undefined || fields.length < spec.fields.length) return undefined;
  if (expression.ignoredFrom !== undefined) {
    const rest = spec.expr.slice(expression.ignoredFrom);
    const message = `everything from ${JSON.stringify(shown(rest))} on is ignored`;
    report.warn([...at, "expr"], message, { code: "EXPRESSION_CUT", fix: "join it with &&" });
  }
  for (const name of expression.names) {
    if (!fields.some((field) => field.name === name))
      report.warn([...at, "expr"], `${name} is not among the fields: the expression fails where it is needed`);
  }
  return item(spec, expression, fields);
}

type Met = { readonly value: unknown } | { readonly fault: string };

function item(spec: ExprFilterSpec, expression: Govaluate, fields: readonly Field[]): Item {
  const meet = (view: EventView): Met => {
    const parameters = new Map<string, unknown>();
    for (const { name, path } of fields) {
      const found = view.find(path);
      if (!found.exists) return { fault: `path ${path.text} does not exist` };
      parameters.set(name, asValue(found));
    }
    try {
      return { value: expression.evaluate(parameters) };
    } catch (cause) {
      return { fault: cause instanceof Error ? cause.message : String(cause) };
    }
  };
  return {
    passes: (view) => {
      const met = meet(view);
      return "value" in met && met.value === true;
    },
    say: (view) => {
      const met = meet(view);
      if ("fault" in met) return { reason: met.fault };
      const bound = fields.map(({ name, path }) => `${name} = ${shown(view.find(path).raw)}`).join(", ");
      return { value: bound, reason: `${spec.expr} is ${shown(textOf(met.value))} with ${bound}` };
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === "object" && value !== null ? "not a bool" : String(value);
}
