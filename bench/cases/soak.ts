import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Case } from "../figure.ts";
import { type Point, slope } from "../numbers.ts";
import type { Child } from "../processes.ts";
import { freePort } from "../processes.ts";
import { startTidemill, webhookManifest } from "../systems.ts";
import { load, startTarget } from "../traffic.ts";

const rate = 1_000;
const sampleMs = 2_000;
/** A flood before it, as fast as all connections go: a day has its peaks, and heaps grow to their size by those. */
const floodSeconds = 60;
/** So much of a run is left out at its beginning: what the flood left is worked off, retention has nothing to take yet. */
const warmShare = 0.3;

interface Sample {
  readonly seconds: number;
  readonly anonMb: number;
  readonly handles: number;
  readonly diskMb: number;
}

/**
 * A day made short: the bus holds 64 MiB and events are kept for a minute, so that all that a day repeats (retention on bus
 * and record, checkpoints, growth of files) happens many times. Flat: what the straight line through the samples grows by in the
 * time that was measured is less than a tenth of their mean. (Of handles, most are connections, which come and go.)
 */
export const soak: Case = {
  name: "soak",
  title: "soak at 1,000/s",
  usual: false,
  size: ({ minutes }) => `${minutes} minutes`,
  async run(rig) {
    const count = Math.round(rig.options.minutes * 60 * rate);
    await using target = await startTarget();
    const port = await freePort();
    const manifest = webhookManifest(port, target.url);
    const flags = ["--bus-max-bytes", "64Mi", "--retention", "1m"];
    await using child = await startTidemill(rig, { manifest, record: "on", flags });
    const flooded = await flood(port);
    const sampling = new AbortController();
    const sampled = sample(child, child.dataDir, sampling.signal);
    const { failed, failures } = await load({ port, path: "/orders", count, rate });
    sampling.abort();
    const samples = (await sampled).filter(
      ({ seconds }, _at, all) => seconds >= (all.at(-1)?.seconds ?? 0) * warmShare,
    );
    const sent = flooded + count;
    const arrived = await target.until(sent - failed);
    rig.found({
      what: `${sent} events, ${flooded} of them in a flood: refused, lost, at the target`,
      value: `${failed}, ${Math.max(0, sent - failed - arrived.keys)}, ${arrived.keys} (${arrived.count - arrived.keys} repeated)`,
      goal: "none refused or lost",
      good: failed === 0 && arrived.keys === sent,
    });
    if (failed > 0) rig.remark(`Refused, by status: ${JSON.stringify(failures)}`);
    const spanHours = ((samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0)) / 3600;
    const told = [
      { what: "RssAnon", unit: "MB", of: ({ anonMb }: Sample) => anonMb },
      { what: "open handles", unit: "handles", of: ({ handles }: Sample) => handles },
      { what: "data folder", unit: "MB", of: ({ diskMb }: Sample) => diskMb },
    ];
    for (const { what, unit, of } of told) {
      const points = samples.map((one): Point => ({ x: one.seconds / 3600, y: of(one) }));
      const perHour = slope(points);
      const mean = points.reduce((sum, { y }) => sum + y, 0) / points.length;
      rig.found({
        what: `${what}: slope`,
        value: `${perHour.toFixed(1)} ${unit} an hour at ${mean.toFixed(0)} ${unit} (${points.length} samples over ${(spanHours * 60).toFixed(1)} min)`,
        goal: "flat: under a tenth of it over the run",
        good: perHour * spanHours < mean / 10,
      });
    }
  },
};

/** How many events went by. */
async function flood(port: number): Promise<number> {
  const part = 20_000;
  const startedMs = performance.now();
  let sent = 0;
  for (; performance.now() - startedMs < floodSeconds * 1000; sent += part)
    await load({ port, path: "/orders", count: part });
  return sent;
}

async function sample(child: Child, folder: string, signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const startedMs = performance.now();
  while (!signal.aborted) {
    samples.push({
      seconds: (performance.now() - startedMs) / 1000,
      anonMb: child.rssAnonMb(),
      handles: child.handles(),
      diskMb: bytesOf(folder) / 2 ** 20,
    });
    await pause(sampleMs);
  }
  return samples;
}

/** Blocks that files take, not their lengths. */
function bytesOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    try {
      bytes += statSync(join(folder, entry)).blocks * 512;
    } catch {
      // it went between being listed and being looked at
    }
  }
  return bytes;
}
