import { aborted, within } from "../lib/abort.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { Listeners } from "./listeners.ts";
import type { Pauses } from "./pauses.ts";
import { sourceName } from "./reload-merge.ts";
import type { Changes } from "./reload-report.ts";
import type { RunningSource } from "./source-run.ts";

export interface SourceSetParts {
  /** Makes a source, which `hold` starts. */
  readonly make: (plan: SourcePlan) => RunningSource;
  readonly pauses: Pauses;
  readonly listeners: Pick<Listeners, "keepPorts">;
}

/** A source ends within a second of its abort; one that does not is left behind. */
const longestStopMs = 10_000;
/** How long a reload waits for what it started, at most: an upstream may be away. */
const longestStartMs = 5_000;

/** The sources that run, and how they become others. */
export class SourceSet {
  /** The same array for ever: whoever has it sees the sources of now. */
  readonly running: RunningSource[] = [];
  readonly #parts: SourceSetParts;

  constructor(parts: SourceSetParts) {
    this.#parts = parts;
  }

  start(plans: readonly SourcePlan[]): void {
    for (const plan of plans) this.running.push(this.#start(plan));
  }

  /**
   * From now on these run. One whose entry and secrets are the same keeps its connections and what it has under way. Of the
   * others the old ones stop first, all of them, so that a port or a queue is free for whoever has it next; what they
   * have taken goes on to the bus.
   */
  async become(plans: readonly SourcePlan[], signal: AbortSignal): Promise<Omit<Changes, "failed">> {
    const before = new Map(this.running.map((source) => [sourceName(source.plan), source]));
    const same = new Map<string, RunningSource>();
    for (const plan of plans) {
      const name = sourceName(plan);
      const source = before.get(name);
      if (source === undefined || entryOf(source.plan) !== entryOf(plan)) continue;
      if (!(await source.secretsChanged())) same.set(name, source);
    }
    signal.throwIfAborted();
    using _ = this.#parts.listeners.keepPorts();
    const leaving = this.running.filter(({ plan }) => !same.has(sourceName(plan)));
    await atMost(
      longestStopMs,
      leaving.map((source) => source.stop()),
    );
    const names = plans.map(sourceName);
    const started: RunningSource[] = [];
    // stopped while it waited: nothing is started any more, and what runs is listed
    const next = signal.aborted ? plans.filter((plan) => same.has(sourceName(plan))) : plans;
    const running = next.map((plan) => {
      const source = same.get(sourceName(plan)) ?? this.#start(plan);
      if (!same.has(sourceName(plan))) started.push(source);
      return source;
    });
    this.running.splice(0, this.running.length, ...running);
    await atMost(
      longestStartMs,
      started.map(({ settled }) => settled),
      signal,
    );
    return {
      added: names.filter((name) => !before.has(name)),
      changed: names.filter((name) => before.has(name) && !same.has(name)),
      removed: [...before.keys()].filter((name) => !names.includes(name)),
      kept: names.filter((name) => same.has(name)),
    };
  }

  /** Looks again at what is paused. */
  hold(): void {
    for (const source of this.running) source.hold(this.#pauseOf(source.plan));
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.running.map((source) => source.stop()));
  }

  #start(plan: SourcePlan): RunningSource {
    const source = this.#parts.make(plan);
    source.hold(this.#pauseOf(plan));
    return source;
  }

  #pauseOf({ namespace, eventSource, event }: SourcePlan) {
    return this.#parts.pauses.of({ kind: "source", namespace, names: [eventSource, event] });
  }
}

/** What of an entry makes it another one. */
function entryOf({ kind, bus, revision, folder }: SourcePlan): string {
  return JSON.stringify([kind, bus, revision, folder]);
}

const never = new AbortController().signal;

/** Waits for all of them, at most so long. */
async function atMost(ms: number, all: readonly Promise<void>[], signal: AbortSignal = never): Promise<void> {
  if (all.length === 0) return;
  using over = within(signal, ms);
  await Promise.race([Promise.allSettled(all), aborted(over.signal)]);
}
