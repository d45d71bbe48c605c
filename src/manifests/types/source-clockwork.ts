import { flag, list, object, optional, text } from "../../kit/fields.ts";
import { badValue, needs, present, someOf } from "../../kit/rules.ts";
import { commonSourceFields } from "../../kit/schemas.ts";
import { parseDurationMs } from "../../lib/duration.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";

const calendar = describe({
  kind: "calendar",
  title: "Calendar",
  summary: "Ticks by a cron schedule or an interval.",
  config: object(
    {
      ...commonSourceFields,
      schedule: word("Five cron fields, with an optional TZ= before them."),
      interval: word("Pause between ticks, such as 10s."),
      exclusionDates: optional(list(text({ description: "EXDATE line." }), { description: "Days without ticks." })),
      timezone: word("IANA zone of the schedule."),
      persistence: optional(
        object(
          {
            catchup: optional(
              object(
                {
                  enabled: optional(flag({ description: "Missed ticks come at start." })),
                  maxDuration: word("How far back."),
                },
                { description: "Missed ticks." },
              ),
            ),
            configMap: optional(
              object(
                { name: word("Name of the ConfigMap."), createIfNotExist: toggle("Make it.") },
                { description: "Where Argo Events remembers the last tick." },
              ),
            ),
          },
          { description: "Remembers the last tick." },
        ),
      ),
    },
    { description: "A clock." },
  ),
  lint(config) {
    const found = someOf(config, ["schedule", "interval"]);
    if (present(config.schedule)) found.push(...cronRule(config.schedule ?? ""));
    else if (present(config.interval) && !(parseDurationMs(config.interval ?? "") !== undefined)) {
      found.push(
        badValue(["interval"], `${JSON.stringify(config.interval)} is no duration`, "Write it as 10s or 1h30m."),
      );
    }
    return found;
  },
});

/** The form only: five fields of the characters that cron has. Whether a date exists is for the connector. */
function cronRule(schedule: string) {
  const fields = schedule
    .trim()
    .replace(/^(CRON_)?TZ=\S+\s+/, "")
    .split(/\s+/);
  if (fields.length === 5 && fields.every((field) => /^[\w*?/,-]+$/.test(field))) return [];
  const message = `${JSON.stringify(schedule)} is no cron schedule`;
  return [badValue(["schedule"], message, "Write five fields: minute, hour, day of month, month, day of week.")];
}

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

export const clockworkSources: readonly DescribedType[] = [calendar, resource];
