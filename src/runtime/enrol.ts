import type { Bus } from "../bus/bus.ts";
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
}

type Members = Record<string, { readonly triggers: Record<string, number> }>;

const store = "deciders";
const membersKey = "members";
const asideKey = "aside";

/**
 * Who reads from where. A new sensor, or a new trigger, starts at now; one that was here goes on where it was; one whose
 * manifest is invalid now keeps its place for later; one that is gone loses its place, and it is said how much it leaves.
 */
export async function enrol(parts: {
  readonly bus: Bus;
  readonly plans: readonly SensorPlan[];
  readonly invalid: readonly string[];
  readonly log: Log;
}): Promise<Enrolment> {
  const { bus, plans, invalid, log } = parts;
  const main = bus.events(mainGroup);
  const mainPlace = await main.begin("new");
  const headSeq = bus.stats().lastSeq;
  const members = await readMembers(bus, membersKey);
  const aside = await readMembers(bus, asideKey);
  const active = new Set(plans.map((plan) => plan.name));
  const places: { readonly group: string; readonly seq: number | null }[] = [];

  for (const name of Object.keys(members)) {
    const member = members[name];
    if (active.has(name) || member === undefined) continue;
    if (invalid.includes(name)) {
      aside[name] = member;
      places.push({ group: aloneGroup(name), seq: mainPlace });
      log.warn(
        { sensor: name, place: mainPlace },
        "the sensor is invalid now: it keeps its place and goes on there once it is mended",
      );
    } else {
      log.info({ sensor: name, undecided: headSeq - mainPlace }, "the sensor is gone: its place is dropped");
    }
    delete members[name];
  }
  for (const name of Object.keys(aside)) {
    if (active.has(name) || invalid.includes(name)) continue;
    const lag = await bus.events(aloneGroup(name)).lag();
    log.info({ sensor: name, undecided: lag.entries }, "the sensor is gone: its place is dropped");
    places.push({ group: aloneGroup(name), seq: null });
    delete aside[name];
  }

  const together: Enrolled[] = [];
  const alone: Enrolled[] = [];
  for (const plan of plans) {
    const kept = members[plan.name] ?? aside[plan.name];
    const triggers = Object.fromEntries(
      plan.triggers.map((trigger) => [trigger.name, kept?.triggers[trigger.name] ?? headSeq]),
    );
    const enrolled = { plan, after: new Map(Object.entries(triggers)) };
    if (aside[plan.name] === undefined) {
      members[plan.name] = { triggers };
      together.push(enrolled);
    } else {
      aside[plan.name] = { triggers };
      alone.push(enrolled);
    }
  }
  await bus.commit({ places, state: [change(membersKey, members), change(asideKey, aside)] });
  return { together, alone };
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
