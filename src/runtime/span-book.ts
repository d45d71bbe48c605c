import type { Bus, Claimed } from "../bus/bus.ts";
import type { CallTrace, ChildSpan } from "../kit/trigger.ts";
import { type Clock, nowUs } from "../lib/clock.ts";
import { isTide } from "../lib/errors.ts";
import type { FiringOrigin, SpanFact } from "../lib/facts.ts";
import type { Log } from "../lib/log.ts";
import { attemptName, spanIdOf } from "../lib/trace.ts";
import type { Sampler } from "../telemetry/sampling.ts";
import { factOf, type Told, ticketOf, withoutSecrets } from "./span-facts.ts";
import { contextOfCall, originOf, roundOf, saidRound } from "./trace-of-call.ts";

/** What is told of an attempt that takes long: zero length, so that it is seen before it has ended. */
const startedName = "started";
/** A call that is over before has no `started`, and costs no commit beside that of its result. */
const startedAfterMs = 250;
/** What is told is durable, and seen, this much later: many calls share one commit. */
const tellEveryMs = 100;
export const mostSpansPerAttempt = 1_000;
/** Of a firing, while the bus takes none. */
const mostKept = 2 * mostSpansPerAttempt;

export interface SpanBookParts {
  readonly bus: Pick<Bus, "commit">;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether anybody reads facts; without, nothing is told and nothing costs. */
  readonly facts: boolean;
  /** Whose calls may tell of parts after their end. */
  readonly name?: { readonly namespace: string; readonly bus: string };
  /** Takes secrets out of what is kept; nothing unless given. */
  readonly clean?: (text: string) => string;
  /** Says of traces that begin here whether they are kept; all are unless given. */
  readonly sampler?: Sampler;
}

/** One attempt, as far as it tells of itself. */
interface Telling {
  readonly firing: Claimed;
  readonly n: number;
  /** Made at the first span: most attempts have none. */
  origin: FiringOrigin | undefined;
  told: number;
  /** Spans beyond the bound, and when the first of them came. */
  more: number;
  moreUs: number;
}

/** One that may take long, from its beginning to its end. */
interface Young {
  readonly telling: Telling;
  readonly startedUs: number;
  over: boolean;
}

/**
 * What the calls of one bus tell of themselves while they run: gathered, and committed to the fact log every 100 ms, so that
 * a function or a Job of an hour is seen from its first second; what is left goes with the result of the attempt. An
 * attempt that tells nothing costs one closure (measured: no difference to a trace that cannot be told of).
 */
export class SpanBook {
  readonly #parts: SpanBookParts;
  /** What is not told yet, by firing. */
  readonly #pending = new Map<string, SpanFact[]>();
  /** Those that may become long, by firing, and by the time of their start. */
  readonly #long = new Map<string, Young>();
  readonly #young: Young[] = [];
  readonly #end = new AbortController();
  #working = false;

  constructor(parts: SpanBookParts) {
    this.#parts = parts;
  }

  /** The trace of a call that begins; `long`: it may take long. */
  open(firing: Claimed, { n, long }: { readonly n: number; readonly long: boolean }): CallTrace {
    const context = contextOfCall(firing, n, this.#parts.sampler);
    const said = saidRound(firing);
    if (!this.#parts.facts) return { context, ...said, span: () => undefined };
    const telling: Telling = { firing, n, origin: undefined, told: 0, more: 0, moreUs: 0 };
    if (long) {
      const young = { telling, startedUs: nowUs(this.#parts.clock), over: false };
      this.#long.set(firing.id, young);
      this.#young.push(young);
      this.#work();
    }
    return new OpenTrace(firing, n, {
      context,
      name: this.#parts.name,
      tell: (span) => {
        this.#add(telling, span);
        this.#work();
      },
    });
  }

  /** The attempt is over: what was not told yet, for the commit of its result. */
  end(firing: string): readonly SpanFact[] {
    const young = this.#long.get(firing);
    if (young !== undefined) {
      young.over = true;
      this.#long.delete(firing);
    }
    const pending = this.#pending.get(firing);
    if (pending === undefined) return none;
    this.#pending.delete(firing);
    return pending;
  }

  /** Tells no more, but for what is not told yet of attempts that were cut short. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#flush();
  }

  #add(telling: Telling, told: ChildSpan): void {
    const { firing } = telling;
    const { clean } = this.#parts;
    const span = clean === undefined ? told : withoutSecrets(told, clean);
    const atUs = nowUs(this.#parts.clock);
    telling.origin ??= originOf(firing);
    const pending = this.#pendingOf(firing.id);
    if (telling.told < mostSpansPerAttempt) {
      telling.told += 1;
      pending.push(factOf(toldOf(telling), telling.origin, { span, nowUs: atUs }));
      return;
    }
    if (telling.more === 0) telling.moreUs = atUs;
    telling.more += 1;
    const line = moreOf(telling, telling.origin);
    // one line for all that were too many: the last word counts
    if (pending.at(-1)?.id === line.id) pending.pop();
    pending.push(line);
  }

  #pendingOf(firing: string): SpanFact[] {
    const known = this.#pending.get(firing);
    if (known !== undefined) return known;
    const made: SpanFact[] = [];
    this.#pending.set(firing, made);
    return made;
  }

  /** Tells in turns for as long as there is something to tell; nothing runs when there is not. */
  #work(): void {
    if (this.#working || this.#end.signal.aborted) return;
    this.#working = true;
    void this.#tellAll(this.#end.signal);
  }

  async #tellAll(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    let everyMs = tellEveryMs;
    while (this.#young.length > 0 || this.#pending.size > 0) {
      await clock.sleep(everyMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#start();
      try {
        await this.#flush();
        everyMs = tellEveryMs;
      } catch (error) {
        if (isTide(error, "BUS_CLOSED")) return;
        everyMs = Math.min(everyMs * 2, 5_000);
        log.warn({ err: error, retryInMs: everyMs }, "spans of running calls are not yet kept");
      }
    }
    this.#working = false;
  }

  /** `started` of those that have run long enough by now. */
  #start(): void {
    const startedBeforeUs = nowUs(this.#parts.clock) - startedAfterMs * 1000;
    const still = this.#young.findIndex(({ startedUs }) => startedUs > startedBeforeUs);
    for (const { telling, startedUs, over } of this.#young.splice(0, still < 0 ? this.#young.length : still)) {
      if (over) continue;
      const spanId = spanIdOf(startedName, attemptName(telling.firing.id, telling.n, roundOf(telling.firing)));
      this.#add(telling, { name: startedName, startUs: startedUs, endUs: startedUs, spanId });
    }
    while (this.#young[0]?.over === true) this.#young.shift();
  }

  async #flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const taken = new Map(this.#pending);
    this.#pending.clear();
    try {
      await this.#parts.bus.commit({ facts: [...taken.values()].flat() });
    } catch (error) {
      for (const [firing, facts] of taken)
        this.#pending.set(firing, [...facts, ...(this.#pending.get(firing) ?? none)].slice(0, mostKept));
      throw error;
    }
  }
}

/**
 * The trace of a call, as the call sees it. Its ticket is made when it is asked for: most calls never do. (A literal with a getter
 * would have a hidden class of its own, and with that keep its firing until the next full collection.)
 */
class OpenTrace implements CallTrace {
  readonly context: CallTrace["context"];
  readonly span: CallTrace["span"];
  declare readonly round?: number;
  readonly #firing: Claimed;
  readonly #n: number;
  readonly #name: SpanBookParts["name"];

  constructor(
    firing: Claimed,
    n: number,
    of: Pick<CallTrace, "context"> & { readonly name: SpanBookParts["name"]; readonly tell: CallTrace["span"] },
  ) {
    this.context = of.context;
    this.span = of.tell;
    this.#firing = firing;
    this.#n = n;
    this.#name = of.name;
    const { round } = saidRound(firing);
    if (round !== undefined) this.round = round;
  }

  get ticket(): string | undefined {
    if (this.#name === undefined) return undefined;
    const firing = this.#firing;
    return ticketOf({ ...this.#name, firing: firing.id, n: this.#n, ...saidRound(firing), of: originOf(firing) });
  }
}

function moreOf(telling: Telling, of: FiringOrigin): SpanFact {
  const { more, moreUs } = telling;
  const span = {
    name: `${more} more`,
    startUs: moreUs,
    endUs: moreUs,
    attributes: { "tidemill.spans.left_out": more },
  };
  return factOf({ ...toldOf(telling), told: mostSpansPerAttempt + 1 }, of, { span, nowUs: moreUs });
}

function toldOf({ firing, n, told }: Telling): Told {
  return { firing: firing.id, n, round: roundOf(firing), told };
}

const none: readonly never[] = [];
