import { type Case, inRounds, type Rig } from "../figure.ts";
import { median } from "../numbers.ts";
import { freePort } from "../processes.ts";
import { sensor, startTidemill, webhookSource } from "../systems.ts";
import { type System, startTarget, type Target, through } from "../traffic.ts";

const many = 1_000;
const goal = 0.5;

/** What sensors cost that do not match: a thousand, each with a filter on another text, against one. */
export const sensors: Case = {
  name: "sensors",
  title: "one event source, 1,000 sensors with different filters, one matches",
  usual: true,
  size: inRounds,
  async run(rig) {
    const { count, rounds } = rig.options;
    await using target = await startTarget();
    await using one = await startSensors(rig, target, 1);
    await using thousand = await startSensors(rig, target, many);
    const ratios: number[] = [];
    const cpu: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      // the first round warms up
      const few = await through(one, target, { count, kind: kindOf(0) });
      const all = await through(thousand, target, { count, kind: kindOf(many / 2) });
      if (round === 0) continue;
      ratios.push(all.perSecond / few.perSecond);
      cpu.push(all.cpuMs / few.cpuMs);
      const [a, b] = [few, all].map(({ perSecond, cpuMs }) => `${Math.round(perSecond)}/s, ${cpuMs.toFixed(3)} ms cpu`);
      rig.say(`  round ${round}: one sensor ${a}; ${many} sensors ${b}`);
    }
    const ratio = median(ratios);
    rig.found({
      what: "rate, of that with one sensor",
      value: `${ratio.toFixed(2)} (processor time of an event ${median(cpu).toFixed(2)} times)`,
      goal: `>= ${goal}`,
      good: ratio >= goal,
    });
    rig.found({ what: "RssAnon with one, with 1,000", value: anon(one, thousand) });
    rig.found({ what: "ready with one, with 1,000", value: ready(one, thousand) });
  },
};

/** All of one length: a text of a filter matches wherever it is a part, and kind-5 is one of kind-50. */
const kindOf = (index: number): string => `kind-${String(index).padStart(4, "0")}`;
const anon = (...all: readonly System[]): string =>
  all.map(({ child }) => `${child.rssAnonMb().toFixed(0)} MB`).join(", ");
const ready = (...all: readonly System[]): string =>
  all.map(({ child }) => `${child.readyMs.toFixed(0)} ms`).join(", ");

async function startSensors(rig: Rig, { url }: Target, count: number): Promise<System & AsyncDisposable> {
  const port = await freePort();
  const sensors = Array.from({ length: count }, (_, at) => sensor({ name: `orders-${at}`, kind: kindOf(at), url }));
  const child = await startTidemill(rig, { manifest: [webhookSource(port), ...sensors].join("---\n"), record: "on" });
  return { name: `${count} sensors`, child, port, path: "/orders", [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}
