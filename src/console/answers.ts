import { z } from "zod";
import { finding, handedIn, testAnswer } from "./answers/checks.ts";
import {
  deadLetter,
  deadLetterChange,
  deadLetterEdited,
  deadLetterGroups,
  deadLetterWhole,
  deadLetterWithEvents,
} from "./answers/dead-letters.ts";
import { tap, top } from "./answers/live.ts";
import { load } from "./answers/load.ts";
import { audit, delays, query, queryList } from "./answers/record.ts";
import { operation, replay } from "./answers/replay.ts";
import { event, eventWithData, listOf } from "./answers/shared.ts";
import { job, pauseItem, status } from "./answers/status.ts";
import { changeList, tokenCreated, tokenList, tokenRevoked } from "./answers/tokens.ts";
import { trace } from "./answers/trace.ts";
import { evaluation, sourceEvaluation, why } from "./answers/why.ts";

/*
 * The JSON of the admin API and of each verb's `-o json`, as schemas: the JSON Schema files of the reference are made from
 * these, and the tests hold every answer against them. Strict: a key that is not here is a failure of a test.
 */

/** By verb: `events-ls` is what `tidemill events ls -o json` writes. */
export const answers = {
  audit,
  delays,
  "dlq-ls": listOf(deadLetter),
  "dlq-show": deadLetterWithEvents,
  "dlq-groups": deadLetterGroups,
  "dlq-edit": deadLetterEdited,
  "dlq-retry": deadLetterChange,
  "dlq-drop": deadLetterChange,
  "dlq-export": deadLetterWhole.meta({ description: "A line of `-o jsonl`." }),
  eval: z.union([evaluation, sourceEvaluation]).meta({ description: "Of a Sensor, or of an EventSource's filter." }),
  "events-ls": listOf(event),
  "events-get": eventWithData,
  init: z.strictObject({ template: z.string(), dir: z.string(), files: z.array(z.string()) }),
  "init-list": listOf(z.strictObject({ name: z.string(), summary: z.string() })),
  "jobs-ls": listOf(job),
  "jobs-get": job,
  "jobs-logs": listOf(z.strictObject({ container: z.string(), path: z.string(), text: z.string(), cut: z.boolean() })),
  "jobs-rm": listOf(z.strictObject({ name: z.string() })),
  load,
  lint: z.strictObject({ findings: z.array(finding) }),
  "ops-ls": listOf(operation),
  "ops-cancel": operation,
  "ops-log": changeList,
  pause: listOf(pauseItem),
  resume: listOf(pauseItem),
  replay,
  query,
  "query-list": queryList.meta({ description: "Of `tidemill query --list`." }),
  send: handedIn,
  status,
  test: testAnswer,
  tap,
  "token-create": tokenCreated,
  "token-ls": tokenList,
  "token-revoke": tokenRevoked,
  top,
  trace,
  version: z.strictObject({ version: z.string(), node: z.string(), platform: z.string() }),
  why,
} as const satisfies Readonly<Record<string, z.ZodType>>;
