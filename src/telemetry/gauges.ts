import { Gauge, type Registry } from "prom-client";
import type { BusName, TriggerName } from "./names.ts";

/** What is a state and not a count, to be set at each scrape. */
export interface Gauges {
  lag(bus: BusName, group: string, entries: number): void;
  busBytes(bus: BusName, bytes: number, maxBytes: number): void;
  /** The targets that are down: all others are gone from the page. */
  targetsDown(targets: readonly string[]): void;
  queue(name: TriggerName, depth: QueueDepth): void;
}

/** The firings of one trigger. */
export interface QueueDepth {
  readonly pending: number;
  readonly running: number;
  readonly dead: number;
  /** Since the oldest live one was made; 0 where there is none. */
  readonly oldestSeconds: number;
}

/** The gauges of a registry. */
export function gaugesOf(registry: Registry): Gauges {
  const bus = ["namespace", "bus"];
  const trigger = ["namespace", "sensor", "trigger"];
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name: `tidemill_${name}`, help, labelNames, registers: [registry] });
  const lag = gauge("lag_events", "Entries that a group has yet to read.", [...bus, "group"]);
  const bytes = gauge("bus_bytes", "Bytes that retention counts.", bus);
  const maxBytes = gauge("bus_max_bytes", "The size at which publishing is refused.", bus);
  const down = gauge("target_down", "A target that is down: its firings wait.", ["target"]);
  const oldest = gauge("oldest_firing_seconds", "Age of the oldest live firing; 0 without one.", trigger);
  const firings = gauge("firings", "Live and dead firings.", [...trigger, "state"]);
  return {
    lag: ({ namespace, bus: name }, group, entries) => lag.set({ namespace, bus: name, group }, entries),
    busBytes({ namespace, bus: name }, now, most) {
      bytes.set({ namespace, bus: name }, now);
      maxBytes.set({ namespace, bus: name }, most);
    },
    targetsDown(targets) {
      down.reset();
      for (const target of targets) down.set({ target }, 1);
    },
    queue({ namespace, sensor, trigger }, { pending, running, dead, oldestSeconds }) {
      const labels = { namespace, sensor, trigger };
      firings.set({ ...labels, state: "pending" }, pending);
      firings.set({ ...labels, state: "running" }, running);
      firings.set({ ...labels, state: "dead" }, dead);
      oldest.set(labels, oldestSeconds);
    },
  };
}
