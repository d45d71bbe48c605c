import type { NewEvent } from "../bus/bus.ts";
import { nowUs } from "../lib/clock.ts";
import { messageOf } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import type { OperationWork, Working } from "./operations.ts";
import { busKey, candidates, isMeant, type Replayable, type ReplayParts, type ReplaySpec } from "./replay.ts";
import { replayOf } from "./replay-event.ts";
import { chooseEvents } from "./replay-range.ts";
import { untilKept } from "./until-kept.ts";

/** Events of one publish: a durable write for all of them. */
const atOnce = 100;

/**
 * Puts the events of a replay again, in their order, as an operation. Its place is kept with its counts; what was put after
 * the last word of it is put again after a crash, and is a duplicate then, for the ids are the same. A bus that is full is
 * waited for.
 */
export function replayWork(runtime: ReplayParts): OperationWork {
  return async (working) => {
    const spec = working.operation.spec as ReplaySpec;
    const choice = chooseEvents(spec, runtime.clock.nowMs());
    const after = (working.operation.cursor ?? {}) as Readonly<Record<string, number>>;
    // events that were named have no place to go on from: all of them are put again
    if (working.resumed && spec.eventIds !== undefined) working.progress({ anew: true });
    const put: Putting = { runtime, working, spec, places: { ...after } };
    const missing: string[] = [];
    let waiting: Replayable[] = [];
    for await (const one of candidates(runtime, spec, missing, after)) {
      working.signal.throwIfAborted();
      if (!isMeant(one, spec, choice)) continue;
      const full = waiting.length >= working.pace.share(atOnce);
      if (full || (waiting[0] !== undefined && waiting[0].run !== one.run)) {
        await putAll(put, waiting);
        waiting = [];
      }
      waiting.push(one);
    }
    if (waiting.length > 0) await putAll(put, waiting);
    if (missing.length > 0)
      working.progress({ failed: missing.length, note: `${missing.length} events are not kept any more` });
  };
}

interface Putting {
  readonly runtime: ReplayParts;
  readonly working: Working;
  readonly spec: ReplaySpec;
  readonly places: Record<string, number>;
}

/** All of one bus. */
async function putAll(put: Putting, all: readonly Replayable[]): Promise<void> {
  const { working, spec, places } = put;
  const [first] = all;
  if (first === undefined) return;
  const { run } = first;
  await working.pace.turn(all.length, working.signal);
  const mark = {
    ...{ namespace: run.namespace, bus: run.name, replayId: spec.replayId },
    ...(spec.toTrigger === undefined ? {} : { toTrigger: spec.toTrigger }),
  };
  const receivedUs = nowUs(working.clock);
  const events: NewEvent[] = [];
  let unknown = 0;
  for (const { entry } of all) {
    const planSet = spec.config === "original" ? await planSetOf(put, { run, entry }) : undefined;
    if (spec.config === "original" && planSet === undefined) unknown += 1;
    else events.push(replayOf(entry, mark, { receivedUs, planSet }));
  }
  const receipts = await publish(put, run, events);
  const refused = receipts.filter(({ outcome }) => outcome === "refused").length;
  const duplicates = receipts.filter(({ outcome }) => outcome === "duplicate").length;
  if (spec.eventIds === undefined) places[busKey(run)] = all.at(-1)?.entry.seq ?? 0;
  working.progress({
    done: receipts.length - refused,
    failed: refused + unknown,
    cursor: { ...places },
    ...(unknown > 0 ? { note: "of some it is not known any more which plans decided them: they were left out" } : {}),
  });
  if (duplicates > 0) working.progress({ note: "some were there already, of this replay: they are duplicates" });
}

/** The set that decided the original, where its plans are still known. */
async function planSetOf({ runtime }: Putting, { run, entry }: Replayable): Promise<string | undefined> {
  const planSet = (await runtime.record?.event(entry.event.id))?.planSet;
  return planSet !== undefined && (await run.plans.set(planSet)) !== undefined ? planSet : undefined;
}

/** A full bus, or a disk that stands, delays the replay; it does not end it. */
async function publish(
  { working }: Putting,
  run: Replayable["run"],
  events: readonly NewEvent[],
): Promise<readonly Receipt[]> {
  if (events.length === 0) return [];
  const { signal, clock } = working;
  const failed = (error: unknown): void =>
    working.progress({ note: `the bus took nothing for a while: ${messageOf(error)}` });
  const patience = { clock, signal, failed, firstPauseMs: 500, longestPauseMs: 30_000 };
  return untilKept(() => run.bus.publish({ events }, signal), patience);
}
