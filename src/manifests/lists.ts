import type { EgressPolicy } from "../kit/egress.ts";
import type { Source } from "../kit/source.ts";
import type { Trigger } from "../kit/trigger.ts";
import type { Finding } from "../lib/finding.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import type { ReadText } from "./schema-files.ts";

/** What an event source type is to a manifest; every `Source` is one. */
export type SourceType = Source<unknown>;

/** What a trigger type is to a manifest; every `Trigger` is one. */
export type TriggerType = Pick<
  Trigger<unknown, unknown>,
  "kind" | "title" | "summary" | "config" | "lint" | "reaches" | "example"
>;

/** Which Sensor is compiled. */
interface SensorContext {
  readonly namespace: string;
  readonly name: string;
  readonly bus: string;
  /** Folder of the manifest. */
  readonly folder: string;
  /** Trigger types beyond those of Argo Events. */
  readonly kinds: readonly string[];
  /** What the template functions `env` and `expandenv` read; without it they are refused (reference F4). */
  readonly env?: (name: string) => string;
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
  /** `filter.expression` over the event's data bytes and the time of arrival; throws an ExpressionError with the position. */
  compileFilter(expression: string): (data: Uint8Array, nowMs: number) => boolean;
  /** The text of a function's module; undefined: it is not there. Absent where manifests are not from files. */
  moduleAt?(path: string): string | undefined;
  /** The text of a schema file; absent where manifests come from no folder. */
  readonly readText?: ReadText;
}

export interface ReadOptions {
  /** Unknown and misplaced fields are errors. */
  readonly strict?: boolean | undefined;
  /** Lets templates read variables with `env` and `expandenv`; without it they are refused (reference F4). */
  readonly templateEnv?: ((name: string) => string) | undefined;
  /** Also what is valid and probably not meant. */
  readonly traps?: boolean | undefined;
  /** Also what Argo Events does not know or does otherwise. */
  readonly portable?: boolean | undefined;
  /** With `traps`: what the run will let be connected to. */
  readonly egress?: EgressPolicy | undefined;
}
