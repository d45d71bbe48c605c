import { z } from "zod";
import type { PauseAnswer, ReloadStatus } from "../../runtime/change-status.ts";
import type { Status } from "../../runtime/status.ts";
import type { JobAnswer } from "../job-answer.ts";
import { count, time } from "./shared.ts";

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

export const pauseItem: z.ZodType<PauseAnswer> = z.strictObject({
  kind: z.enum(["source", "sensor", "trigger"]),
  namespace: z.string(),
  name: z.string().meta({ description: "As `resume` takes it." }),
  paused: z.boolean(),
  since: time.optional(),
  until: time.optional().meta({ description: "When it ends by itself." }),
  reason: z.string().optional(),
});

export const status: z.ZodType<Status> = z.strictObject({
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

export const job: z.ZodType<JobAnswer> = z.strictObject({
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
