import type { AttemptFact } from "../lib/facts.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { Witness } from "./witness.ts";

/** Since the start. Names, never ids: as many as there are sources, sensors and triggers. */
export interface CountsNow {
  readonly sources: ReadonlyMap<string, { readonly received: number }>;
  readonly sensors: ReadonlyMap<string, { readonly decided: number }>;
  readonly triggers: ReadonlyMap<string, TriggerCounts>;
}

export interface TriggerCounts {
  /** Calls that ended well. */
  readonly done: number;
  /** Calls that failed and are made again. */
  readonly retries: number;
  readonly dead: number;
  /** From the decision to the target's answer, over the last minute, milliseconds; absent without any. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

/** What `top` shows rates of. The name of a source is `namespace/eventSource/event`, of a trigger `namespace/sensor/trigger`. */
export class Counts implements Witness {
  readonly #received = new Map<string, Counter>();
  readonly #decided = new Map<string, Counter>();
  readonly #triggers = new Map<string, Tally>();
  // names are put together once: doing so for each event took longer than the rest
  readonly #ofPlan = new WeakMap<SourcePlan, Counter>();

  received: Witness["received"] = (plan, receipts) => {
    let counter = this.#ofPlan.get(plan);
    if (counter === undefined) {
      counter = kept(this.#received, `${plan.namespace}/${plan.eventSource}/${plan.event}`, newCounter);
      this.#ofPlan.set(plan, counter);
    }
    counter.count += receipts.length;
  };

  forBus({ namespace }: { readonly namespace: string }): ReturnType<Witness["forBus"]> {
    const sensors = new Map<string, { readonly decided: Counter; readonly triggers: Map<string, Tally> }>();
    const of = (sensor: string) =>
      kept(sensors, sensor, () => ({
        decided: kept(this.#decided, `${namespace}/${sensor}`, newCounter),
        triggers: new Map(),
      }));
    return {
      decided: (_, { fired, waiting, superseded, later }) => {
        for (const { sensor } of fired) of(sensor).decided.count += 1;
        for (const { sensor } of waiting) of(sensor).decided.count += 1;
        for (const { sensor } of superseded) of(sensor).decided.count += 1;
        for (const one of later) of(one.fired.sensor).decided.count += 1;
      },
      attempted: ({ sensor, trigger, madeUs }, fact) => {
        const make = (): Tally => kept(this.#triggers, `${namespace}/${sensor}/${trigger}`, () => new Tally());
        kept(of(sensor).triggers, trigger, make).add(fact, madeUs);
      },
    };
  }

  now(nowMs: number): CountsNow {
    return {
      sources: new Map([...this.#received].map(([name, { count }]) => [name, { received: count }])),
      sensors: new Map([...this.#decided].map(([name, { count }]) => [name, { decided: count }])),
      triggers: new Map([...this.#triggers].map(([name, tally]) => [name, tally.now(nowMs)])),
    };
  }
}

interface Counter {
  count: number;
}

const newCounter = (): Counter => ({ count: 0 });

function kept<T>(all: Map<string, T>, name: string, make: () => T): T {
  let one = all.get(name);
  if (one === undefined) {
    one = make();
    all.set(name, one);
  }
  return one;
}

/** Delays of this many calls are remembered: the newest. */
const keptDelays = 1_024;
const windowMs = 60_000;

class Tally {
  readonly #endedMs = new Float64Array(keptDelays);
  readonly #delayMs = new Float64Array(keptDelays);
  #done = 0;
  #retries = 0;
  #dead = 0;

  add({ state, endedUs }: AttemptFact, madeUs: number): void {
    if (state === "pending") this.#retries += 1;
    if (state === "dead") this.#dead += 1;
    if (state !== "done") return;
    const at = this.#done % keptDelays;
    this.#endedMs[at] = endedUs / 1000;
    this.#delayMs[at] = (endedUs - madeUs) / 1000;
    this.#done += 1;
  }

  now(nowMs: number): TriggerCounts {
    const delays = this.#delayMs
      .slice(0, Math.min(this.#done, keptDelays))
      .filter((_, at) => nowMs - (this.#endedMs[at] ?? 0) <= windowMs)
      .sort();
    const counts = { done: this.#done, retries: this.#retries, dead: this.#dead };
    if (delays.length === 0) return counts;
    const of = (part: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? 0;
    return { ...counts, p50Ms: of(0.5), p99Ms: of(0.99) };
  }
}
