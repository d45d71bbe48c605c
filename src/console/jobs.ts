import type { FastifyInstance } from "fastify";
import { TideError } from "../lib/errors.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Ask } from "./admin.ts";
import { jobAnswer } from "./job-answer.ts";
import { one, type Query, whole, word } from "./query.ts";

const states = ["queued", "running", "waiting", "suspended", "complete", "failed"] as const;

interface Named {
  readonly namespace: string;
  readonly name: string;
}

export function serveJobs(api: FastifyInstance, ask: Ask): void {
  api.get<{ Querystring: Query }>("/jobs", async ({ query }) => ({
    items: jobsOf(ask()).list(filterOf(query)).map(jobAnswer),
  }));
  api.get<{ Params: Named }>("/jobs/:namespace/:name", async ({ params }) => {
    const job = jobsOf(ask()).get(params.namespace, params.name);
    if (job === undefined) throw unknown(params);
    return jobAnswer(job);
  });
  api.get<{ Params: Named; Querystring: Query }>("/jobs/:namespace/:name/logs", async ({ params, query }) => {
    const logs = await jobsOf(ask()).logs(params.namespace, params.name, {
      attempt: whole(query, "attempt", { min: 1, max: 1_000_000 }),
      maxBytes: whole(query, "maxBytes", { min: 1, max: 16 * 1024 * 1024 }),
    });
    if (logs === undefined) throw unknown(params);
    return { items: logs };
  });
  api.delete<{ Querystring: Query }>("/jobs", async ({ query }) => ({
    items: (await jobsOf(ask()).remove(filterOf(query))).map((name) => ({ name })),
  }));
}

function jobsOf({ jobs }: Pick<StandardRun, "jobs">) {
  if (jobs === undefined) throw new TideError("JOBS_OFF", "there are no jobs to ask for");
  return jobs;
}

function unknown({ namespace, name }: Named): TideError {
  return new TideError("JOB_UNKNOWN", `there is no job ${namespace}/${name}`);
}

function filterOf(query: Query) {
  const state = word(query, "state", states);
  return {
    namespace: one(query, "namespace"),
    name: one(query, "name"),
    states: state === undefined ? undefined : [state],
  };
}
