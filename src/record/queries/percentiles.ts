import type { DelayGroup } from "../record.ts";

/** Microseconds as they come; exact percentiles of all of them at the end. */
export class Distribution {
  #values = new Float64Array(64);
  #count = 0;

  add(us: number): void {
    if (this.#count === this.#values.length) {
      const wider = new Float64Array(this.#values.length * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#count] = us;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /** By nearest rank: the smallest value that at least this share of all values does not exceed. */
  percentiles(): Pick<DelayGroup, "p50Ms" | "p95Ms" | "p99Ms" | "maxMs"> {
    const sorted = this.#values.subarray(0, this.#count).sort();
    const at = (percent: number): number =>
      (sorted[Math.max(Math.ceil((percent * sorted.length) / 100), 1) - 1] ?? 0) / 1000;
    return { p50Ms: at(50), p95Ms: at(95), p99Ms: at(99), maxMs: at(100) };
  }
}
