import type { BusFolder } from "../bus/embedded/open.ts";
import type { EgressPolicy } from "../kit/egress.ts";
import type { ChildSpan, Cluster, Trigger } from "../kit/trigger.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { Values } from "../manifests/values.ts";
import type { EventRecord } from "../record/record.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { LineSink } from "./export-lines.ts";
import type { Tracing } from "./export-spans.ts";
import type { Documents } from "./live-values.ts";
import type { Recompile } from "./plan-store.ts";
import type { Witness } from "./witness.ts";

/** What a run is made of. */
export interface RunOptions {
  readonly manifests: Manifests;
  readonly triggers: readonly Trigger<unknown, unknown>[];
  readonly recompile: Recompile;
  /** undefined keeps everything in memory (`--ephemeral`). */
  readonly dataDir: string | undefined;
  /** Opens the record; undefined: none. */
  readonly openRecord?: () => Promise<EventRecord>;
  /** Opens what spans are exported by; undefined: they are not. */
  readonly openTracing?: (() => Promise<Tracing & AsyncDisposable>) | undefined;
  /** Where log lines of what happens to events go; it is the caller's, who closes it last. */
  readonly lines?: LineSink | undefined;
  /** Opens what runs Kubernetes objects, given where it may keep things. */
  readonly openCluster?: (cx: ClusterContext) => Promise<(Cluster & AsyncDisposable) | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secretsDir?: string | undefined;
  /** Where webhook listeners bind; 127.0.0.1 unless given. */
  readonly listenHost?: string | undefined;
  /** What sources and triggers may connect to; everything but link-local and metadata addresses unless given. */
  readonly egress?: EgressPolicy | undefined;
  readonly version: string;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly drainTimeoutMs?: number;
  readonly busMaxBytes?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  readonly maxEventBytes?: number | undefined;
  readonly recordAgeMs?: number | undefined;
  readonly witness?: Witness | undefined;
}

/** What running Kubernetes objects may use of the run. */
export interface ClusterContext {
  readonly state: ReturnType<ReturnType<BusFolder["bus"]>["state"]>;
  readonly dataDir: string | undefined;
  readonly values: Values;
  readonly documents: Documents;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps a part of an attempt that it told of after its end, by its ticket. */
  readonly tell: (ticket: string, span: ChildSpan) => void;
}
