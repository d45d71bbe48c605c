import type { z } from "zod";
import { choice, json, list, object, optional, text } from "../kit/fields.ts";

const operator = (of: string) =>
  optional(choice(["", "and", "or"], { description: `How ${of} are joined: and (default) or or.` }));

const exprFilter = object(
  {
    expr: text({ description: "Boolean expression over the fields.", nonEmpty: true }),
    fields: list(
      object(
        {
          name: text({ description: "Name of the field in the expression.", nonEmpty: true }),
          path: text({ description: "gjson path of its value in the event's data.", nonEmpty: true }),
        },
        { description: "A value that the expression names." },
      ),
      { description: "The values that the expression names.", min: 1 },
    ),
  },
  { description: "Passes when the expression is exactly true." },
);

const dataFilter = object(
  {
    path: text({ description: "gjson path into the event's data.", nonEmpty: true }),
    type: choice(["bool", "number", "string"], { description: "How value and data are compared." }),
    value: list(text({ description: "A value; of type string it is a regular expression.", nonEmpty: true }), {
      description: "Passes when any of them matches.",
      min: 1,
    }),
    comparator: optional(
      choice(["", "=", "!=", ">", ">=", "<", "<="], { description: "How to compare; = by default." }),
    ),
    template: optional(text({ description: "Go template over the value; its output is compared instead." })),
  },
  { description: "Compares one value of the event's data." },
);

const filters = object(
  {
    exprLogicalOperator: operator("the exprs"),
    exprs: optional(list(exprFilter, { description: "Expressions over several values." })),
    dataLogicalOperator: operator("the data filters"),
    data: optional(list(dataFilter, { description: "Comparisons of single values." })),
    context: optional(
      object(
        {
          type: optional(text({ description: "Type of the event." })),
          subject: optional(text({ description: "Event name." })),
          source: optional(text({ description: "EventSource's name." })),
          datacontenttype: optional(text({ description: "Content type of the data." })),
        },
        { description: "Equality of context fields." },
      ),
    ),
    time: optional(
      object(
        {
          start: text({ description: "HH:MM:SS, inclusive." }),
          stop: text({ description: "HH:MM:SS, exclusive; before start it means the next day." }),
          timezone: optional(text({ description: "IANA zone; UTC by default." })),
        },
        { description: "Time of day of the event." },
      ),
    ),
    script: optional(text({ description: "Lua; passes when it returns true." })),
    pattern: optional(json({ description: "EventBridge event pattern over the event's data (extension)." })),
  },
  { description: "Which events count." },
);

/** One entry of `spec.dependencies` (reference 3.1). */
export const dependencySchema = object(
  {
    name: text({ description: "Name that conditions and parameters use.", nonEmpty: true }),
    eventSourceName: text({ description: "EventSource.", nonEmpty: true }),
    eventName: text({ description: "Event of it.", nonEmpty: true }),
    filters: optional(filters),
    filtersLogicalOperator: operator("the kinds of filters"),
    transform: optional(
      object(
        {
          jq: optional(text({ description: "jq program; its first output replaces the data." })),
          script: optional(text({ description: "Lua script; what it returns replaces the data." })),
        },
        { description: "Changes the event's data before filters, conditions and parameters see it." },
      ),
    ),
    schema: optional(
      json({
        description:
          "JSON Schema of the event's data as it arrives, before the transform: a path, the schema itself, or `{ file | inline, at }`, where `at` is the gjson path of the part that is meant. An event that passes the filters and does not match becomes a dead letter at once (extension).",
      }),
    ),
  },
  { description: "A named subscription to one event of one EventSource." },
);

export type DependencySpec = z.infer<typeof dependencySchema>;
export type FiltersSpec = z.infer<typeof filters>;
export type DataFilterSpec = z.infer<typeof dataFilter>;
export type ExprFilterSpec = z.infer<typeof exprFilter>;
