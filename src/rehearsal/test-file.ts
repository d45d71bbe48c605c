import type { z } from "zod";
import { choice, flag, json, list, map, object, optional, text, whole } from "../kit/fields.ts";

const given = object(
  {
    source: optional(text({ description: "EventSource and event that it is of: `shop/order`." })),
    dependency: optional(
      text({ description: "A dependency of the sensor: the event is of its EventSource and name." }),
    ),
    at: optional(text({ description: "When it comes: `+5s` after the test's start, or a time. Default: at once." })),
    data: optional(json({ description: "The event's data, as a sensor sees it." })),
    dataFile: optional(text({ description: "A file with the data, taken byte by byte; relative to the test file." })),
    event: optional(json({ description: "A whole CloudEvent." })),
    eventFile: optional(text({ description: "A file with a whole CloudEvent in JSON." })),
  },
  { description: "An event that comes." },
);

const outcome = object(
  {
    status: optional(whole({ description: "HTTP status that the target answers.", min: 100, max: 599 })),
    body: optional(text({ description: "What it says." })),
    retryAfter: optional(text({ description: "Its `Retry-After`, as a duration: `30s`." })),
    stop: optional(flag({ description: "It asks never to be sent this again." })),
    delay: optional(text({ description: "How long it takes to answer, as a duration: `30s`." })),
    error: optional(text({ description: "The target cannot be reached, with this text: `connection refused`." })),
  },
  { description: "What the target of one attempt answers: a status, or an error." },
);

const states = ["done", "dead", "pending", "dropped"] as const;

const fires = object(
  {
    trigger: text({
      description: "Name of the trigger; SENSOR/TRIGGER where two sensors have one of this name.",
      nonEmpty: true,
    }),
    times: optional(whole({ description: "How often exactly. Default: at least once.", min: 0 })),
    attempts: optional(whole({ description: "How many attempts each such firing took.", min: 0 })),
    state: optional(choice(states, { description: "What each such firing came to." })),
    at: optional(text({ description: "When the first attempt of the first such firing began: `+5s`, or a time." })),
    rendered: optional(
      json({
        description:
          "What it sends, as `tidemill eval` shows it. Maps need to hold what is here; a map or list in place of a text is compared with the JSON in it. Only firings that do are counted.",
      }),
    ),
  },
  { description: "A firing that is expected." },
);

const not = object(
  {
    trigger: text({ description: "Name of the trigger that must not fire.", nonEmpty: true }),
    because: optional(
      text({
        description:
          "What said no: `dependency order: data 0`, `waits for payment`; compared with the beginning of it.",
      }),
    ),
  },
  { description: "A trigger that must not fire." },
);

const expectation = object(
  {
    fires: optional(list(fires, { description: "Firings that are expected; an empty list: none at all." })),
    not: optional(list(not, { description: "Triggers that must not fire." })),
  },
  { description: "What must have happened in the end." },
);

const test = object(
  {
    name: text({ description: "A sentence.", nonEmpty: true }),
    sensor: optional(text({ description: "Only this sensor runs. Default: that of the file, or all." })),
    at: optional(text({ description: "Where the fake clock starts. Default 2026-01-05T09:00:00Z." })),
    until: optional(text({ description: "How long the clock goes on at least: `+10m` after the start, or a time." })),
    given: list(given, { description: "The events, in order.", min: 1 }),
    outcomes: optional(
      map(list(outcome, { description: "One for each attempt; the last one repeats.", min: 1 }), {
        description: "By trigger: what its target answers. Default: 200.",
      }),
    ),
    expect: expectation,
  },
  { description: "One test." },
);

/** A `*.test.yaml`: tests of the manifests beside it (docs/specs/test-files.md). */
export const testFileSchema = object(
  {
    manifests: optional(
      list(text({ description: "A file, folder or glob, relative to the test file." }), {
        description: "The manifests. Default: all in the folder.",
        min: 1,
      }),
    ),
    sensor: optional(text({ description: "Only this sensor runs. Default: all." })),
    tests: list(test, { description: "The tests. Each begins with nothing.", min: 1 }),
  },
  { description: "Tests of manifests." },
);

export type TestFile = z.infer<typeof testFileSchema>;
export type TestCase = z.infer<typeof test>;
export type GivenCase = z.infer<typeof given>;
export type OutcomeCase = z.infer<typeof outcome>;
export type FiresCase = z.infer<typeof fires>;
export type NotCase = z.infer<typeof not>;
