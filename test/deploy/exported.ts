/** What a scrape has: each metric with its label names and, of each label, the values. */
export type Exported = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

/** Reads the text format of Prometheus. */
export function exportedBy(scrape: string): Exported {
  const metrics = new Map<string, Map<string, Set<string>>>();
  for (const line of scrape.split("\n")) {
    const found = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line);
    if (found === null) continue;
    const [, name = "", text = ""] = found;
    const labels = metrics.get(name) ?? new Map<string, Set<string>>();
    metrics.set(name, labels);
    for (const [, label = "", value = ""] of text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return metrics;
}
