import type { JobSpec } from "./job-spec.ts";
import type { JobRecord, JobState } from "./record.ts";

/** A job as `tidemill jobs` shows it. */
export type JobView = Omit<JobRecord, "version" | "object" | "done" | "ticket"> & {
  readonly backoffLimit: number;
  /** Folder of its logs: `<attempt>.<container>.log`. */
  readonly logs: string;
};

export interface JobFilter {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly states?: readonly JobState[] | undefined;
}

export function viewOf(record: JobRecord, spec: JobSpec, logs: string): JobView {
  const { version: _, object: __, done: ___, ticket: ____, ...view } = record;
  return { ...view, backoffLimit: spec.backoffLimit, logs };
}

export function matches(record: JobRecord, { namespace, name, states }: JobFilter): boolean {
  if (namespace !== undefined && record.namespace !== namespace) return false;
  if (name !== undefined && record.name !== name) return false;
  return states === undefined || states.includes(record.state);
}
