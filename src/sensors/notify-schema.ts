import type { z } from "zod";
import { choice, duration, either, flag, list, object, optional, text, whole } from "../kit/fields.ts";
import { triggerParameter } from "../kit/schemas.ts";

/** One entry of `spec.notifications`; `shared` are the fields that triggers have too. */
export function notificationSchema<R extends z.ZodType, L extends z.ZodType, K extends z.ZodType>(shared: {
  readonly retryStrategy: R;
  readonly rateLimit: L;
  readonly key: (description: string) => K;
}) {
  return object(
    {
      name: text({ description: "Name of the notification; no trigger of the sensor has it.", nonEmpty: true }),
      on: optional(
        list(choice(["dead", "failed", "recovered"], { description: "What happened." }), {
          description:
            "What is told: dead (default): a firing will not be tried again by itself; failed: an attempt failed and will be tried again; recovered: the first success of a trigger after a failure that was told.",
          min: 1,
        }),
      ),
      triggers: optional(
        list(
          text({ description: "Name of a trigger or of a dlqTrigger; a glob stands for several.", nonEmpty: true }),
          {
            description: "Whose failures are told; those of all triggers by default.",
            min: 1,
          },
        ),
      ),
      template: object(
        {},
        { description: "Where it goes: one key that is a type of triggers, such as sns, http, email, slack." },
      ),
      parameters: optional(
        list(triggerParameter({ description: "One parameter." }), {
          description: "Values put into the template: of the events, and of the failure under the name failure.",
        }),
      ),
      job: optional(
        shared.key("Names the job in what is told. By default the first event that this one came of, else the event."),
      ),
      target: optional(
        object(
          {
            from: triggerParameter({ description: "One parameter." }).shape.src,
            allow: list(text({ description: "A target, with * where others may stand.", nonEmpty: true }), {
              description:
                "Targets that an event may name; one outside is refused, and the template's own target is told.",
              min: 1,
            }),
            template: optional(
              object(
                {},
                { description: "Settings for targets of other types than the template's: sns, http, email, slack." },
              ),
            ),
          },
          { description: "A target that the event itself names, in place of the template's." },
        ),
      ),
      fold: optional(
        either(
          flag({ description: "false: each failure is told alone." }),
          object(
            {
              window: optional(
                duration({ description: "How long after one that was told the others are counted. Default 1m." }),
              ),
              key: optional(
                text({
                  description:
                    "Go template over what is told; equal outputs are one kind. Default sensor, trigger and code.",
                  nonEmpty: true,
                }),
              ),
            },
            { description: "The window, and what to tell failures apart by." },
          ),
          {
            description:
              "The first failure of a kind is told at once, those after it together at the end of the window.",
          },
        ),
      ),
      retryStrategy: optional(shared.retryStrategy),
      rateLimit: optional(shared.rateLimit),
      concurrency: optional(whole({ description: "Calls at once. Default 32.", min: 1 })),
      timeout: optional(duration({ description: "Longest time of one attempt. None by default." })),
    },
    { description: "Tells somebody of failures." },
  );
}
