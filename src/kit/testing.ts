import { type Clock, systemClock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { StateStore } from "../lib/state.ts";
import type { Cluster } from "./cluster.ts";
import { createEgress, type Egress, localPolicy } from "./egress.ts";
import type { KeyRef } from "./fields.ts";
import type { Draft, EntryName, Refusal, Settled, Source, SourceContext } from "./source.ts";
import { Bench, type LogLine, type Taken, type TrialStatus } from "./testing-bench.ts";
import type { Listener } from "./webhook.ts";

/** What a trial is given besides the source and its configuration. */
export interface TrialOptions {
  /** Values of secrets, as `name/key`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where webhook-like sources get their routes; without it they are refused. */
  readonly http?: Listener;
  readonly clock?: Clock;
  /** The checkpoint of an earlier trial, to go on from. */
  readonly checkpoint?: StateStore;
  readonly entry?: EntryName;
  readonly cluster?: Cluster;
  /** What it may connect to; everything but link-local and metadata addresses unless given. */
  readonly egress?: Egress;
  /** Start the source again when it throws, as the supervisor does, but at once. Default: the trial fails. */
  readonly restart?: boolean;
}

/**
 * A source that runs against an emit in memory. The bus is up until `break` and durable at once until `hold`. An event with an
 * `upstreamId` that came before is a `duplicate`, as on a real bus.
 */
export interface Trial extends AsyncDisposable {
  /** The next draft that was taken; waits for it, at most `withinMs` (10 s). */
  next(withinMs?: number): Promise<Taken>;
  /** Everything that was taken so far, and everything the source refused by itself. */
  readonly taken: readonly Taken[];
  readonly refusals: readonly Refusal[];
  /** Ids of events whose upstream was told to forget them (`cx.acknowledged`). */
  readonly acknowledged: readonly string[];
  /** How often the source asked the bus, also in vain. */
  readonly emits: number;
  readonly restarts: readonly unknown[];
  readonly status: TrialStatus;
  readonly log: readonly LogLine[];
  /** Waits until `what` is true of the trial. */
  until(what: (trial: Trial) => boolean, withinMs?: number): Promise<void>;
  ready(withinMs?: number): Promise<void>;
  /** From now on nothing is durable: emit rejects. */
  break(error?: unknown): void;
  /** From now on emit does not resolve; what it holds goes on with `mend`. */
  hold(): void;
  mend(): void;
  /** The answer to each draft from now on, in place of `stored`. */
  answer(decide: (draft: Draft) => Pick<Receipt, "outcome" | "reason">): void;
  /** Settles the firings of an event. */
  settle(eventId: string, as: Settled): void;
  readonly checkpoint: StateStore;
  /** Aborts and waits for the end; rejects when that takes longer than a second, or with what the source threw. */
  stop(): Promise<void>;
}

/** Starts a source. `config` is taken as it would come from a manifest: checked against the source's schema. */
export function trial<C>(source: Source<C>, config: unknown, options: TrialOptions = {}): Trial {
  const parsed = source.config.parse(config);
  const bench = new Bench();
  const stop = new AbortController();
  const entry = options.entry ?? { namespace: "default", eventSource: "trial", event: "example" };
  const checkpoint = options.checkpoint ?? memoryStore();
  const context: SourceContext<C> = {
    config: parsed,
    entry,
    signal: stop.signal,
    log: bench.logger({}),
    clock: options.clock ?? systemClock,
    emit: (drafts) => bench.emit(drafts, entry),
    refuse: (refusals) => bench.refuse(refusals, entry),
    settled: (id, signal) => bench.settled(id, signal),
    acknowledged: (occurrences) => bench.acknowledge(occurrences, entry),
    ready: () => bench.say("ready"),
    waiting: (reason) => bench.say({ waiting: reason }),
    checkpoint,
    http: options.http ?? noListener,
    secret: (ref) => secretOf(options.secrets ?? {}, ref),
    sdk: (_name, load) => load(),
    egress: options.egress ?? createEgress(localPolicy),
    cluster: options.cluster,
  };
  const ended = live(source, context, { bench, restart: options.restart === true });
  ended.catch((error: unknown) => bench.fail(error));
  return handle(bench, { checkpoint, stop, ended });
}

/** What the test holds in its hand. */
function handle(
  bench: Bench,
  parts: { readonly checkpoint: StateStore; readonly stop: AbortController; readonly ended: Promise<void> },
): Trial {
  const end = async (): Promise<void> => {
    parts.stop.abort(new Error("the trial is over"));
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("the source did not end within a second of the abort")),
      1_000,
    );
    await Promise.race([parts.ended, late.promise]).finally(() => clearTimeout(timer));
  };
  const self: Trial = {
    checkpoint: parts.checkpoint,
    taken: bench.taken,
    refusals: bench.refusals,
    acknowledged: bench.acknowledged,
    restarts: bench.restarts,
    log: bench.log,
    get emits() {
      return bench.emits;
    },
    get status() {
      return bench.status;
    },
    next: (withinMs = 10_000) => bench.next(withinMs),
    until: (what, withinMs = 10_000) => bench.until(() => what(self), withinMs),
    ready: (withinMs = 10_000) => bench.until(() => bench.status === "ready", withinMs),
    break: (error = new TideError("UPSTREAM_FAILED", "the trial's bus is down")) => bench.turn({ down: error }),
    hold: () => bench.turn("held"),
    mend: () => bench.turn("up"),
    answer(decide) {
      bench.decide = decide;
    },
    settle: (id, as) => bench.settle(id, as),
    stop: end,
    [Symbol.asyncDispose]: () => end().catch((error: unknown) => bench.lastWord(error)),
  };
  return self;
}

async function live<C>(
  source: Source<C>,
  context: SourceContext<C>,
  { bench, restart }: { readonly bench: Bench; readonly restart: boolean },
): Promise<void> {
  for (;;) {
    try {
      return await source.run(context);
    } catch (error) {
      if (!restart) throw error;
      if (context.signal.aborted) return;
      bench.restarted(error);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function secretOf(secrets: Readonly<Record<string, string>>, { name, key }: KeyRef): Promise<string> {
  const value = secrets[`${name}/${key}`];
  if (value === undefined) throw new TideError("SECRET_MISSING", `${name}/${key}`);
  return value;
}

const noListener: Listener = {
  route: () => Promise.reject(new TideError("PORT_UNAVAILABLE", "this trial has no listener")),
  share: () => Promise.reject(new TideError("PORT_UNAVAILABLE", "this trial has no listener")),
};

/** A state store in memory. */
function memoryStore(): StateStore {
  const held = new Map<string, Uint8Array>();
  return {
    get: async (key) => held.get(key),
    put: async (key, value) => {
      held.set(key, value);
    },
    delete: async (key) => {
      held.delete(key);
    },
    async *list(prefix) {
      for (const key of [...held.keys()].filter((k) => k.startsWith(prefix)).sort()) {
        const value = held.get(key);
        if (value !== undefined) yield [key, value];
      }
    },
  };
}

/** The data of a draft as text and parsed. */
export function dataOf({ draft }: Taken): { readonly text: string; readonly json: unknown } {
  const text = Buffer.from(draft.data).toString("utf8");
  try {
    return { text, json: JSON.parse(text) };
  } catch (error) {
    throw new Error(`the draft's data is no JSON (${messageOf(error)}): ${text}`);
  }
}
