import type { LogEntry } from "../bus/bus.ts";
import type { Decided, Ticked } from "../sensors/decided.ts";
import type { BusMetrics, Metrics, TriggerMetrics } from "../telemetry/metrics.ts";
import { correctedSentUs } from "./clock-skew.ts";

/** What the decisions of one bus are counted by. */
export class DecisionCounts {
  readonly #namespace: string;
  readonly #metrics: Metrics;
  readonly #bus: BusMetrics;
  readonly #triggers = new Map<string, TriggerMetrics>();

  constructor(metrics: Metrics, { namespace, bus }: { readonly namespace: string; readonly bus: string }) {
    this.#namespace = namespace;
    this.#metrics = metrics;
    this.#bus = metrics.bus({ namespace, bus });
  }

  /** An event was decided, and that is kept since `atUs`. */
  decided(entry: LogEntry, decided: Decided, atUs: number): void {
    this.#bus.decided(decided);
    const { sentUs, receivedUs, skewUs, storedUs } = entry;
    if (sentUs !== undefined) {
      const sent = correctedSentUs({ sentUs, receivedUs, skewUs });
      this.#metrics.delay("origin", (receivedUs - sent) / 1000);
    }
    if (storedUs !== undefined) {
      this.#metrics.delay("ingest", (storedUs - receivedUs) / 1000);
      this.#metrics.delay("decide", (atUs - storedUs) / 1000);
    }
    for (const { sensor, trigger } of decided.fired) this.#of(sensor, trigger).fired();
    for (const { sensor, trigger } of decided.waiting) this.#of(sensor, trigger).decided("waiting");
    for (const { sensor, trigger } of decided.superseded) this.#of(sensor, trigger).decided("superseded");
    this.ticked(decided);
  }

  /** What time brought. */
  ticked({ ended, later }: Pick<Ticked, "ended" | "later">): void {
    for (const { sensor, trigger, decision } of ended) this.#of(sensor, trigger).decided(decision);
    for (const { fired } of later) this.#of(fired.sensor, fired.trigger).fired();
  }

  #of(sensor: string, trigger: string): TriggerMetrics {
    const key = `${sensor}/${trigger}`;
    const known = this.#triggers.get(key);
    if (known !== undefined) return known;
    const made = this.#metrics.trigger({ namespace: this.#namespace, sensor, trigger });
    this.#triggers.set(key, made);
    return made;
  }
}
