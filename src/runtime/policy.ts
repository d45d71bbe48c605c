import type { Cluster, ObjectPlace } from "../kit/cluster.ts";
import type { Clock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import { member } from "../sensors/json.ts";
import type { PolicyPlan } from "../sensors/plan.ts";

/**
 * `policy.k8s` (reference 3.8): looks at the object until it has all labels, `attempts` times, with growing pauses between.
 * Resolves when it has them, or never got them and `errorOnBackoffTimeout` is not set. Rejects with POLICY_UNMET, or with
 * what the cluster answers; an object that is gone is RESOURCE_MISSING.
 */
export async function labelsOf(
  object: ObjectPlace,
  policy: NonNullable<PolicyPlan["k8s"]>,
  cx: {
    readonly cluster: Pick<Cluster, "get">;
    readonly clock: Clock;
    readonly random: () => number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { labels, attempts, baseMs, factor, jitter = 0, errorOnBackoffTimeout } = policy;
  const { cluster, clock, random, signal } = cx;
  let pauseMs = baseMs;
  for (let looks = 1; ; looks++) {
    const found = await cluster.get(object, signal);
    if (found === undefined) throw new TideError("RESOURCE_MISSING", `${sayObject(object)} is gone`);
    const missing = missingOf(labels, member(member(found, "metadata"), "labels"));
    if (missing.length === 0) return;
    if (looks >= attempts) {
      if (!errorOnBackoffTimeout) return;
      throw new TideError("POLICY_UNMET", `${sayObject(object)} did not get the labels ${missing.join(", ")}`);
    }
    await clock.sleep(Math.min(pauseMs * (1 + jitter * random()), longestPauseMs), signal);
    pauseMs *= factor;
  }
}

const longestPauseMs = 24 * 3_600_000;

function missingOf(wanted: Readonly<Record<string, string>>, labels: unknown): readonly string[] {
  return Object.entries(wanted).flatMap(([name, value]) =>
    member(labels, name) === value ? [] : [`${name}=${value}`],
  );
}

function sayObject(object: ObjectPlace): string {
  return `${"kind" in object ? object.kind : object.resource} ${object.namespace}/${object.name}`;
}
