import type { ChildSpan } from "../../kit/trigger.ts";
import { spanIdOf } from "../../lib/trace.ts";
import type { AttemptRecord, JobRecord } from "./record.ts";

/*
 * A Job in the trace of the firing that made it: `started` with its first process, each run when it ends, and the whole when
 * it is finished. Times are those that are kept with the Job, and ids are made of it, so that a Job that outlives a restart
 * is one span from its first start on. At least once: a part may be told again with the same id.
 */

/** Keeps a part, by the ticket of the attempt that made the job. Never throws. */
export type TellPart = (ticket: string, span: ChildSpan) => void;

interface Telling {
  readonly tell?: TellPart | undefined;
}

/** Names the span that is to come: until then what is started runs. */
const startsAttribute = "tidemill.starts";

function idOf({ uid }: JobRecord): string {
  return spanIdOf("job", uid);
}

function startUs({ startedMs, createdMs }: JobRecord): number {
  return Math.round((startedMs ?? createdMs) * 1000);
}

function attributesOf({ namespace, name }: JobRecord) {
  return { "k8s.job.name": name, "k8s.namespace.name": namespace };
}

export function tellStarted(record: JobRecord, { tell }: Telling): void {
  const atUs = startUs(record);
  if (record.ticket === undefined) return;
  tell?.(record.ticket, {
    name: "started",
    startUs: atUs,
    endUs: atUs,
    spanId: spanIdOf("job started", record.uid),
    attributes: { ...attributesOf(record), [startsAttribute]: idOf(record) },
  });
}

/** One run of its containers. `said`: how they failed. */
export function tellRun(
  record: JobRecord,
  { tell }: Telling,
  { attempt, said }: { readonly attempt: AttemptRecord; readonly said: string | undefined },
): void {
  if (record.ticket === undefined) return;
  const { n, startedMs, endedMs = startedMs, outcome = "failed", reason } = attempt;
  const error = outcome === "succeeded" ? undefined : [outcome, reason ?? said].filter(Boolean).join(": ");
  tell?.(record.ticket, {
    name: `run ${n}`,
    startUs: Math.round(startedMs * 1000),
    endUs: Math.round(endedMs * 1000),
    spanId: spanIdOf("job run", `${record.uid}/${n}/${startedMs}`),
    parentId: idOf(record),
    ...(error === undefined ? {} : { error }),
    attributes: { ...attributesOf(record), "tidemill.job.run": n },
  });
}

/** The whole, once it is finished. `error`: why it failed. */
export function tellJob(record: JobRecord, { tell }: Telling, { error }: { readonly error: string | undefined }): void {
  if (record.ticket === undefined) return;
  const { namespace, name, begun, failures, finishedMs } = record;
  const fromUs = startUs(record);
  tell?.(record.ticket, {
    name: `job ${namespace}/${name}`,
    startUs: fromUs,
    endUs: finishedMs === undefined ? fromUs : Math.round(finishedMs * 1000),
    spanId: idOf(record),
    ...(error === undefined ? {} : { error }),
    attributes: { ...attributesOf(record), "tidemill.job.runs": begun, "tidemill.job.failures": failures },
  });
}
