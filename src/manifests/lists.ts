import type { Source } from "../kit/source.ts";
import type { Trigger } from "../kit/trigger.ts";
import type { Finding } from "../lib/finding.ts";
import type { SensorPlan } from "../sensors/plan.ts";

/** What an event source type is to a manifest; every `Source` is one. */
export type SourceType = Source<unknown>;

/** What a trigger type is to a manifest; every `Trigger` is one. */
type TriggerType = Pick<Trigger<unknown, unknown>, "kind" | "config" | "lint" | "example">;

/** Which Sensor is compiled. */
interface SensorContext {
  readonly namespace: string;
  readonly name: string;
  readonly bus: string;
  /** Folder of the manifest. */
  readonly folder: string;
  /** Trigger types beyond those of Argo Events. */
  readonly kinds: readonly string[];
}

interface CompiledSensor {
  /** undefined when a finding is an error. */
  readonly plan: SensorPlan | undefined;
  /** Paths from the root of the object. */
  readonly findings: readonly Finding[];
}

/** Everything that planning is given, so that it stays pure: the connectors and the compilers. */
export interface Lists {
  readonly sources: readonly SourceType[];
  readonly triggers: readonly TriggerType[];
  /** Checks the shape of a whole Sensor object and compiles all of it but the trigger types' own settings. */
  compileSensor(object: unknown, context: SensorContext): CompiledSensor;
  /** `filter.expression` over the event's data bytes; throws an ExpressionError with the position. */
  compileFilter(expression: string): (data: Uint8Array) => boolean;
}

export interface ReadOptions {
  /** Unknown and misplaced fields are errors. */
  readonly strict?: boolean | undefined;
}
