import type { z } from "zod";
import { ExpressionError } from "../expressions/fault.ts";
import { compilePath } from "../expressions/gjson.ts";
import { compileRegexp } from "../expressions/go-regexp.ts";
import { flag, list, map, object, optional, text } from "../kit/fields.ts";
import { badValue, needs, present } from "../kit/rules.ts";
import type { Finding, Path } from "../lib/finding.ts";

const word = (description: string) => optional(text({ description }));

const selectors = (description: string, operations: string) =>
  optional(
    list(
      object(
        { key: word("Label or path."), operation: word(operations), value: word("Value to compare with.") },
        { description: "One condition." },
      ),
      { description },
    ),
  );

export const resourceConfig = object(
  {
    metadata: optional(
      map(text({ description: "Value." }), { description: "Constant keys put into the event's data." }),
    ),
    namespace: word("Namespace of the objects; empty means all."),
    group: word("API group, such as apps; empty for the core group."),
    version: word("API version, such as v1."),
    resource: word("Kind of the objects, in the plural of their API path, such as deployments."),
    eventTypes: optional(list(text({ description: "ADD, UPDATE or DELETE." }), { description: "Which changes." })),
    filter: optional(
      object(
        {
          prefix: word("Beginning of the object's name."),
          labels: selectors(
            "Conditions on labels, which the API server applies; all must hold.",
            "`=` (default), `==`, `!=`, `in` and `notin` with a list in commas, `exists`, `!`, `gt`, `lt`.",
          ),
          fields: selectors(
            "Conditions on fields: a gjson path and a regular expression; all must hold, and an absent field fails.",
            "`==` (default) or `=`: the expression matches; `!=`: it does not.",
          ),
          createdBy: word("Only objects created at this time or before, as 2026-01-05T09:00:00Z."),
          afterStart: optional(
            flag({ description: "Nothing for objects that are there when this entry runs for the first time." }),
          ),
        },
        { description: "Which objects." },
      ),
    ),
  },
  { description: "Changes of objects of a cluster." },
);

export type ResourceConfig = z.infer<typeof resourceConfig>;
export type ResourceSelector = NonNullable<NonNullable<ResourceConfig["filter"]>["labels"]>[number];

const eventTypes = ["ADD", "UPDATE", "DELETE"];
const labelOperations = ["", "=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"];
const fieldOperations = ["", "=", "==", "!="];

export function* resourceRules(config: ResourceConfig): Iterable<Finding> {
  yield* needs(config, ["version", "resource", "eventTypes"]);
  for (const [index, type] of (config.eventTypes ?? []).entries()) {
    if (eventTypes.includes(type)) continue;
    yield badValue(["eventTypes", index], `${type} is no event type`, "Use ADD, UPDATE or DELETE.");
  }
  const { labels = [], fields = [], createdBy } = config.filter ?? {};
  for (const [index, one] of labels.entries()) yield* labelRules(one, ["filter", "labels", index]);
  for (const [index, one] of fields.entries()) yield* fieldRules(one, ["filter", "fields", index]);
  if (present(createdBy) && Number.isNaN(timeMs(createdBy))) {
    yield badValue(
      ["filter", "createdBy"],
      `${JSON.stringify(createdBy)} is no time`,
      "Write it as 2026-01-05T09:00:00Z.",
    );
  }
}

function* labelRules({ key, operation = "", value = "" }: ResourceSelector, path: Path): Iterable<Finding> {
  yield* needs({ key }, ["key"], path);
  if (!labelOperations.includes(operation)) {
    yield badValue([...path, "operation"], `there is no operation ${operation}`, "Use =, !=, in, notin, exists or !.");
  } else if (["exists", "!"].includes(operation) && value !== "") {
    yield badValue([...path, "value"], `operation ${operation} takes no value`, "Remove the value.");
  } else if (["gt", "lt"].includes(operation) && !/^[+-]?\d+$/.test(value)) {
    yield badValue([...path, "value"], `operation ${operation} compares whole numbers`, "Write a whole number.");
  }
}

function* fieldRules({ key, operation = "", value = "" }: ResourceSelector, path: Path): Iterable<Finding> {
  yield* needs({ key }, ["key"], path);
  if (!fieldOperations.includes(operation)) {
    yield badValue([...path, "operation"], `there is no operation ${operation}`, "Use == or !=.");
  }
  const parts = [
    ["key", () => compilePath(key ?? "")],
    ["value", () => compileRegexp(value)],
  ] as const;
  for (const [part, compile] of parts) {
    try {
      compile();
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      const found: Finding = { severity: "error", code: cause.code, path: [...path, part], message: cause.message };
      yield cause.position === undefined ? found : { ...found, offset: cause.position };
    }
  }
}

/** Unix milliseconds of a time as the API writes it; NaN for anything else. */
export function timeMs(text: unknown): number {
  const form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  return typeof text === "string" && form.test(text) ? Date.parse(text) : Number.NaN;
}
