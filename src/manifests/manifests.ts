import type { Source } from "../kit/source.ts";
import type { PlacedFinding } from "../lib/finding.ts";
import type { UsedSchema } from "../schemas/compile-written.ts";
import type { SensorPlan } from "../sensors/plan.ts";

/** Everything that was read: what can run, and what was found wrong. Invalid entries do not stop the valid ones. */
export interface Manifests {
  readonly sources: readonly SourcePlan[];
  readonly sensors: readonly SensorPlan[];
  readonly buses: readonly BusPlan[];
  readonly secrets: readonly ValuesDocument[];
  readonly configMaps: readonly ValuesDocument[];
  /** Sensors that are there but invalid: they keep their place on the bus. */
  readonly invalidSensors: readonly { readonly namespace: string; readonly bus: string; readonly name: string }[];
  /** Objects of other kinds, by kind: listed once, then left alone. */
  readonly ignored: readonly { readonly kind: string; readonly name: string; readonly file: string }[];
  readonly findings: readonly PlacedFinding[];
  /** Where the objects of our kinds, Secrets and ConfigMaps stand, valid or not. */
  readonly origins: readonly Origin[];
  /** Files read, in order. */
  readonly files: readonly string[];
}

/** An object and its place: a reload asks whether one that is missing was removed, or only written wrongly. */
export interface Origin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  /** Its first line. */
  readonly line: number;
  /** An error was found in it. */
  readonly faulty: boolean;
}

/** One entry of an EventSource. */
export interface SourcePlan {
  readonly namespace: string;
  readonly bus: string;
  readonly eventSource: string;
  readonly event: string;
  readonly kind: string;
  /** `context.type` of its events. */
  readonly type: string;
  /** undefined: a type of the reference without a connector yet. */
  readonly source: Source<unknown> | undefined;
  readonly config: unknown;
  /**
   * `filter.expression`, compiled: true passes; throws an ExpressionError that becomes a visible receipt. `nowMs` is the
   * arrival, which is the event's `time`, so that the verdict can be had again.
   */
  readonly filter: ((data: Uint8Array, nowMs: number) => boolean) | undefined;
  /** What the data of its events must be like; a draft that is not is refused. */
  readonly schema?: UsedSchema;
  readonly revision: string;
  readonly folder: string;
}

export interface BusPlan {
  readonly namespace: string;
  readonly name: string;
  /** `nats`, `jetstream`, `jetstreamExotic` or `kafka`. */
  readonly kind: string;
}

/** A Secret or ConfigMap of the manifests; values decoded. */
export interface ValuesDocument {
  readonly namespace: string;
  readonly name: string;
  readonly data: ReadonlyMap<string, string>;
}
