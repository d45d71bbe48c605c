import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, Gauge, type Registry } from "prom-client";

/** Names that dashboards for Node know, of the metrics library's own gauges. */
const named = (what: string): string => `nodejs_eventloop_lag_${what}seconds`;
const libraryGauges = ["", "min_", "max_", "mean_", "stddev_", "p50_", "p90_", "p99_"].map(named);

/** The library's own monitor cannot be left out, but for one look in 24 days. */
const never = 2 ** 31 - 1;

/** Of the looks at the event loop: what is late for longer is always seen. */
export const lagLookMs = 200;

/**
 * What the metrics library tells of the process, but for how late its event loop is: the library looks every 10 ms, which is all
 * that an idle process does (195 wake-ups a second, 0.6 % of a core; 0.2 % with a look every 200 ms), and counts the time
 * between two looks as lag. Here the gauges of the same names tell how late it was since the last scrape.
 */
export function processMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never });
  for (const name of libraryGauges) registry.removeSingleMetric(name);
  const histogram = monitorEventLoopDelay({ resolution: lagLookMs });
  histogram.enable();
  const registers = [registry];
  const lateS = (delayNs: number): number => (histogram.count === 0 ? 0 : Math.max(0, delayNs / 1e9 - lagLookMs / 1e3));
  // the first that is asked at a scrape, so that all are of the same moment
  new Gauge({
    name: named("max_"),
    help: "How late the event loop was since the last scrape, at most.",
    registers,
    collect() {
      this.set(lateS(histogram.max));
      mean.set(lateS(histogram.mean));
      for (const { share, gauge } of shares) gauge.set(lateS(histogram.percentile(share)));
      histogram.reset();
    },
  });
  const gauge = (what: string, help: string): Gauge => new Gauge({ name: named(what), help, registers });
  const mean = gauge("mean_", "How late the event loop was since the last scrape, on average.");
  const shares = [50, 90, 99].map((share) => ({
    share,
    gauge: gauge(`p${share}_`, `How late the event loop was since the last scrape, percentile ${share}.`),
  }));
}
