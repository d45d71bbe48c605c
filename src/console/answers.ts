import { z } from "zod";
import type { FindingJson } from "../manifests/render.ts";
import type { Cell } from "../record/query/answer.ts";
import type { Audit } from "../record/record.ts";
import type { SensorAnswer, SourceAnswer } from "../rehearsal/evaluate.ts";
import type { TestAnswer } from "../rehearsal/run-file.ts";
import type { PauseAnswer, ReloadStatus } from "../runtime/change-status.ts";
import type { DeadLetterAnswer, DeadLetterResult, DeadLetterWithEvents } from "../runtime/dead-letters.ts";
import type { EventAnswer, EventWithData } from "../runtime/event-answer.ts";
import type { HandedIn } from "../runtime/hand-in.ts";
import type { Status } from "../runtime/status.ts";
import type { Why } from "../runtime/why.ts";
import type { JobAnswer } from "./job-answer.ts";
import type { TopRates } from "./top.ts";

/*
 * The JSON of the admin API and of each verb's `-o json`, as schemas: the JSON Schema files of the reference are made from
 * these, and the tests hold every answer against them. Strict: a key that is not here is a failure of a test.
 */

const time = z.string().meta({ description: "RFC 3339, UTC, microseconds." });
const count = z.number().int().min(0);
const id = z.string().min(1);
const receipt = z.enum(["stored", "duplicate", "filtered", "refused"]);
const firingState = z.enum(["pending", "running", "done", "dead", "dropped"]);

const eventShape = {
  id,
  namespace: z.string(),
  bus: z.string(),
  source: z.string().meta({ description: "Name of the EventSource." }),
  subject: z.string().meta({ description: "Name of the event." }),
  type: z.string().meta({ description: "`context.type`." }),
  sentAt: time.optional(),
  receivedAt: time,
  storedAt: time.optional(),
  decidedAt: time.optional(),
  matched: count.optional().meta({ description: "Subscriptions to its source and name; absent while undecided." }),
  filtered: count.optional().meta({ description: "Of those, the ones that a filter turned down." }),
  bytes: count.optional(),
};

const receiptShape = {
  receipt: receipt.meta({ description: "What became of the draft." }),
  reason: z.string().optional(),
  duplicates: count.meta({ description: "How many times it came again." }),
};

const dataShape = {
  data: z.unknown().meta({ description: "The event's data; absent when retention took it." }),
  dataBase64: z.string().optional().meta({ description: "The data where it is no JSON." }),
};

const event: z.ZodType<EventAnswer> = z.strictObject({ ...eventShape, ...receiptShape });
const eventWithData: z.ZodType<EventWithData> = z.strictObject({ ...eventShape, ...receiptShape, ...dataShape });

function listOf<T extends z.ZodType>(item: T) {
  return z.strictObject({
    items: z.array(item),
    next: z.string().optional().meta({ description: "Cursor of the next page." }),
  });
}

const attempt = z.strictObject({
  startedAt: time,
  endedAt: time,
  outcome: z.enum(["done", "failed"]),
  status: z.string().optional().meta({ description: "HTTP status, or the target's own word." }),
  code: z.string().optional().meta({ description: "TMnnnn of a failure." }),
  error: z.string().optional(),
  batch: z
    .strictObject({ id: z.string().meta({ description: "Its idempotency key." }), size: count })
    .optional()
    .meta({ description: "The call that it was made with others by." }),
});

const clause = z.strictObject({
  kind: z.enum(["transform", "exprs", "data", "context", "time", "script", "pattern"]),
  index: count,
  passed: z.boolean(),
  value: z.exactOptional(z.string()).meta({ description: "The value that it met." }),
  reason: z.string(),
});

const rendered = z.record(z.string(), z.unknown()).meta({
  description:
    "`{ method, url, headers, body }` of a request, `{ resource }` of an object, else the trigger's own fields.",
});

const evaluation: z.ZodType<SensorAnswer> = z.strictObject({
  sensor: z.string(),
  dependencies: z.array(
    z.strictObject({
      name: z.string(),
      matched: z.boolean().meta({ description: "An event of its EventSource and name was given." }),
      passed: z.boolean(),
      clauses: z.array(clause),
      data: z
        .unknown()
        .optional()
        .meta({ description: "The event's data after the transform; absent while none matched." }),
    }),
  ),
  triggers: z.array(
    z.strictObject({
      name: z.string(),
      fires: z.boolean(),
      reason: z.string().meta({ description: "What satisfied it, what it waits for, or the clause that said no." }),
      rendered: z.exactOptional(rendered),
    }),
  ),
});

const sourceEvaluation: z.ZodType<SourceAnswer> = z.strictObject({
  source: z.string().meta({ description: "Name of the EventSource." }),
  event: z.string(),
  passed: z.boolean(),
  reason: z.string(),
});

const why: z.ZodType<Why> = z.strictObject({
  event: z.strictObject({ ...eventShape, ...dataShape }),
  receipt: z.strictObject(receiptShape),
  sensors: z.array(
    z.strictObject({
      sensor: z.string(),
      dependencies: z.array(
        z.strictObject({ name: z.string(), matched: z.boolean(), passed: z.boolean(), clauses: z.array(clause) }),
      ),
      triggers: z.array(
        z.strictObject({
          name: z.string(),
          decision: z.enum([
            ...(["fired", "waiting", "superseded", "reset", "expired", "filtered", "undecided", "unmatched"] as const),
          ]),
          reason: z.string().optional(),
          firings: z.array(
            z.strictObject({ id, state: firingState, parent: z.string().optional(), attempts: z.array(attempt) }),
          ),
        }),
      ),
    }),
  ),
  notes: z.array(z.string()).meta({ description: "What limits the answer." }),
});

const audit: z.ZodType<Audit> = z.strictObject({
  receipts: z.strictObject({ stored: count, duplicate: count, filtered: count, refused: count }),
  decisions: z.strictObject({
    fired: count,
    filtered: count,
    waiting: count,
    superseded: count,
    reset: count,
    expired: count,
    unmatched: count,
    undecided: count,
  }),
  firings: z.strictObject({ pending: count, running: count, done: count, dead: count, dropped: count }),
  missing: z
    .array(z.strictObject({ id: z.string(), what: z.string() }))
    .meta({ description: "What does not fit into a sum; empty when all adds up." }),
});

const hops = ["sent-received", "received-stored", "stored-fired", "fired-done", "total"] as const;
const ms = z.number();

const sample = z.strictObject({
  event: z.string(),
  source: z.string(),
  sensor: z.string().optional(),
  trigger: z.string().optional(),
  receivedUs: z.number().int(),
  hopsMs: z.partialRecord(z.enum(hops), ms),
});

const delays = z.strictObject({
  groups: z.array(
    z.strictObject({
      by: z.string().meta({ description: "The source, sensor or trigger; `all` without --by." }),
      hop: z.enum(hops),
      count,
      p50Ms: ms,
      p95Ms: ms,
      p99Ms: ms,
      maxMs: ms,
    }),
  ),
  slowest: z.array(sample),
  aheadOfUs: z
    .array(z.strictObject({ source: z.string(), count, mostMs: ms }))
    .meta({ description: "Senders whose clock is ahead." }),
});

const deadShape = {
  id,
  namespace: z.string(),
  bus: z.string(),
  sensor: z.string(),
  trigger: z.string(),
  revision: z.string(),
  attempts: count,
  code: z.string(),
  error: z.string(),
  deadAt: time,
  parent: z.string().optional(),
};

const deadLetter: z.ZodType<DeadLetterAnswer> = z.strictObject({
  ...deadShape,
  events: z.array(z.strictObject({ dependency: z.string(), id })),
});

const deadLetterWithEvents: z.ZodType<DeadLetterWithEvents> = z.strictObject({
  ...deadShape,
  events: z.array(
    z.strictObject({
      dependency: z.string(),
      id,
      source: z.string().optional(),
      subject: z.string().optional(),
      type: z.string().optional(),
      time: z.string().optional(),
      ...dataShape,
    }),
  ),
});

const deadLetterResult: z.ZodType<DeadLetterResult> = z.strictObject({
  id,
  outcome: z.enum(["retried", "dropped", "unknown", "refused"]),
  newId: z.string().optional(),
  reason: z.string().optional(),
});

const lag = z.strictObject({ entries: count, oldestAt: time.optional() });

const held = z.strictObject({
  by: z.enum(["pause", "maintenance"]),
  until: time.optional().meta({ description: "When it ends by itself." }),
  reason: z.string().optional(),
});

const changes = z.strictObject({
  added: z.array(z.string()),
  changed: z.array(z.string()),
  removed: z.array(z.string()),
  kept: z.array(z.string()).meta({ description: "The same as before: undisturbed." }),
  failed: z.array(z.string()).meta({ description: "Bad in the new manifests: the old version goes on." }),
});

const reload: z.ZodType<ReloadStatus> = z.strictObject({
  at: time,
  tookMs: count,
  result: z.enum(["applied", "unchanged", "partial", "failed"]),
  sources: changes,
  sensors: changes,
  values: changes,
  findings: z.array(
    z.strictObject({
      file: z.string(),
      line: count,
      column: count,
      code: z.string(),
      message: z.string(),
      fix: z.string(),
    }),
  ),
  errors: z.array(z.string()).meta({ description: "What could not be applied; the next reload tries again." }),
});

const pauseItem: z.ZodType<PauseAnswer> = z.strictObject({
  kind: z.enum(["source", "sensor", "trigger"]),
  namespace: z.string(),
  name: z.string().meta({ description: "As `resume` takes it." }),
  paused: z.boolean(),
  since: time.optional(),
  until: time.optional().meta({ description: "When it ends by itself." }),
  reason: z.string().optional(),
});

const status: z.ZodType<Status> = z.strictObject({
  version: z.string(),
  pid: count,
  startedAt: time,
  ready: z.boolean(),
  faults: z.array(z.string()),
  durable: z.boolean(),
  dataDir: z.string().optional(),
  sources: z.array(
    z.strictObject({
      namespace: z.string(),
      eventSource: z.string(),
      event: z.string(),
      kind: z.string(),
      bus: z.string(),
      state: z.enum(["starting", "ready", "ended", "stopped", "waiting", "failing", "unsupported", "paused"]),
      reason: z.string().optional(),
      code: z.string().optional(),
      nextTryAt: time.optional(),
      pausedUntil: time.optional().meta({ description: "When its pause ends by itself." }),
      address: z.string().optional(),
    }),
  ),
  sensors: z.array(
    z.strictObject({
      namespace: z.string(),
      bus: z.string(),
      sensor: z.string(),
      revision: z.string(),
      held: held.optional().meta({ description: "Why it does not decide; its events wait." }),
      triggers: z.array(
        z.strictObject({
          name: z.string(),
          kind: z.string(),
          pending: count,
          running: count,
          dead: count,
          held: held.optional().meta({ description: "Why its firings wait in the queue." }),
          dlqOf: z.string().optional(),
        }),
      ),
    }),
  ),
  buses: z.array(
    z.strictObject({
      namespace: z.string(),
      bus: z.string(),
      kind: z.string(),
      bytes: count,
      maxBytes: count,
      pinnedBytes: count,
      firstSeq: count,
      lastSeq: count,
      dedupWindowMs: z.number(),
      warning: z.string().optional(),
      lag: z.strictObject({ sensors: lag, record: lag }),
    }),
  ),
  breakers: z.array(
    z.strictObject({
      target: z.string(),
      state: z.enum(["open", "half-open"]),
      since: time,
      failures: count,
      nextProbeAt: time,
      error: z.string(),
    }),
  ),
  record: z.strictObject({ url: z.string(), failing: z.string().optional() }).optional(),
  reload: reload.optional().meta({ description: "The last reload." }),
  jobs: z.record(z.string(), count).optional(),
});

const job: z.ZodType<JobAnswer> = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  state: z.enum(["queued", "running", "waiting", "suspended", "complete", "failed"]),
  reason: z.string().optional(),
  firing: z.string(),
  createdAt: time,
  startedAt: time.optional(),
  finishedAt: time.optional(),
  dueAt: time.optional(),
  failures: count,
  backoffLimit: count,
  logs: z.string(),
  attempts: z.array(
    z.strictObject({
      n: count,
      startedAt: time,
      endedAt: time.optional(),
      reason: z.string().optional(),
      containers: z.array(
        z.strictObject({ name: z.string(), exitCode: z.number().int().optional(), reason: z.string().optional() }),
      ),
    }),
  ),
});

const handedIn: z.ZodType<HandedIn> = z.strictObject({
  receipt: z.strictObject({ id, outcome: receipt, reason: z.string().optional() }) as z.ZodType<HandedIn["receipt"]>,
  settled: z.enum(["done", "failed"]).optional().meta({ description: "Only with --wait, and when it ended in time." }),
});

const finding: z.ZodType<FindingJson> = z.strictObject({
  file: z.string(),
  line: count,
  column: count,
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  fix: z.string(),
});

const place = { file: z.string(), line: count, column: count };

const testAnswer: z.ZodType<TestAnswer> = z.strictObject({
  passed: count,
  failed: count,
  tests: z.array(
    z.strictObject({
      file: z.string(),
      line: count,
      name: z.string(),
      passed: z.boolean(),
      failures: z.array(z.strictObject({ ...place, message: z.string() })),
      tookMs: count.meta({ description: "Of real time; the test's own clock is not." }),
    }),
  ),
  invalid: z.array(finding).meta({ description: "Why files could not be run." }),
  coverage: z.exactOptional(
    z.strictObject({
      covered: count.meta({ description: "Filters that were seen to pass and to refuse." }),
      filters: z.array(
        z.strictObject({
          ...place,
          sensor: z.string(),
          dependency: z.string(),
          kind: clause.shape.kind,
          index: count,
          seen: z.strictObject({ passed: z.boolean(), filtered: z.boolean() }),
        }),
      ),
    }),
  ),
});

const names = { sensor: z.string(), trigger: z.string() };

const tap = z
  .discriminatedUnion("k", [
    z.strictObject({
      k: z.literal("receipt"),
      at: time,
      namespace: z.string(),
      source: z.string(),
      event: id,
      outcome: receipt,
      reason: z.string().optional(),
    }),
    z.strictObject({
      k: z.literal("decision"),
      at: time,
      namespace: z.string(),
      source: z.string(),
      event: id,
      matched: count,
      filtered: count,
      fired: z.array(z.strictObject({ ...names, firing: id })),
      waiting: z.array(z.strictObject({ ...names, reason: z.string().optional() })),
      data: z
        .string()
        .meta({ description: "The beginning of the event's data; of its `body` where that stands beside a `header`." }),
    }),
    z.strictObject({
      k: z.literal("attempt"),
      at: time,
      namespace: z.string(),
      ...names,
      firing: id,
      events: z.array(id),
      attempt: count,
      state: z.enum(["done", "pending", "dead"]),
      tookMs: z.number(),
      status: z.string().optional(),
      code: z.string().optional(),
      error: z.string().optional(),
    }),
    z.strictObject({ k: z.literal("missed"), lines: count }),
  ])
  .meta({ description: "Each line." });

const perSecond = z.number().min(0);
const delayMs = z.number().optional().meta({ description: "Over the last minute." });

const top: z.ZodType<TopRates> = z.strictObject({
  at: time,
  inPerSecond: perSecond,
  decidedPerSecond: perSecond,
  firedPerSecond: perSecond,
  pending: count,
  dead: count,
  sources: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      state: z.string(),
      inPerSecond: perSecond,
      received: count,
    }),
  ),
  sensors: z.array(z.strictObject({ name: z.string(), decidedPerSecond: perSecond, decided: count })),
  triggers: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      firedPerSecond: perSecond,
      retriesPerSecond: perSecond,
      done: count,
      pending: count,
      running: count,
      dead: count,
      p50Ms: delayMs,
      p99Ms: delayMs,
    }),
  ),
  targetsDown: z.array(z.string()),
});

/** What `tidemill query` writes. */
export interface QueryJson {
  readonly columns: readonly string[];
  readonly items: readonly Readonly<Record<string, Cell>>[];
  readonly truncated: boolean;
}

/** What `tidemill query --list` writes. */
export interface QueryListJson {
  readonly items: readonly { readonly name: string; readonly summary: string; readonly sql: string }[];
}

const cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const query: z.ZodType<QueryJson> = z.strictObject({
  columns: z.array(z.string()).meta({ description: "In their order; a name that comes again ends in _2." }),
  items: z.array(z.record(z.string(), cell)),
  truncated: z.boolean().meta({ description: "There are more rows than --limit." }),
});

const queryList: z.ZodType<QueryListJson> = z.strictObject({
  items: z.array(z.strictObject({ name: z.string(), summary: z.string(), sql: z.string() })),
});

/** By verb: `events-ls` is what `tidemill events ls -o json` writes. */
export const answers = {
  audit,
  delays,
  "dlq-ls": listOf(deadLetter),
  "dlq-show": deadLetterWithEvents,
  "dlq-retry": listOf(deadLetterResult),
  "dlq-drop": listOf(deadLetterResult),
  eval: z.union([evaluation, sourceEvaluation]).meta({ description: "Of a Sensor, or of an EventSource's filter." }),
  "events-ls": listOf(event),
  "events-get": eventWithData,
  init: z.strictObject({ template: z.string(), dir: z.string(), files: z.array(z.string()) }),
  "init-list": listOf(z.strictObject({ name: z.string(), summary: z.string() })),
  "jobs-ls": listOf(job),
  "jobs-get": job,
  "jobs-logs": listOf(z.strictObject({ container: z.string(), path: z.string(), text: z.string(), cut: z.boolean() })),
  "jobs-rm": listOf(z.strictObject({ name: z.string() })),
  lint: z.strictObject({ findings: z.array(finding) }),
  pause: listOf(pauseItem),
  resume: listOf(pauseItem),
  query,
  "query-list": queryList.meta({ description: "Of `tidemill query --list`." }),
  send: handedIn,
  status,
  test: testAnswer,
  tap,
  top,
  version: z.strictObject({ version: z.string(), node: z.string(), platform: z.string() }),
  why,
} as const satisfies Readonly<Record<string, z.ZodType>>;
