import type { Conditions } from "../expressions/conditions.ts";
import type { GjsonPath } from "../expressions/gjson.ts";
import type { GoTemplate } from "../expressions/go-template.ts";
import type { Parameter, ParameterSource } from "../kit/trigger.ts";
import type { AllowRule } from "../lib/egress-rules.ts";
import type { Event } from "../lib/event.ts";
import type { SchemaBundle } from "../schemas/bundle.ts";
import type { EventView } from "./filters/view.ts";
import type { AllowEntry, TargetKind } from "./notify-allow.ts";

/**
 * A Sensor, checked and compiled: all that deciding and acting need, made once at load by `compile.ts`. Never changed
 * afterwards. `revision` names it for ever: a firing is acted on by the plan that made it.
 */
export interface SensorPlan {
  readonly namespace: string;
  readonly bus: string;
  readonly name: string;
  /** Hash of the spec, 16 hex digits. */
  readonly revision: string;
  /** The spec as written (JSON), stored under the revision so that it can be compiled again after a restart. */
  readonly spec: unknown;
  /** The folder of the manifest: base of relative paths. */
  readonly folder: string;
  readonly dependencies: readonly DependencyPlan[];
  readonly triggers: readonly TriggerPlan[];
  /** By dependency, the triggers whose conditions name it, in their order: an event costs nothing at the others. */
  readonly wantedBy: ReadonlyMap<string, readonly TriggerPlan[]>;
  readonly notifications: readonly NotificationPlan[];
  /** All that its triggers may connect to; absent: what the operator allows. */
  readonly egress?: readonly AllowRule[];
}

export interface DependencyPlan {
  readonly name: string;
  readonly eventSource: string;
  readonly event: string;
  /** Where one of the two names is a glob: whether it stands for this EventSource and event (reference 3.1). */
  readonly glob?: (eventSource: string, event: string) => boolean;
  /** Hash of the definition: partial state kept under another one is dropped (reference 3.5). */
  readonly hash: string;
  /** What the data of its events must be like. */
  readonly schema?: SchemaBundle;
  /** Transform, filters and schema on one event. Pure: clock and randomness come in. Never throws. */
  readonly evaluate: (event: Event, cx: EvaluateContext) => Evaluation;
  /**
   * A literal that the event's data must have at a plain path, where the filters demand one: events are sorted by it
   * before any filter runs, so that a thousand sensors with different literals cost as much as one. An event without
   * data bytes passes such filters all the same (reference 3.4).
   */
  readonly literal?: {
    readonly path: string;
    /** `text`: equal as gjson prints it; `number`: equal as numbers, `String(n)`; `part`: a part of that text. */
    readonly as: "text" | "number" | "part";
    readonly values: readonly string[];
  };
}

export interface EvaluateContext {
  readonly nowMs: number;
  readonly seed: number;
  /** All clauses, also after the answer is known (for `why` and `eval`); the runtime stops at the first no. */
  readonly explain?: boolean;
  /** The event's data, shared between all dependencies that look at it; used only where it is of this event. */
  readonly view?: EventView;
}

export interface Evaluation {
  readonly passed: boolean;
  /** The event after the transform; the same object where there is none. */
  readonly event: Event;
  /** It would have passed, but its data is not as the schema says: it becomes a dead letter. The event is as it came then. */
  readonly invalid?: string;
  /** It did not pass because the transform failed. */
  readonly untransformed?: true;
  /** Only with `explain`. */
  readonly clauses: readonly Clause[];
}

/** One filter's verdict, as `why` and `eval` print it. */
export interface Clause {
  readonly kind: "transform" | "exprs" | "data" | "context" | "time" | "script" | "pattern" | "schema";
  readonly index: number;
  readonly passed: boolean;
  /** The value that it met, as text; absent when there was none. */
  readonly value?: string;
  readonly reason: string;
}

export interface TriggerPlan {
  readonly name: string;
  /** The key of its type in the template, such as `http`. */
  readonly kind: string;
  /** The template's JSON text: trigger-level parameters are applied to it (reference 3.7). */
  readonly template: string;
  readonly conditions: Conditions;
  readonly parameters: readonly Parameter[];
  readonly retry: RetryPlan;
  readonly policy: PolicyPlan | undefined;
  readonly rateLimit: { readonly count: number; readonly perMs: number } | undefined;
  readonly atLeastOnce: boolean;
  /**
   * When an event that is held since `heldAtMs` ends without a firing: the next tick of `conditionsReset`, or the end of
   * its `ttl`, whichever comes first. Absent where nothing ends by itself.
   */
  readonly ending?: (heldAtMs: number) => Ending | undefined;
  /** Calls at once. */
  readonly concurrency: number;
  /** One firing at a time in bus order, a retry holding those behind it: `atLeastOnce` without anything that says else. */
  readonly serial: boolean;
  /** Longest time of one attempt. */
  readonly timeoutMs?: number;
  /** Firings with equal keys run in order, one at a time. */
  readonly orderBy?: KeyPath;
  readonly debounce?: DebouncePlan;
  readonly batch?: BatchPlan;
  /** When its firings wait for a target that is down; absent: never. */
  readonly breaker?: BreakerPlan;
  /** Whether it is a time of maintenance, in which firings wait. */
  readonly maintenance?: (nowMs: number) => Maintenance;
  readonly dlqTrigger: TriggerPlan | undefined;
  /** What `env` and `expandenv` read in its parameters' templates; absent: they are refused (reference F4). */
  readonly env?: (name: string) => string;
  /** Where its definition stands in the Sensor, for findings: `["spec", "triggers", 0]`. */
  readonly path: readonly (string | number)[];
}

/** What a notification tells of: a firing that is dead, an attempt that will be repeated, a success after those. */
export type NotifyState = "dead" | "failed" | "recovered";

/** Who is told of failures of a sensor's triggers. */
export interface NotificationPlan {
  readonly name: string;
  readonly on: ReadonlySet<NotifyState>;
  /** Whether failures of the trigger of this name are told. */
  readonly wants: (trigger: string) => boolean;
  /** How the template's own target is told; named as the notification. */
  readonly trigger: TriggerPlan;
  /** Where the job's own name stands in its events. */
  readonly job?: KeyPath;
  readonly target?: OwnTargetPlan;
  readonly fold?: FoldPlan;
}

/** A target that the event names. */
export interface OwnTargetPlan {
  readonly from: ParameterSource;
  readonly allow: readonly AllowEntry[];
  /** How targets of a kind are told; named `NOTIFICATION@KIND`. */
  readonly ways: ReadonlyMap<TargetKind, TriggerPlan>;
}

export interface FoldPlan {
  readonly windowMs: number;
  /** Prints what tells failures apart; undefined: sensor, trigger and code. */
  readonly key?: GoTemplate;
}

/** Where the key of a firing stands in its events. */
export interface KeyPath {
  readonly path: GjsonPath;
  /** The one dependency whose event has it; undefined: the first of the condition's that does. */
  readonly dependency: string | undefined;
}

/** Of firings in quick succession only the last one runs, once `windowMs` have passed without another. */
export interface DebouncePlan {
  readonly windowMs: number;
  /** Told apart by this; those without it fire at once. */
  readonly by?: KeyPath;
}

/** One call for up to `size` firings; the first of them waits at most `windowMs` for the others. */
export interface BatchPlan {
  readonly size: number;
  readonly windowMs: number;
}

/** A target that failed `failures` times in a row is left alone for `pauseMs`, then for ever longer, up to `maxPauseMs`. */
export interface BreakerPlan {
  readonly failures: number;
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

/** Maintenance at a moment; times are Unix milliseconds. */
export interface Maintenance {
  /** The end of the window that it is in; where windows overlap or touch, of the last of them. Absent outside of windows. */
  readonly untilMs?: number;
  /** When the next window begins; absent inside of one, and when there is none. */
  readonly beginsMs?: number;
}

/** The end of a partial event that did not become a firing. */
export interface Ending {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly decision: "reset" | "expired";
}

export interface RetryPlan {
  /** In all, the first included. */
  readonly attempts: number;
  readonly baseMs: number;
  readonly factor: number;
  /** Spread of each pause: `d * (1 + jitter * random)` (reference 0, Backoff). */
  readonly jitter: number;
  /** No pause is longer, jitter included. */
  readonly capMs?: number;
  /** The manifest has a `retryStrategy`; without one only refused connections and DNS failures are tried again (5 times). */
  readonly declared: boolean;
}

export interface PolicyPlan {
  /** `policy.status.allow`. */
  readonly allow?: readonly number[];
  readonly k8s?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly attempts: number;
    readonly baseMs: number;
    readonly factor: number;
    readonly jitter?: number;
    readonly errorOnBackoffTimeout: boolean;
  };
}
