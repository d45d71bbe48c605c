import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { until } from "../../../test/until.ts";
import { k8s } from "../k8s.ts";
import { openJobs, shellJob, trialFolder } from "../local-jobs/job-trial.ts";
import { withLocalJobs } from "../local-jobs/with-local-jobs.ts";
import { eventOf, trial } from "../trial.ts";
import { withTrace } from "./trace.ts";

const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const marks = {
  trace: { context: { traceparent, tracestate: "a=b" }, span: () => undefined },
  events: new Map([
    ["one", eventOf("{}")],
    ["two", { ...eventOf("{}"), id: "1".repeat(32) }],
    ["again", eventOf("{}")],
  ]),
};
const annotations = {
  "tidemill.dev/traceparent": traceparent,
  "tidemill.dev/event-id": `${"0".repeat(32)},${"1".repeat(32)}`,
};
const variables = [
  { name: "TRACEPARENT", value: traceparent },
  { name: "TRACESTATE", value: "a=b" },
];
const pod = { initContainers: [{ name: "i" }], containers: [{ name: "c", env: [{ name: "A", value: "1" }] }] };
const traced = {
  initContainers: [{ name: "i", env: variables }],
  containers: [{ name: "c", env: [{ name: "A", value: "1" }, ...variables] }],
};

describe("the trace in an object", () => {
  it("is in its annotations, and in the environment of a Pod's or a Job's containers", () => {
    expect(withTrace({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: pod }, marks)).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", annotations },
      spec: traced,
    });
    const spec = { backoffLimit: 1, template: { metadata: {}, spec: pod } };
    expect(withTrace({ apiVersion: "batch/v1", kind: "Job", spec }, marks)).toEqual({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { annotations },
      spec: { backoffLimit: 1, template: { metadata: {}, spec: traced } },
    });
  });

  it.each([
    ["batch/v1", "CronJob", { jobTemplate: { spec: { template: { spec: pod } } } }],
    ["apps/v1", "Deployment", { template: { spec: pod } }],
    ["argoproj.io/v1alpha1", "Workflow", { templates: [{ container: {} }] }],
  ])("is only in the annotations of %s %s, which makes pods of its own", (apiVersion, kind, spec) => {
    expect(withTrace({ apiVersion, kind, spec }, marks)).toEqual({ apiVersion, kind, spec, metadata: { annotations } });
  });

  it("leaves what the manifest sets itself, and what the API will refuse", () => {
    const own = { env: [{ name: "TRACEPARENT", valueFrom: {} }] };
    const spec = { containers: [own, { env: "x" }, 7, { env: null }] };
    const metadata = { annotations: { "tidemill.dev/traceparent": "mine", a: "1" } };
    expect(withTrace({ apiVersion: "v1", kind: "Pod", metadata, spec }, marks)).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { annotations: { ...annotations, "tidemill.dev/traceparent": "mine", a: "1" } },
      spec: { containers: [own, { env: "x" }, 7, { env: variables }] },
    });
    const odd = { apiVersion: "v1", kind: "Pod", metadata: { annotations: "x" }, spec: 1 };
    expect(withTrace(odd, marks)).toBe(odd);
  });
});

it("a Job that runs on this machine finds its trace in its environment", async () => {
  const folder = await trialFolder();
  try {
    await using jobs = await openJobs(folder);
    const file = path.join(folder, "seen");
    const resource = shellJob("traced", `printf %s "$TRACEPARENT" > seen.new; mv seen.new ${file}`);
    await using one = await trial(k8s, { source: { resource } }, { cluster: withLocalJobs(jobs, undefined), folder });
    await one.fire();
    expect(await until("the Job wrote its file", () => readFile(file, "utf8"))).toBe(traceparent);
  } finally {
    await rm(folder, { recursive: true });
  }
});
