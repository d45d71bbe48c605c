import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Case, Rig } from "../figure.ts";
import { type Child, freePort, output } from "../processes.ts";
import { startTidemill, webhookManifest } from "../systems.ts";
import { program, startTarget, type Target } from "../traffic.ts";

const full = 2_000_000;
const maxBytes = 64 * 2 ** 30;
const memoryGoalMb = 250;
const readyGoalMs = 2_000;
const sampleMs = 250;

/**
 * A sensor that was away while events came: they stand in the bus when it starts. It is stopped half-way, so that
 * it also starts with what it had decided and not yet done.
 */
export const backlog: Case = {
  name: "backlog",
  title: "backlog of 2,000,000 events in the embedded bus",
  usual: false,
  size: ({ backlog = full }) => `once, ${backlog} events`,
  async run(rig) {
    const count = rig.options.backlog ?? full;
    await using target = await startTarget();
    const options = {
      manifest: webhookManifest(await freePort(), target.url),
      record: "on",
      dataDir: rig.folder("backlog"),
      flags: ["--bus-max-bytes", String(maxBytes)],
    } as const;
    // what the sensor is to get begins here
    await (await startTidemill(rig, options))[Symbol.asyncDispose]();
    const filled = await output([...program("peers/fill-bus.ts"), options.dataDir, String(count), String(maxBytes)]);
    const { seconds } = JSON.parse(filled) as { readonly seconds: number };
    const fileMb = statSync(join(options.dataDir, "bus", "data.mdb")).size / 2 ** 20;
    rig.remark(`${count} events put into the bus in ${seconds.toFixed(1)} s, ${fileMb.toFixed(0)} MB`);
    const peaks: Peaks[] = [];
    const startedMs = performance.now();
    let stoppedMs = 0;
    for (const [until, what] of [
      [count / 2, `ready with a backlog of ${count}`],
      [count, "ready again, stopped half-way"],
    ] as const) {
      const child = await startTidemill(rig, options);
      ready(rig, what, child);
      peaks.push(await drain(child, target, until));
      const stopsMs = performance.now();
      await child[Symbol.asyncDispose]();
      stoppedMs += performance.now() - stopsMs;
    }
    const drainedS = (performance.now() - startedMs - stoppedMs) / 1000;
    const arrived = await target.counted();
    const anonMb = Math.max(...peaks.map((one) => one.anonMb));
    const rssMb = Math.max(...peaks.map((one) => one.rssMb));
    rig.found({
      what: "drained: peak of RssAnon",
      value: `${anonMb.toFixed(0)} MB (VmRSS, which counts mapped pages: ${rssMb.toFixed(0)} MB)`,
      goal: `< ${memoryGoalMb} MB`,
      good: anonMb < memoryGoalMb,
    });
    rig.found({ what: "drained at", value: `${Math.round(count / drainedS)}/s` });
    rig.found({
      what: "lost, repeated over the stop",
      value: `${count - arrived.keys}, ${arrived.count - arrived.keys}`,
      goal: "none lost",
      good: arrived.keys === count,
    });
  },
};

function ready(rig: Rig, what: string, { readyMs }: Child): void {
  const value = `${(readyMs / 1000).toFixed(2)} s`;
  rig.found({ what, value, goal: `< ${readyGoalMs / 1000} s`, good: readyMs < readyGoalMs });
}

interface Peaks {
  readonly anonMb: number;
  readonly rssMb: number;
}

/** Waits until so many different events are at the target, and looks at the memory meanwhile. */
async function drain(child: Child, target: Target, until: number): Promise<Peaks> {
  let [anonMb, rssMb, last, sinceMs] = [0, 0, 0, performance.now()];
  for (;;) {
    anonMb = Math.max(anonMb, child.rssAnonMb());
    rssMb = Math.max(rssMb, child.vmRssMb());
    const { keys } = await target.counted();
    if (keys >= until) return { anonMb, rssMb };
    if (keys > last) sinceMs = performance.now();
    if (performance.now() - sinceMs > 120_000) throw new Error(`only ${keys} of ${until} reached the target`);
    last = keys;
    await pause(sampleMs);
  }
}
