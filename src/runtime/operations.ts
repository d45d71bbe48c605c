import { randomBytes } from "node:crypto";
import { within } from "../lib/abort.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { StateStore } from "../lib/state.ts";
import { createPace, type Pace } from "./pace.ts";

/** A piece of work that is too long for one request: it goes on in the server, over restarts, until it ends or is cancelled. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  /** What it does, in a sentence. */
  readonly title: string;
  readonly state: "running" | "done" | "cancelled" | "failed";
  readonly startedUs: number;
  readonly endedUs?: number;
  /** How many there were to do when it was planned. */
  readonly total: number;
  readonly done: number;
  /** Refused, or gone before their turn. */
  readonly failed: number;
  readonly perSecond?: number;
  /** What a person should know of it, a sentence each. */
  readonly notes: readonly string[];
  /** Why it failed. */
  readonly error?: string;
  /** What it is to do, as its kind of work understands it. */
  readonly spec: unknown;
  /** How far it came, as its kind of work understands it. */
  readonly cursor?: unknown;
}

export type OperationKind = "retry" | "drop" | "replay";

/** What a kind of work is given. */
export interface Working {
  readonly operation: Operation;
  /** It goes on after a restart: what was done after the last word of progress is not counted. */
  readonly resumed: boolean;
  readonly pace: Pace;
  readonly clock: Clock;
  /** Aborts at the cancel, and at the end of the process: then it goes on at the next start. */
  readonly signal: AbortSignal;
  /** Counts; `cursor` is kept together with them. */
  progress(step: Progress): void;
}

export interface Progress {
  readonly done?: number;
  readonly failed?: number;
  /** Sets the counts instead of adding to them. */
  readonly anew?: true;
  readonly note?: string;
  readonly cursor?: unknown;
}

/** Does the work. Resolves when all is done; rejects with a sentence that says why it cannot go on. */
export type OperationWork = (working: Working) => Promise<void>;

export interface NewOperation {
  readonly kind: OperationKind;
  readonly title: string;
  readonly total: number;
  readonly perSecond?: number | undefined;
  readonly spec: unknown;
  readonly notes?: readonly string[];
}

interface Parts {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** At once; more are refused. */
const mostRunning = 8;
/** Ended ones that are kept to be looked at. */
const mostEnded = 100;
const mostNotes = 20;
/** Progress is kept this often: what a crash forgets of it is worked out again. */
const keepEveryMs = 1_000;

interface Live {
  operation: Operation;
  stop: AbortController;
  ended: Promise<void>;
}

/** The operations of a process: kept in the bus, started, told of, cancelled, and gone on with at the next start. */
export class Operations {
  readonly #parts: Parts;
  readonly #kept: Map<string, Operation>;
  readonly #live = new Map<string, Live>();
  #works: Readonly<Record<OperationKind, OperationWork>> | undefined;
  #signal: AbortSignal | undefined;

  private constructor(parts: Parts, kept: Map<string, Operation>) {
    this.#parts = parts;
    this.#kept = kept;
  }

  static async open(parts: Parts): Promise<Operations> {
    const kept = new Map<string, Operation>();
    for await (const [key, value] of parts.store.list(""))
      kept.set(key, JSON.parse(Buffer.from(value).toString()) as Operation);
    return new Operations(parts, kept);
  }

  /** Those that were cut off go on. Resolves after the abort, once none works any more. */
  async run(works: Readonly<Record<OperationKind, OperationWork>>, signal: AbortSignal): Promise<void> {
    this.#works = works;
    this.#signal = signal;
    for (const operation of this.#kept.values()) if (operation.state === "running") this.#work(operation, true);
    if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.all([...this.#live.values()].map(({ ended }) => ended));
  }

  /** Newest first. */
  list(): readonly Operation[] {
    return [...this.#kept.values()].sort((a, b) => b.startedUs - a.startedUs);
  }

  get(id: string): Operation | undefined {
    return this.#kept.get(id);
  }

  /** Resolves once it is kept, and so goes on whatever happens. Rejects with OPERATIONS_BUSY and STOPPED. */
  async start({ kind, title, total, perSecond, spec, notes = [] }: NewOperation): Promise<Operation> {
    if (this.#signal === undefined || this.#signal.aborted)
      throw new TideError("STOPPED", "tidemill is stopping, or has not started yet");
    if (this.#live.size >= mostRunning) throw new TideError("OPERATIONS_BUSY", `${mostRunning} operations run already`);
    const operation: Operation = {
      ...{ id: `op_${randomBytes(5).toString("hex")}`, kind, title, state: "running" },
      ...{ startedUs: nowUs(this.#parts.clock), total, done: 0, failed: 0, notes, spec },
      ...(perSecond === undefined ? {} : { perSecond }),
    };
    await this.#keep(operation);
    await this.#forgetOldest();
    this.#work(operation, false);
    return operation;
  }

  /** Ends it where it is; what is done stays done. Rejects with OPERATION_UNKNOWN; one that has ended is left as it is. */
  async cancel(id: string): Promise<Operation> {
    const known = this.#kept.get(id);
    if (known === undefined) throw new TideError("OPERATION_UNKNOWN", `there is no operation ${id}`);
    const live = this.#live.get(id);
    if (live === undefined) return known;
    live.stop.abort(cancelled);
    await live.ended;
    return this.#kept.get(id) ?? known;
  }

  #work(operation: Operation, resumed: boolean): void {
    const work = this.#works?.[operation.kind];
    const signal = this.#signal;
    if (work === undefined || signal === undefined) return;
    const live: Live = { operation, stop: new AbortController(), ended: Promise.resolve() };
    this.#live.set(operation.id, live);
    live.ended = this.#follow(live, { work, resumed, signal });
  }

  async #follow(
    live: Live,
    how: { readonly work: OperationWork; readonly resumed: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock, log } = this.#parts;
    const { id, title, perSecond } = live.operation;
    using ending = within(how.signal);
    live.stop.signal.addEventListener("abort", () => ending.abort(cancelled), { once: true });
    let keptMs = clock.nowMs();
    let keeping: Promise<void> = Promise.resolve();
    const progress = (step: Progress): void => {
      live.operation = advanced(live.operation, step);
      this.#kept.set(id, live.operation);
      if (clock.nowMs() - keptMs < keepEveryMs) return;
      keptMs = clock.nowMs();
      const now = live.operation;
      keeping = keeping
        .then(() => this.#keep(now))
        .catch((error: unknown) => {
          log.warn({ operation: id, error: messageOf(error) }, "the progress of an operation is not yet kept");
        });
    };
    const pace = createPace(clock, perSecond);
    let end: Pick<Operation, "state" | "error"> = { state: "done" };
    try {
      await how.work({ operation: live.operation, resumed: how.resumed, pace, clock, signal: ending.signal, progress });
    } catch (error) {
      if (live.stop.signal.aborted) end = { state: "cancelled" };
      else if (ending.signal.aborted || isTide(error, "BUS_CLOSED")) end = { state: "running" };
      else end = { state: "failed", error: messageOf(error) };
    }
    await keeping;
    await this.#end(live, end);
    if (end.state !== "running") log.info({ operation: id, title, ...end }, "an operation has ended");
  }

  /** One that the end of the process cut off is kept as running, and goes on at the next start. */
  async #end(live: Live, end: Pick<Operation, "state" | "error">): Promise<void> {
    const endedUs = end.state === "running" ? {} : { endedUs: nowUs(this.#parts.clock) };
    live.operation = { ...live.operation, ...end, ...endedUs };
    const { id } = live.operation;
    try {
      await this.#keep(live.operation);
    } catch (error) {
      this.#parts.log.warn({ operation: id, error: messageOf(error) }, "the end of an operation is not kept");
      this.#kept.set(id, live.operation);
    } finally {
      this.#live.delete(id);
    }
  }

  async #keep(operation: Operation): Promise<void> {
    await this.#parts.store.put(operation.id, Buffer.from(JSON.stringify(operation)));
    const { id } = operation;
    const newer = this.#live.get(id)?.operation;
    this.#kept.set(id, newer ?? operation);
  }

  async #forgetOldest(): Promise<void> {
    const ended = this.list().filter(({ state }) => state !== "running");
    for (const { id } of ended.slice(mostEnded)) {
      await this.#parts.store.delete(id);
      this.#kept.delete(id);
    }
  }
}

const cancelled = new TideError("STOPPED", "the operation was cancelled");

function advanced(operation: Operation, { done = 0, failed = 0, anew, note, cursor }: Progress): Operation {
  const before = anew === true ? { done: 0, failed: 0 } : operation;
  const fresh = note !== undefined && !operation.notes.includes(note) && operation.notes.length < mostNotes;
  return {
    ...operation,
    done: before.done + done,
    failed: before.failed + failed,
    ...(fresh ? { notes: [...operation.notes, note] } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  };
}
