import { list, object, optional, text } from "../../kit/fields.ts";
import { badValue, needs } from "../../kit/rules.ts";
import { commonSourceFields } from "../../kit/schemas.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";

const selector = (description: string) =>
  optional(
    list(
      object(
        { key: word("Key or path."), operation: word("=, ==, !=, in, notin, exists."), value: word("Value.") },
        { description: "One condition." },
      ),
      { description },
    ),
  );

const resource = describe({
  kind: "resource",
  title: "Kubernetes objects",
  summary: "Watches objects of a cluster.",
  config: object(
    {
      metadata: commonSourceFields.metadata,
      namespace: word("Namespace; empty means all."),
      group: word("API group."),
      version: word("API version."),
      resource: word("Resource, in the plural."),
      eventTypes: optional(list(text({ description: "ADD, UPDATE or DELETE." }), { description: "Event types." })),
      filter: optional(
        object(
          {
            prefix: word("Beginning of the name."),
            labels: selector("Conditions on labels."),
            fields: selector("Conditions on fields."),
            createdBy: word("Only objects created before this time."),
            afterStart: toggle("Only what happens after the start."),
          },
          { description: "Which objects." },
        ),
      ),
    },
    { description: "Objects of a cluster." },
  ),
  lint(config) {
    const found = needs(config, ["version", "resource", "eventTypes"]);
    for (const part of ["labels", "fields"] as const) {
      config.filter?.[part]?.forEach((one, index) => {
        found.push(...needs(one, ["key"], ["filter", part, index]));
      });
    }
    config.eventTypes?.forEach((type, index) => {
      if (!["ADD", "UPDATE", "DELETE"].includes(type)) {
        found.push(badValue(["eventTypes", index], `${type} is no event type`, "Use ADD, UPDATE or DELETE."));
      }
    });
    return found;
  },
});

export const clockworkSources: readonly DescribedType[] = [resource];
