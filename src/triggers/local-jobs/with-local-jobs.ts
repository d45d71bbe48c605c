import type { Cluster, KubeKind } from "../../kit/cluster.ts";
import { TideError } from "../../lib/errors.ts";

/**
 * Local processes in the place of a cluster: batch/v1 Jobs are created by `jobs`; everything else goes to `beyond`, or,
 * without one, rejects with JOBS_ONLY, and with OPERATION_UNSUPPORTED where it is about a Job.
 */
export function withLocalJobs(jobs: Pick<Cluster, "create">, beyond: Cluster | undefined): Cluster {
  const at = (kind: KubeKind, verb: string): Cluster => {
    if (isJob(kind)) {
      throw new TideError(
        "OPERATION_UNSUPPORTED",
        `${verb} of a Job, which runs as local processes: only create is there`,
      );
    }
    if (beyond === undefined) {
      const shown = "kind" in kind ? kind.kind : kind.resource;
      throw new TideError("JOBS_ONLY", `${verb} of ${shown}: there is no cluster, only Jobs as local processes`);
    }
    return beyond;
  };
  return {
    async create(request) {
      const { apiVersion, kind } = request.object;
      const isLocal = beyond === undefined || isJob({ apiVersion: String(apiVersion), kind: String(kind) });
      return isLocal ? jobs.create(request) : beyond.create(request);
    },
    get: async (place, signal) => at(place, "get").get(place, signal),
    list: async (query, signal) => at(query, "list").list(query, signal),
    async *watch(query, signal) {
      yield* at(query, "watch").watch(query, signal);
    },
    update: async (place, change, signal) => at(place, "update").update(place, change, signal),
    patch: async (place, signal) => at(place, "patch").patch(place, signal),
    delete: async (place, signal) => at(place, "delete").delete(place, signal),
  };
}

function isJob(kind: KubeKind): boolean {
  return kind.apiVersion === "batch/v1" && ("kind" in kind ? kind.kind === "Job" : kind.resource === "jobs");
}
