import { describe, expect, it } from "vitest";
import type { Cluster, KubeObject } from "../kit/cluster.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { labelsOf } from "./policy.ts";

const object = { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", namespace: "shop", name: "pack" };
const policy = {
  labels: { "workflows.argoproj.io/phase": "Succeeded" },
  attempts: 3,
  baseMs: 1000,
  factor: 2,
  jitter: 0.5,
  errorOnBackoffTimeout: true,
};
const done = { metadata: { labels: policy.labels } };

/** Looks until the policy is met; `answers` are what each look finds, the last one again and again. */
async function look(answers: readonly (KubeObject | undefined)[], changed: Partial<typeof policy> = {}) {
  const clock = new VirtualClock();
  const startedMs = clock.nowMs();
  const looksMs: number[] = [];
  const stop = new AbortController();
  const get: Cluster["get"] = async () => {
    looksMs.push(clock.nowMs() - startedMs);
    return answers[Math.min(looksMs.length, answers.length) - 1];
  };
  const cx = { cluster: { get }, clock, random: () => 0.5, signal: stop.signal };
  const met = labelsOf(object, { ...policy, ...changed }, cx).then(
    () => "met",
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
  let ended = false;
  void met.finally(() => {
    ended = true;
  });
  while (!ended) {
    await new Promise(setImmediate);
    if (clock.nextMs !== undefined) await clock.advance(clock.nextMs - clock.nowMs());
  }
  return { met: await met, looksMs };
}

describe("policy.k8s", () => {
  it("is met at once, or once all labels are there; the pauses grow", async () => {
    expect(await look([done])).toEqual({ met: "met", looksMs: [0] });
    const half = { metadata: { labels: { "workflows.argoproj.io/phase": "Running" } } };
    expect(await look([{}, half, done])).toEqual({ met: "met", looksMs: [0, 1250, 3750] });
  });

  it("that is never met is a failure only where the manifest says so", async () => {
    const { met, looksMs } = await look([{}]);
    expect(met).toBe("POLICY_UNMET: Workflow shop/pack did not get the labels workflows.argoproj.io/phase=Succeeded");
    expect(looksMs).toHaveLength(3);
    expect((await look([{}], { errorOnBackoffTimeout: false })).met).toBe("met");
  });

  it("of an object that is gone fails at once", async () => {
    expect(await look([{}, undefined])).toEqual({
      met: "RESOURCE_MISSING: Workflow shop/pack is gone",
      looksMs: [0, 1250],
    });
  });

  it("ends with its signal", async () => {
    const stop = new AbortController();
    const clock = new VirtualClock();
    const cluster = { get: async () => ({}) };
    const waiting = labelsOf(object, policy, { cluster, clock, random: () => 0, signal: stop.signal });
    while (clock.sleeping === 0) await new Promise(setImmediate);
    stop.abort(new Error("stop"));
    await expect(waiting).rejects.toThrow("stop");
  });
});
