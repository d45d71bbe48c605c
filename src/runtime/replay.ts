import { randomBytes } from "node:crypto";
import type { LogEntry } from "../bus/bus.ts";
import { nowUs } from "../lib/clock.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { TideError } from "../lib/errors.ts";
import { queueOf } from "../sensors/firing-of.ts";
import { firesAtOnce, replayTarget } from "../sensors/replay-target.ts";
import type { BusRun } from "./bus-run.ts";
import { rfc3339 } from "./event-answer.ts";
import { chooseEvents, entriesOf, type RangeChoice, type ReplayRange } from "./replay-range.ts";
import type { Runtime } from "./runtime.ts";

/** Which events are put again, and how. */
export interface ReplaySpec extends ReplayRange {
  /** These events alone, whenever they came. */
  readonly eventIds?: readonly string[] | undefined;
  /** `SENSOR/TRIGGER`: only this one sees them. */
  readonly toTrigger?: string | undefined;
  /** `original`: decided by the plans that decided the original. */
  readonly config: "current" | "original";
  /** Makes the new events what they are: the same twice makes duplicates. */
  readonly replayId: string;
  /** The end of each bus's log when it was planned: what the replay itself puts there is behind it. */
  readonly upTo?: Readonly<Record<string, number>> | undefined;
}

export interface ReplayPlan {
  readonly replayId: string;
  readonly count: number;
  readonly bytes: number;
  readonly bySource: readonly { readonly source: string; readonly subject: string; readonly count: number }[];
  readonly sample: readonly ReplaySample[];
  /** Of each bus, since when its events are kept, and whether that is after the begin of the range. */
  readonly kept: readonly ReplayKept[];
  /** Events of the range that are left alone: replays themselves, and made by triggers of other events. */
  readonly skipped: { readonly replayed: number; readonly derived: number };
  readonly unevaluated?: { readonly count: number; readonly error: string } | undefined;
  /** Of the ids that were asked for: those that no bus keeps. */
  readonly missing?: readonly string[] | undefined;
  /** What a person should know before, a sentence each. */
  readonly notes: readonly string[];
  readonly spec: ReplaySpec;
}

export interface ReplaySample {
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly receivedAt: string;
}

export interface ReplayKept {
  readonly namespace: string;
  readonly bus: string;
  readonly oldestAt?: string | undefined;
  readonly newestAt?: string | undefined;
  readonly cut: boolean;
}

export type ReplayParts = Pick<Runtime, "buses" | "clock" | "record">;

/** An event to be put again, and where it is. */
export interface Replayable {
  readonly run: BusRun;
  readonly entry: LogEntry;
}

const mostSample = 5;
const mostSources = 200;
/** Of `--config original`: so many are looked up for the plan; the rest is looked up as it comes. */
const mostLookedUp = 500;

export function newReplayId(): string {
  return `r_${randomBytes(5).toString("hex")}`;
}

export function busKey({ namespace, name }: Pick<BusRun, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** Looks at all kept events of the range, and changes nothing. Rejects with USAGE, ENTRY_UNKNOWN and RECORD_OFF. */
export async function planReplay(runtime: ReplayParts, asked: ReplaySpec): Promise<ReplayPlan> {
  const notes = checkTarget(runtime, asked);
  if (asked.config === "original" && runtime.record === undefined)
    throw new TideError("RECORD_OFF", "which plans decided an event is told by the record");
  const spec: ReplaySpec = { ...asked, upTo: asked.upTo ?? endsOf(runtime) };
  const choice = chooseEvents(spec, runtime.clock.nowMs());
  const counts = new Counts(choice);
  const past = new PastCounts(runtime);
  const missing: string[] = [];
  for await (const one of candidates(runtime, spec, missing)) {
    if (counts.add(one, spec) && spec.config === "original") await past.add(one);
  }
  const { failed } = choice;
  return {
    replayId: spec.replayId,
    ...counts.answer(),
    kept: await keptOf(runtime, spec),
    ...(failed === undefined ? {} : { unevaluated: { count: failed.count, error: failed.error } }),
    ...(spec.eventIds === undefined ? {} : { missing }),
    notes: [...notes, ...past.notes()],
    spec,
  };
}

function endsOf({ buses }: Pick<Runtime, "buses">): Readonly<Record<string, number>> {
  return Object.fromEntries(buses.map((run) => [busKey(run), run.bus.stats().lastSeq]));
}

/** All entries that the range or the ids speak of, in the order of each log; ids that are nowhere go to `missing`. */
export async function* candidates(
  runtime: ReplayParts,
  spec: ReplaySpec,
  missing: string[],
  after: Readonly<Record<string, number>> = {},
): AsyncGenerator<Replayable> {
  if (spec.eventIds !== undefined) {
    for (const id of spec.eventIds) {
      const found = await findEvent(runtime, spec, id);
      if (found === undefined) missing.push(id);
      else yield found;
    }
    return;
  }
  for (const run of runtime.buses) {
    if (spec.namespace !== undefined && run.namespace !== spec.namespace) continue;
    const key = busKey(run);
    const upToSeq = spec.upTo?.[key] ?? run.bus.stats().lastSeq;
    const entries = entriesOf(run.bus, spec, { afterSeq: after[key] ?? 0, upToSeq });
    for await (const entry of entries) yield { run, entry };
  }
}

/** An event with an id of its own has it in the bus; of one with a random id the record knows the place. */
async function findEvent(
  { buses, record }: ReplayParts,
  { namespace }: ReplaySpec,
  id: string,
): Promise<Replayable | undefined> {
  const recorded = await record?.event(id);
  for (const run of buses) {
    if (namespace !== undefined && run.namespace !== namespace) continue;
    const here = recorded?.namespace === run.namespace && recorded.bus === run.name ? recorded.seq : undefined;
    const seq = here ?? (await run.bus.seqOf(id));
    const entry = seq === undefined ? undefined : await run.bus.event(seq);
    if (entry?.event.id === id) return { run, entry };
  }
  return undefined;
}

/** Whether an event is put again: by its range, or because it was named. */
export function isMeant({ entry }: Replayable, spec: ReplaySpec, choice: RangeChoice): boolean {
  return spec.eventIds !== undefined || choice.meant(entry) === "yes";
}

class Counts {
  readonly #choice: RangeChoice;
  readonly #sources = new Map<string, { readonly source: string; readonly subject: string; count: number }>();
  readonly #sample: ReplaySample[] = [];
  readonly #skipped = { replayed: 0, derived: 0 };
  #count = 0;
  #bytes = 0;

  constructor(choice: RangeChoice) {
    this.#choice = choice;
  }

  /** Whether it is one. */
  add({ entry }: Replayable, spec: ReplaySpec): boolean {
    const meant = spec.eventIds === undefined ? this.#choice.meant(entry) : "yes";
    if (meant === "replayed" || meant === "derived") this.#skipped[meant] += 1;
    if (meant !== "yes") return false;
    const { id, source, subject, data } = entry.event;
    this.#count += 1;
    this.#bytes += data.byteLength;
    if (this.#sample.length < mostSample)
      this.#sample.push({ id, source, subject, receivedAt: rfc3339(entry.receivedUs) });
    const key = `${source}/${subject}`;
    const known = this.#sources.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#sources.size < mostSources) this.#sources.set(key, { source, subject, count: 1 });
    return true;
  }

  answer(): Pick<ReplayPlan, "count" | "bytes" | "bySource" | "sample" | "skipped"> {
    return {
      count: this.#count,
      bytes: this.#bytes,
      bySource: [...this.#sources.values()].sort((a, b) => b.count - a.count),
      sample: this.#sample,
      skipped: this.#skipped,
    };
  }
}

/** What is known of the plans that decided the originals. */
class PastCounts {
  readonly #runtime: ReplayParts;
  readonly #sets = new Map<string, { count: number; readonly without: readonly string[] | undefined }>();
  #lookedUp = 0;
  #unknown = 0;

  constructor(runtime: ReplayParts) {
    this.#runtime = runtime;
  }

  async add({ run, entry }: Replayable): Promise<void> {
    if (this.#lookedUp >= mostLookedUp) return;
    this.#lookedUp += 1;
    const planSet = (await this.#runtime.record?.event(entry.event.id))?.planSet;
    if (planSet === undefined) {
      this.#unknown += 1;
      return;
    }
    const known = this.#sets.get(planSet);
    if (known !== undefined) known.count += 1;
    else this.#sets.set(planSet, { count: 1, without: await notReached(run, planSet) });
  }

  notes(): readonly string[] {
    const of = this.#lookedUp === mostLookedUp ? ` of the first ${mostLookedUp}` : "";
    const gone = [...this.#sets.values()].filter(({ without }) => without === undefined);
    const lost = gone.reduce((sum, { count }) => sum + count, this.#unknown);
    const without = new Set([...this.#sets.values()].flatMap((set) => set.without ?? []));
    return [
      ...(lost === 0 ? [] : [`which plans decided them is not known any more for ${lost}${of}: they are left out`]),
      ...(without.size === 0
        ? []
        : [`not reached with the plans of then: ${[...without].slice(0, 10).join(", ")} (gone, or of several events)`]),
    ];
  }
}

/** Triggers of a set that a replay does not reach; undefined when the set is not known any more. */
async function notReached(run: BusRun, planSet: string): Promise<readonly string[] | undefined> {
  const plans = await run.plans.set(planSet);
  const worked = new Set(run.queues().map(({ queue }) => queue));
  return plans?.flatMap((plan) =>
    plan.triggers
      .filter((trigger) => !firesAtOnce(trigger) || !worked.has(queueOf(plan.name, trigger.name)))
      .map(({ name }) => `${plan.name}/${name}`),
  );
}

async function keptOf({ buses }: Pick<Runtime, "buses">, spec: ReplaySpec): Promise<readonly ReplayKept[]> {
  const told: ReplayKept[] = [];
  for (const { namespace, name, bus } of buses) {
    if (spec.namespace !== undefined && namespace !== spec.namespace) continue;
    const { firstSeq, lastSeq } = bus.stats();
    const [oldest] = await bus.entries({ afterSeq: Math.max(0, firstSeq - 1), max: 1 });
    const newest = await bus.event(lastSeq);
    told.push({
      ...{ namespace, bus: name },
      oldestAt: oldest === undefined ? undefined : rfc3339(oldest.receivedUs),
      newestAt: newest === undefined ? undefined : rfc3339(newest.receivedUs),
      // the first one ever has nothing before it
      cut: spec.eventIds === undefined && firstSeq > 1 && oldest !== undefined && oldest.receivedUs > spec.fromUs,
    });
  }
  return told;
}

/** Throws ENTRY_UNKNOWN for a trigger that does not run; answers what is to be known of one that does. */
function checkTarget({ buses }: Pick<Runtime, "buses">, { toTrigger, namespace }: ReplaySpec): readonly string[] {
  if (toTrigger === undefined) return [];
  const here = buses.filter((run) => namespace === undefined || run.namespace === namespace);
  const all = here.flatMap(({ sensors }) =>
    sensors.flatMap((plan) => plan.triggers.map((trigger) => ({ name: `${plan.name}/${trigger.name}`, trigger }))),
  );
  const found = all.find(({ name }) => name === toTrigger);
  if (found === undefined) {
    const meant = didYouMean(
      toTrigger,
      all.map(({ name }) => name),
    );
    const form = replayTarget(toTrigger) === undefined ? "; write SENSOR/TRIGGER" : "";
    const hint = meant === undefined ? form : `; did you mean ${meant}?`;
    throw new TideError("ENTRY_UNKNOWN", `there is no trigger ${toTrigger}${hint}`);
  }
  if (firesAtOnce(found.trigger)) return [];
  return [`${toTrigger} waits for several events, or for quiet: replayed ones join what it holds now`];
}

/** Now, for the end of a range that has none. */
export function endOfNow({ clock }: Pick<Runtime, "clock">): number {
  return nowUs(clock) + 1;
}
