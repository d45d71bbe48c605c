import { type Case, inRounds, type Rig } from "../figure.ts";
import { median } from "../numbers.ts";
import { argoMissing, startArgo } from "../peers/argo.ts";
import { startBare, startBareWithLmdb, startWebhook } from "../systems.ts";
import { load, measureAlone, type System, startTarget, type Through, through } from "../traffic.ts";

const goals = {
  off: { rate: 0.8, cpu: 1.5 },
  on: { rate: 0.65, cpu: 2.2 },
} as const;
/** So many events a process has seen when its memory is looked at. */
const memoryEvents = 200_000;
const memoryGoalMb = 150;

/** All systems in turn, several rounds: the machine is shared, so the ratios of one round count, and their median. */
export const webhook: Case = {
  name: "webhook",
  title: "webhook → durable bus → data filter → HTTP, 1 KB, 64 connections",
  usual: true,
  size: inRounds,
  async run(rig) {
    const { count, rounds } = rig.options;
    await using target = await startTarget();
    rig.remark(await measureAlone(target, count));
    await using bare = await startBare(target);
    await using kept = await startBareWithLmdb(rig, target);
    await using off = await startWebhook(rig, target, { record: "off" });
    await using on = await startWebhook(rig, target, { record: "on" });
    await using argo = await startArgo(rig, target);
    const systems: readonly System[] = [bare, kept, off, on, ...(argo === undefined ? [] : [argo])];
    const measured = new Map<System, Through[]>(systems.map((system) => [system, []]));
    for (let round = 0; round <= rounds; round++) {
      const order = round % 2 === 0 ? systems : systems.toReversed();
      for (const system of order) {
        const one = await through(system, target, { count });
        // the first round warms up
        if (round > 0) measured.get(system)?.push(one);
      }
      if (round > 0) rig.say(`  round ${round}: ${systems.map((one) => lastOf(one, measured)).join("; ")}`);
    }
    const against = (system: System, peer: System, of: (one: Through) => number): number =>
      median((measured.get(system) ?? []).map((one, at) => of(one) / of(measured.get(peer)?.[at] ?? one)));
    const rateOf = (one: Through): number => one.perSecond;
    const cpuOf = (one: Through): number => one.cpuMs;
    const shown = (system: System): string => medians(measured.get(system) ?? []);
    rig.found({ what: "bare forwarder, keeps nothing", value: shown(bare) });
    const keptValue = `${against(kept, bare, rateOf).toFixed(2)} of its rate, ${against(kept, bare, cpuOf).toFixed(2)} times its processor time (${shown(kept)})`;
    rig.found({ what: "bare forwarder with one LMDB commit before each answer", value: keptValue });
    for (const [record, system] of [["off", off] as const, ["on", on] as const]) {
      const rate = against(system, bare, rateOf);
      const cpu = against(system, bare, cpuOf);
      const goal = goals[record];
      rig.found({
        what: `record ${record}: rate, of the bare forwarder's`,
        value: `${rate.toFixed(2)} (${shown(system)})`,
        goal: `>= ${goal.rate}`,
        good: rate >= goal.rate,
      });
      rig.found({
        what: `record ${record}: processor time of an event, times the bare forwarder's`,
        value: cpu.toFixed(2),
        goal: `<= ${goal.cpu}`,
        good: cpu <= goal.cpu,
      });
      if (argo !== undefined) {
        const times = against(system, argo, rateOf);
        rig.found({
          what: `record ${record}: rate, of Argo Events' on JetStream`,
          value: `${times.toFixed(1)} times (${shown(argo)})`,
          goal: ">= 4 times",
          good: times >= 4,
        });
      }
    }
    if (argo === undefined) rig.remark(argoMissing);
    await memory(rig, off, (rounds + 1) * count);
    rig.found({
      what: "`tidemill run` ready, record on",
      value: `${on.child.readyMs.toFixed(0)} ms`,
      goal: "< 1000 ms",
      good: on.child.readyMs < 1000,
    });
  },
};

/** A process that has seen fewer events than that is given the rest, unless a short run was asked for. */
async function memory(rig: Rig, { child, port, path }: System, seen: number): Promise<void> {
  const more = memoryEvents - seen;
  const full = more <= memoryEvents / 2;
  if (full && more > 0) await load({ port, path, count: more });
  await child.quietCpuMs();
  const anonMb = child.rssAnonMb();
  rig.found({
    what: `record off: RssAnon after ${full ? Math.max(seen, memoryEvents) : seen} events`,
    value: `${anonMb.toFixed(0)} MB`,
    ...(full ? { goal: `< ${memoryGoalMb} MB`, good: anonMb < memoryGoalMb } : {}),
  });
}

function lastOf(system: System, measured: ReadonlyMap<System, readonly Through[]>): string {
  return `${system.name} ${medians(measured.get(system)?.slice(-1) ?? [])}`;
}

function medians(all: readonly Through[]): string {
  const rate = median(all.map(({ perSecond }) => perSecond));
  const cpu = median(all.map(({ cpuMs }) => cpuMs));
  return `${Math.round(rate)}/s, ${cpu.toFixed(3)} ms cpu`;
}
