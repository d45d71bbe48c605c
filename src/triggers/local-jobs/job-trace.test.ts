import { rm } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ChildSpan } from "../../kit/trigger.ts";
import { openJobs, shellJob, trialFolder } from "./job-trial.ts";
import type { LocalJobs } from "./local-jobs.ts";

let folder: string;
let told: (ChildSpan & { readonly ticket: string })[] = [];
const { signal } = new AbortController();

beforeEach(async () => {
  folder = await trialFolder();
  told = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = (): Promise<LocalJobs> =>
  openJobs(folder, { tell: (ticket, span) => void told.push({ ...span, ticket }) });

function create(jobs: LocalJobs, object: object, ticket?: string) {
  const request = { object: object as Record<string, unknown>, namespace: "shop", key: "f1", folder, signal };
  return jobs.create(ticket === undefined ? request : { ...request, ticket });
}

test("a Job over a restart is one span from its first start on, with each of its runs", async () => {
  const script = "if [ -e again ]; then exit 0; fi; touch again; echo up; sleep 1000 & wait";
  {
    await using jobs = await open();
    await create(jobs, shellJob("one", script, { spec: { backoffLimit: 0 } }), "the ticket");
    const text = async () => (await jobs.logs("shop", "one"))?.[0]?.text ?? "";
    await expect.poll(text, { timeout: 20_000, interval: 10 }).not.toBe("");
  }
  const before = told.map(({ name }) => name);
  await using jobs = await open();
  await jobs.finished("shop", "one", signal);
  expect(before).toEqual(["started", "run 1"]);
  expect(told.map(({ name }) => name)).toEqual([...before, "run 2", "job shop/one"]);
  const [started, first, second, job] = told;
  expect(new Set(told.map(({ ticket }) => ticket))).toEqual(new Set(["the ticket"]));
  expect(started).toMatchObject({ startUs: job?.startUs, endUs: job?.startUs });
  expect(started?.attributes).toMatchObject({ "tidemill.starts": job?.spanId });
  expect(first).toMatchObject({ parentId: job?.spanId, error: expect.stringContaining("interrupted") });
  expect(second).toMatchObject({ parentId: job?.spanId });
  expect([second?.error, job?.error, job?.attributes?.["tidemill.job.runs"]]).toEqual([undefined, undefined, 2]);
  expect(job?.endUs).toBeGreaterThanOrEqual(second?.endUs ?? Number.POSITIVE_INFINITY);
});

test("one that is removed is told as ended, and one that no trace is kept of tells nothing", async () => {
  await using jobs = await open();
  await create(jobs, shellJob("silent", "true"));
  await jobs.finished("shop", "silent", signal);
  expect(told).toEqual([]);
  await create(jobs, shellJob("gone", "sleep 1000", { pod: { terminationGracePeriodSeconds: 0 } }), "t");
  await expect.poll(() => told.length, { timeout: 20_000, interval: 10 }).toBe(1);
  await jobs.remove({ name: "gone" });
  expect(told.at(-1)).toMatchObject({ name: "job shop/gone", error: "the job was removed" });
});
