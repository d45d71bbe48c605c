import { type Case, inRounds, type Options } from "../figure.ts";
import { median } from "../numbers.ts";
import { freePort } from "../processes.ts";
import { fanOutManifest, startTidemill } from "../systems.ts";
import { load, startTarget, through } from "../traffic.ts";

const triggers = 100;
const goal = 10_000;

/** So many as make about `count` firings. */
const eventsOf = ({ count }: Options): number => Math.ceil(count / triggers);

/** Firings of one event: many triggers of one sensor, all of them posts to one target that answers at once. */
export const fanOut: Case = {
  name: "fan-out",
  title: "one event → 100 triggers",
  usual: true,
  size: (options) => inRounds({ rounds: options.rounds, count: eventsOf(options) }),
  async run(rig) {
    const { rounds } = rig.options;
    const events = eventsOf(rig.options);
    const firings = events * triggers;
    await using target = await startTarget();
    const port = await freePort();
    const manifest = fanOutManifest(port, target.url, triggers);
    for (const record of ["off", "on"] as const) {
      await using child = await startTidemill(rig, { manifest, record });
      const system = { name: `record ${record}`, child, port, path: "/orders" };
      const rates: number[] = [];
      const limits: number[] = [];
      const cpu: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const direct = await load({ port: target.port, path: "/", count: firings });
        const one = await through(system, target, { count: events, connections: 16, arrives: firings });
        // the first round warms up
        if (round === 0) continue;
        limits.push(direct.perSecond);
        rates.push((one.perSecond * firings) / events);
        cpu.push((one.cpuMs * events) / firings);
      }
      const [rate, limit] = [median(rates), median(limits)];
      rig.found({
        what: `record ${record}: firings`,
        value: `${Math.round(rate)}/s, ${median(cpu).toFixed(3)} ms cpu each (the generator alone at that target: ${Math.round(limit)}/s)`,
        goal: `>= ${Math.min(goal, Math.round(limit))}/s`,
        good: rate >= Math.min(goal, limit),
      });
    }
  },
};
