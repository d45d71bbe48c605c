import { randomBytes } from "node:crypto";
import type { CreateRequest } from "../../kit/cluster.ts";
import type { JobSpec } from "./job-spec.ts";
import type { JobRecord, RunsBy } from "./record.ts";

/** What is kept about a job that is asked for. */
export function newRecord(
  { key, folder, ticket, object }: CreateRequest,
  of: Pick<JobRecord, "namespace" | "name" | "createdMs"> & { readonly spec: JobSpec; readonly by: RunsBy },
): JobRecord {
  const { namespace, name, spec, by, createdMs } = of;
  return {
    version: 1,
    uid: randomBytes(8).toString("hex"),
    namespace,
    name,
    key,
    folder,
    ...(ticket === undefined ? {} : { ticket }),
    object,
    by,
    createdMs,
    state: spec.suspended ? "suspended" : "queued",
    failures: 0,
    begun: 0,
    attempts: [],
    done: [],
  };
}
