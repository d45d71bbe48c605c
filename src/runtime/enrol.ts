import type { Bus, Step } from "../bus/bus.ts";
import type { Log } from "../lib/log.ts";
import type { SensorPlan } from "../sensors/plan.ts";

/** The group that reads for all sensors which are at the same place. */
export const mainGroup = "sensors";

/** The group of a sensor that reads alone until it has caught up. */
export function aloneGroup(sensor: string): string {
  return `sensor/${sensor}`;
}

/** A sensor and from where on each of its triggers counts: entries after that place. */
export interface Enrolled {
  readonly plan: SensorPlan;
  readonly after: ReadonlyMap<string, number>;
}

export interface Enrolment {
  /** Decide together, from the main group's place. */
  readonly together: readonly Enrolled[];
  /** Behind: read alone first. */
  readonly alone: readonly Enrolled[];
  /** What is to be committed for it to hold. */
  readonly step: Pick<Step, "places" | "state">;
}

type Members = Record<string, { readonly triggers: Record<string, number> }>;

const store = "deciders";
const membersKey = "members";
const asideKey = "aside";

/**
 * Who reads from where. A new sensor, or a new trigger, starts at now; one that was here goes on where it was; one whose
 * manifest is invalid now, or that is paused, keeps its place for later; one that is gone loses its place, and it is said
 * how much it leaves. Nothing is committed here; no other step may move the places before `step` is.
 */
export async function enrol(parts: {
  readonly bus: Bus;
  readonly plans: readonly SensorPlan[];
  /** Sensors without a plan that keep their place. */
  readonly invalid: readonly string[];
  /** Of `plans`, those that do not decide now. */
  readonly paused: ReadonlySet<string>;
  readonly log: Log;
}): Promise<Enrolment> {
  const { bus, plans, invalid, paused } = parts;
  const mainPlace = await bus.events(mainGroup).begin("new");
  const headSeq = bus.stats().lastSeq;
  const roll: Roll = {
    members: await readMembers(bus, membersKey),
    aside: await readMembers(bus, asideKey),
    places: [],
    mainPlace,
    headSeq,
  };
  await leave(roll, { ...parts, waiting: new Set([...invalid, ...paused]) });
  const together: Enrolled[] = [];
  const alone: Enrolled[] = [];
  for (const plan of plans) {
    const { members, aside, places } = roll;
    const kept = members[plan.name] ?? aside[plan.name];
    const triggers = Object.fromEntries(
      plan.triggers.map((trigger) => [trigger.name, kept?.triggers[trigger.name] ?? headSeq]),
    );
    const enrolled = { plan, after: new Map(Object.entries(triggers)) };
    const isPaused = paused.has(plan.name);
    if (isPaused && kept === undefined) places.push({ group: aloneGroup(plan.name), seq: headSeq });
    if (!isPaused && aside[plan.name] === undefined) {
      members[plan.name] = { triggers };
      together.push(enrolled);
    } else {
      aside[plan.name] = { triggers };
      if (!isPaused) alone.push(enrolled);
    }
  }
  const state = [change(membersKey, roll.members), change(asideKey, roll.aside)];
  return { together, alone, step: { places: roll.places, state } };
}

interface Roll {
  readonly members: Members;
  readonly aside: Members;
  readonly places: { readonly group: string; readonly seq: number | null }[];
  readonly mainPlace: number;
  readonly headSeq: number;
}

/** Those that no longer decide with the others, or at all. */
async function leave(
  { members, aside, places, mainPlace, headSeq }: Roll,
  parts: {
    readonly bus: Bus;
    readonly plans: readonly SensorPlan[];
    readonly paused: ReadonlySet<string>;
    readonly waiting: ReadonlySet<string>;
    readonly log: Log;
  },
): Promise<void> {
  const { bus, paused, waiting, log } = parts;
  const active = new Set(parts.plans.map((plan) => plan.name).filter((name) => !paused.has(name)));
  for (const name of Object.keys(members)) {
    const member = members[name];
    if (active.has(name) || member === undefined) continue;
    if (waiting.has(name)) {
      aside[name] = member;
      places.push({ group: aloneGroup(name), seq: mainPlace });
      const at = { sensor: name, place: mainPlace };
      if (paused.has(name)) log.info(at, "the sensor is paused: it keeps its place, and events wait");
      else log.warn(at, "the sensor is invalid now: it keeps its place and goes on there once it is mended");
    } else {
      log.info({ sensor: name, undecided: headSeq - mainPlace }, "the sensor is gone: its place is dropped");
    }
    delete members[name];
  }
  for (const name of Object.keys(aside)) {
    if (active.has(name) || waiting.has(name)) continue;
    const lag = await bus.events(aloneGroup(name)).lag();
    log.info({ sensor: name, undecided: lag.entries }, "the sensor is gone: its place is dropped");
    places.push({ group: aloneGroup(name), seq: null });
    delete aside[name];
  }
}

/** A sensor that caught up joins the others: its own group goes, in one commit. */
export async function join(bus: Bus, enrolled: Enrolled): Promise<void> {
  const members = await readMembers(bus, membersKey);
  const aside = await readMembers(bus, asideKey);
  members[enrolled.plan.name] = { triggers: Object.fromEntries(enrolled.after) };
  delete aside[enrolled.plan.name];
  await bus.commit({
    places: [{ group: aloneGroup(enrolled.plan.name), seq: null }],
    state: [change(membersKey, members), change(asideKey, aside)],
  });
}

async function readMembers(bus: Bus, key: string): Promise<Members> {
  const value = await bus.state(store).get(key);
  return Object.assign(Object.create(null), value === undefined ? {} : JSON.parse(Buffer.from(value).toString()));
}

function change(
  key: string,
  members: Members,
): { readonly store: string; readonly key: string; readonly value: Uint8Array } {
  return { store, key, value: Buffer.from(JSON.stringify(members)) };
}
