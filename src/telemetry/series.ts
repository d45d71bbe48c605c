import type { Metric, Registry } from "prom-client";

export type Labels = Readonly<Record<string, string>>;

/** What a registry asks for at a scrape. */
interface Sample {
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
}

/**
 * Series whose values are plain numbers behind a handle, taken once per set of labels. prom-client's own hash the labels
 * at every count, and its summaries keep a digest of every value: together 6 % of the time of an event. It still renders
 * the text, and keeps gauges and the process's own metrics.
 */
class Series<T> {
  readonly #handles = new Map<string, { readonly labels: Labels; readonly handle: T }>();
  readonly name: string;
  readonly #help: string;
  readonly #type: "counter" | "summary" | "histogram";
  readonly #make: () => T;
  readonly #samples: (labels: Labels, handle: T) => readonly Sample[];

  constructor(options: {
    readonly registry: Registry;
    readonly name: string;
    readonly help: string;
    readonly type: "counter" | "summary" | "histogram";
    readonly make: () => T;
    readonly samples: (labels: Labels, handle: T) => readonly Sample[];
  }) {
    this.name = options.name;
    this.#help = options.help;
    this.#type = options.type;
    this.#make = options.make;
    this.#samples = options.samples;
    // the registry asks a metric for its name and its values, no more
    options.registry.registerMetric(this as unknown as Metric);
  }

  labels(labels: Labels): T {
    const key = JSON.stringify(Object.entries(labels).sort());
    const known = this.#handles.get(key);
    if (known !== undefined) return known.handle;
    const handle = this.#make();
    this.#handles.set(key, { labels, handle });
    return handle;
  }

  get(): Promise<object> {
    const values = [...this.#handles.values()].flatMap(({ labels, handle }) => this.#samples(labels, handle));
    return Promise.resolve({ name: this.name, help: this.#help, type: this.#type, values, aggregator: "sum" });
  }

  reset(): void {
    this.#handles.clear();
  }
}

export interface CounterHandle {
  inc(by?: number): void;
}

class Count implements CounterHandle {
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }
}

export interface ObserveHandle {
  observe(value: number): void;
}

class Sum implements ObserveHandle {
  sum = 0;
  count = 0;

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
  }
}

class Buckets extends Sum {
  readonly bounds: readonly number[];
  /** Observations per bucket, not yet added up; the last is beyond all bounds. */
  readonly counts: number[];

  constructor(bounds: readonly number[]) {
    super();
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  override observe(value: number): void {
    super.observe(value);
    let at = 0;
    while (at < this.bounds.length && value > (this.bounds[at] ?? 0)) at += 1;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }
}

interface Named {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
}

/** Made by the functions below; `labels` gives the handle. */
export interface SeriesOf<T> {
  labels(labels: Labels): T;
}

export function counter(named: Named): SeriesOf<CounterHandle> {
  return new Series({
    ...named,
    type: "counter",
    make: () => new Count(),
    samples: (labels, { value }) => [{ labels, value }],
  });
}

/** A summary without quantiles, as Argo Events serves its durations: `_sum` and `_count`. */
export function summary(named: Named): SeriesOf<ObserveHandle> {
  return new Series({
    ...named,
    type: "summary",
    make: () => new Sum(),
    samples: (labels, sum) => sumAndCount(named.name, labels, sum),
  });
}

export function histogram(named: Named & { readonly bounds: readonly number[] }): SeriesOf<ObserveHandle> {
  const { registry, name, help, bounds } = named;
  return new Series({
    registry,
    name,
    help,
    type: "histogram",
    make: () => new Buckets(bounds),
    samples(labels, buckets) {
      let below = 0;
      const samples: Sample[] = buckets.counts.map((count, at) => {
        below += count;
        const le = at < bounds.length ? String(bounds[at]) : "+Inf";
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
      });
      return [...samples, ...sumAndCount(name, labels, buckets)];
    },
  });
}

function sumAndCount(name: string, labels: Labels, { sum, count }: Sum): readonly Sample[] {
  return [
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
