import { describe, expect, it } from "vitest";
import type { Cluster, CreateRequest } from "../../kit/cluster.ts";
import { withLocalJobs } from "./with-local-jobs.ts";

const { signal } = new AbortController();
const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "a" } };
const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } };

/** Something that only says who was asked. */
function asked(who: string): Cluster {
  const says = async () => ({ said: who });
  return {
    create: says,
    get: async () => ({ who }),
    list: async () => ({ items: [{ who }], resourceVersion: "1" }),
    async *watch() {
      yield { type: "ADDED", object: { who } };
    },
    update: says,
    patch: says,
    delete: says,
  };
}

const create = (to: Cluster, object: CreateRequest["object"]) =>
  to.create({ object, namespace: "shop", key: "k", folder: "/", signal });

describe("Jobs as local processes", () => {
  it("take the place of those in the cluster; all other objects go there", async () => {
    const to = withLocalJobs(asked("local"), asked("cluster"));
    expect(await create(to, job)).toEqual({ said: "local" });
    expect(await create(to, pod)).toEqual({ said: "cluster" });
    const place = { ...pod, namespace: "shop", name: "a" };
    expect(await to.get(place, signal)).toEqual({ who: "cluster" });
    expect(await to.delete(place, signal)).toEqual({ said: "cluster" });
    const query = { apiVersion: "v1", resource: "pods", namespace: undefined, resourceVersion: "1" };
    for await (const { object } of to.watch(query, signal)) expect(object).toEqual({ who: "cluster" });
    await expect(to.list({ ...query, apiVersion: "batch/v1", resource: "jobs" }, signal)).rejects.toMatchObject({
      code: "OPERATION_UNSUPPORTED",
    });
  });

  it("without a cluster are all that there is", async () => {
    const to = withLocalJobs(asked("local"), undefined);
    // whoever makes Jobs says why it makes nothing else
    expect(await create(to, pod)).toEqual({ said: "local" });
    await expect(to.get({ ...pod, namespace: "shop", name: "a" }, signal)).rejects.toMatchObject({ code: "JOBS_ONLY" });
    const watching = to.watch(
      { apiVersion: "v1", resource: "pods", namespace: undefined, resourceVersion: "1" },
      signal,
    );
    await expect(watching[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "JOBS_ONLY" });
  });
});
