import { describe, expect, it } from "vitest";
import { jobName, readJob } from "./job-spec.ts";
import { shellJob } from "./job-trial.ts";

const plain = shellJob("one", "true");

describe("a Job", () => {
  it("has Kubernetes' defaults", () => {
    expect(readJob(plain)).toMatchObject({
      backoffLimit: 6,
      deadlineMs: undefined,
      ttlMs: undefined,
      graceMs: 30_000,
      suspended: false,
      restartPolicy: "Never",
    });
  });

  it.each([
    ["JOBS_ONLY", { ...plain, kind: "Pod" }, "batch/v1 Pod"],
    ["JOBS_ONLY", { ...plain, apiVersion: "argoproj.io/v1alpha1", kind: "Workflow" }, "Workflow"],
    ["JOBS_ONLY", {}, "undefined"],
    ["JOB_INVALID", { apiVersion: "batch/v1", kind: "Job", metadata: {} }, "spec must be object"],
    ["JOB_INVALID", { ...plain, spec: { template: 1 } }, "spec.template must be object"],
    ["JOB_INVALID", shellJob("one", "", { pod: { restartPolicy: "Always" } }), "must be Never or OnFailure"],
    ["JOB_INVALID", shellJob("one", "", { pod: { containers: [] } }), "at least one container"],
    ["JOB_INVALID", shellJob("one", "", { container: { command: undefined } }), "needs `command`"],
    ["JOB_INVALID", shellJob("one", "", { container: { args: [1] } }), "containers.0.args.0 must be string"],
    ["JOB_INVALID", shellJob("one", "", { container: { name: "../x" } }), "containers.0.name"],
    [
      "JOB_INVALID",
      shellJob("one", "", { container: { env: [{ name: "A", value: 5 }] } }),
      "env.0.value must be string",
    ],
    ["JOB_INVALID", shellJob("one", "", { spec: { backoffLimit: -1 } }), "spec.backoffLimit"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { spec: { parallelism: 2 } }), "spec.parallelism: 2"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { spec: { completions: 3 } }), "spec.completions: 3"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { spec: { completionMode: "Indexed" } }), "completionMode"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { spec: { podFailurePolicy: { rules: [] } } }), "podFailurePolicy"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { container: { volumeMounts: [{}] } }), "volumeMounts"],
    ["JOB_UNSUPPORTED", shellJob("one", "", { container: { restartPolicy: "Always" } }), "restartPolicy"],
    [
      "JOB_UNSUPPORTED",
      shellJob("one", "", { container: { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }] } }),
      "fieldRef spec.x",
    ],
  ])("is refused with %s, naming the fault", (code, object, text) => {
    expect(() => readJob(object)).toThrow(
      expect.objectContaining({ code, retry: "never", message: expect.stringContaining(text) }),
    );
  });
});

describe("its name", () => {
  it("from generateName is the same for the same firing, another for another, and short enough", () => {
    const named = (generateName: string, key: string) => jobName({ metadata: { generateName } }, key);
    expect(named("pack-", "f1")).toMatch(/^pack-[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(named("pack-", "f1")).toBe(named("pack-", "f1"));
    expect(named("pack-", "f1")).not.toBe(named("pack-", "f2"));
    expect(named("a".repeat(100), "f1")).toHaveLength(63);
  });

  it.each([{}, { name: "" }, { name: "../../etc" }, { name: "A" }, { name: "a".repeat(64) }, { generateName: "-x" }])(
    "of %j is refused",
    (metadata) => {
      expect(() => jobName({ metadata }, "f1")).toThrow(expect.objectContaining({ code: "JOB_INVALID" }));
    },
  );
});
