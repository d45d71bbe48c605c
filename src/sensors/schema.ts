import type { z } from "zod";
import {
  choice,
  duration,
  either,
  flag,
  intOrString,
  json,
  list,
  map,
  object,
  optional,
  type Schema,
  text,
  whole,
} from "../kit/fields.ts";
import { triggerParameter } from "../kit/schemas.ts";
import type { Path } from "../lib/finding.ts";
import { dependencySchema } from "./dependency-schema.ts";
import { notificationSchema } from "./notify-schema.ts";
import type { Report } from "./report.ts";

/** The shape of a Sensor's spec (reference 3.1). Rules across fields, names and expressions are the compiler's. */

const backoffShape = {
  duration: optional(duration({ description: "First pause: Go duration or nanoseconds. Default 1s." })),
  factor: optional(intOrString({ description: "Each pause is this times the one before. Default 1." })),
  jitter: optional(intOrString({ description: "Spread of a pause: d * (1 + jitter * random). Default 1." })),
  steps: optional(whole({ description: "Tries in all, the first included. Default 5." })),
};

const backoff = object(backoffShape, { description: "How often and with which pauses to look." });

const retryStrategy = object(
  {
    ...backoffShape,
    cap: optional(duration({ description: "Longest pause, jitter included (extension). None by default." })),
  },
  { description: "How often and with which pauses to try." },
);

const key = (description: string) =>
  either(
    text({
      description: "gjson path into the data of the firing's events; the first event that has it counts.",
      nonEmpty: true,
    }),
    object(
      {
        dependency: optional(text({ description: "The dependency whose event has it.", nonEmpty: true })),
        path: text({ description: "gjson path into the event's data.", nonEmpty: true }),
      },
      { description: "A path and its dependency." },
    ),
    { description },
  );

const debounce = either(
  duration({ description: "How long it must be quiet before the last one fires." }),
  object(
    {
      window: duration({ description: "How long it must be quiet before the last one fires." }),
      by: optional(key("Debounces each value of this path alone; firings without one fire at once.")),
    },
    { description: "The window, and what to tell firings apart by." },
  ),
  { description: "Of firings in quick succession only the last one runs (extension)." },
);

const circuitBreaker = either(
  flag({ description: "false: its firings do not wait for a target that is down." }),
  object(
    {
      failures: optional(whole({ description: "Failures in a row after which they wait. Default 10.", min: 2 })),
      pause: optional(duration({ description: "How long before the target is tried again. Default 5s." })),
      maxPause: optional(duration({ description: "The pause doubles up to this. Default 1m." })),
    },
    { description: "When it opens, and for how long." },
  ),
  { description: "Firings with a retryStrategy wait for a target that is down, without using up tries (extension)." },
);

const policy = object(
  {
    k8s: optional(
      object(
        {
          labels: map(text({ description: "Value." }), { description: "Labels that the object must get." }),
          backoff: optional(backoff),
          errorOnBackoffTimeout: optional(flag({ description: "Running out of tries is a failure." })),
        },
        { description: "Waits until the created object has these labels." },
      ),
    ),
    status: optional(
      object(
        { allow: list(whole({ description: "HTTP status." }), { description: "Statuses that are a success." }) },
        { description: "Judges the HTTP status." },
      ),
    ),
  },
  { description: "What counts as a success." },
);

const template = object(
  {
    name: text({ description: "Name of the trigger.", nonEmpty: true }),
    conditions: optional(text({ description: "Dependencies joined by && and ||; all of them by default." })),
    conditionsReset: optional(
      list(
        object(
          {
            byTime: object(
              {
                cron: text({ description: "Five cron fields.", nonEmpty: true }),
                timezone: optional(text({ description: "IANA zone; UTC by default." })),
              },
              { description: "At these times." },
            ),
          },
          { description: "One schedule." },
        ),
        { description: "When partial events are forgotten." },
      ),
    ),
  },
  { description: "What the trigger does: one key that is its type." },
);

const rateLimit = object(
  {
    unit: optional(choice(["", "Second", "Minute", "Hour"], { description: "Per what; Second by default." })),
    requestsPerUnit: whole({ description: "How many.", min: 1 }),
  },
  { description: "Delays firings to this rate." },
);

const trigger = object(
  {
    template,
    parameters: optional(
      list(triggerParameter({ description: "One parameter." }), {
        description: "Values of the events put into the template.",
      }),
    ),
    policy: optional(policy),
    retryStrategy: optional(retryStrategy),
    rateLimit: optional(rateLimit),
    atLeastOnce: optional(flag({ description: "One firing at a time, in the order of the events." })),
    concurrency: optional(whole({ description: "Calls at once (extension). Default 32; 1 with atLeastOnce.", min: 1 })),
    timeout: optional(duration({ description: "Longest time of one attempt (extension). None by default." })),
    ttl: optional(duration({ description: "How long an event waits for the others of the condition (extension)." })),
    debounce: optional(debounce),
    orderBy: optional(
      key("Firings of one value of this path run in order, one at a time, retries included (extension)."),
    ),
    batch: optional(
      object(
        {
          size: whole({ description: "Most firings of one call.", min: 1, max: 10_000 }),
          window: optional(duration({ description: "How long the first one waits for others. Default 0s." })),
        },
        { description: "One call for many firings: its body is the list of their bodies (extension)." },
      ),
    ),
    circuitBreaker: optional(circuitBreaker),
    maintenance: optional(
      list(
        object(
          {
            cron: text({ description: "When a window begins: minute, hour, day, month, weekday." }),
            duration: duration({ description: "How long it is." }),
            timezone: optional(text({ description: "Time zone of the schedule; UTC by default." })),
          },
          { description: "A window that comes again and again." },
        ),
        { description: "Windows during which its firings wait in their queue (extension)." },
      ),
    ),
    dlqTrigger: optional(json({ description: "A trigger that runs when this one finally failed." })),
  },
  { description: "A trigger." },
);

const notification = notificationSchema({ retryStrategy, rateLimit, key });

const spec = object(
  {
    dependencies: list(dependencySchema, { description: "What the sensor subscribes to.", min: 1 }),
    triggers: list(trigger, { description: "What it does.", min: 1 }),
    notifications: optional(list(notification, { description: "Who is told of failures (extension)." })),
    egress: optional(
      object(
        {
          allow: list(
            text({ description: "HOST, *.HOST, * (any name), an address or a range; each with :PORT if wanted." }),
            {
              description: "All that its triggers may connect to.",
            },
          ),
        },
        { description: "Narrows where the triggers of this sensor may send (extension)." },
      ),
    ),
    eventBusName: optional(text({ description: "EventBus; default by default." })),
    replicas: optional(whole({ description: "Pods of the sensor in Argo Events; without effect here." })),
    revisionHistoryLimit: optional(whole({ description: "Field of a Deployment; without effect here." })),
    template: optional(json({ description: "Pod of the sensor in Argo Events; without effect here." })),
    errorOnFailedRound: optional(flag({ description: "Without effect, as in Argo Events." })),
    loggingFields: optional(json({ description: "Without effect, as in Argo Events." })),
  },
  { description: "Spec of a Sensor." },
);

export type SensorSpec = z.infer<typeof spec>;
export type TriggerSpec = z.infer<typeof trigger>;
export type NotificationSpec = z.infer<typeof notification>;
export type BackoffSpec = z.infer<typeof retryStrategy>;
export type KeySpec = NonNullable<TriggerSpec["orderBy"]>;

/** `spec` of a Sensor. */
export const sensorSpecSchema: Schema<SensorSpec> = spec;
/** One entry of `spec.triggers`, and a `dlqTrigger`. */
export const triggerSchema: Schema<TriggerSpec> = trigger;

/** The value as the schema types it; undefined with a finding for each fault. */
export function checkShape<T>(
  schema: Schema<T>,
  value: unknown,
  { path, report }: { readonly path: Path; readonly report: Report },
): T | undefined {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  for (const issue of checked.error.issues) {
    const inside = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
    report.error([...path, ...inside], issue.message);
  }
  return undefined;
}
