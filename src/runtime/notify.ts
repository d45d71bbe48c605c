import type { Bus, Claimed, NewFiring, SettleResult, StateChange } from "../bus/bus.ts";
import { ExpressionError } from "../expressions/fault.ts";
import { parse } from "../expressions/gjson/value.ts";
import { asValue } from "../expressions/gjson.ts";
import { digest } from "../lib/digest.ts";
import type { Fact } from "../lib/facts.ts";
import { seededRandom } from "../sensors/filters/random.ts";
import { notifyQueueOf } from "../sensors/firing-of.ts";
import { type FailureData, failureName } from "../sensors/notify-failure.ts";
import { counted, type FoldedCount, type FoldWindow, foldStep, isOver } from "../sensors/notify-fold.ts";
import { chooseTarget } from "../sensors/notify-target.ts";
import type { FoldPlan, NotificationPlan, NotifyState, TriggerPlan } from "../sensors/plan.ts";
import { seedOf } from "../sensors/seed.ts";
import { failureData, failureEvent, rfc3339, sampleOf, type Told } from "./notify-data.ts";
import { createdFact, wholeEvents } from "./settlement.ts";

const storeName = "notify";

/** Firings that look at what a window has counted end so; they are never tried themselves. */
const timerEnd = "/fold";

export function isFoldTimer({ id }: Pick<NewFiring, "id">): boolean {
  return id.endsWith(timerEnd);
}

/** What goes into the commit of the failure that is told. */
export interface Noted {
  readonly firings: readonly NewFiring[];
  readonly facts: readonly Fact[];
  /** What of the book has changed; its values are asked for at each try to commit. */
  readonly touched: readonly string[];
}

/** When a trigger that is told to have failed began to. */
interface Failing {
  readonly sinceUs: number;
  readonly count: number;
}

/** Windows that are over are forgotten as others begin, so many at a time. */
const forgottenAtOnce = 4;

/**
 * What the notifications of one bus remember: open windows, what they counted, and which triggers fail. All of it is in
 * memory and in the bus, and changes in the commit of the failure that changes it: a restart forgets nothing and tells
 * nothing twice. Its changes are made synchronously, in the order in which attempts end.
 */
export class NotifyBook {
  readonly #bus: Pick<Bus, "state">;
  readonly #windows = new Map<string, FoldWindow>();
  readonly #counts = new Map<string, FoldedCount>();
  readonly #failing = new Map<string, Failing>();
  #ready: Promise<void> | undefined;

  constructor(bus: Pick<Bus, "state">) {
    this.#bus = bus;
  }

  /** Must have resolved before anything is noted. */
  ready(): Promise<void> {
    this.#ready ??= this.#load();
    return this.#ready;
  }

  async #load(): Promise<void> {
    for await (const [key, value] of this.#bus.state(storeName).list("")) {
      const read: unknown = JSON.parse(Buffer.from(value).toString());
      if (key.startsWith("w/")) this.#windows.set(key, read as FoldWindow);
      else if (key.startsWith("c/")) this.#counts.set(key, read as FoldedCount);
      else if (key.startsWith("f/")) this.#failing.set(key, read as Failing);
    }
  }

  /** The end of an attempt, or of a firing without one; undefined where nobody is to be told. */
  note(told: Told): Noted | undefined {
    const { plan, firing, fact } = told;
    const state: NotifyState = fact.state === "dead" ? "dead" : fact.outcome === "failed" ? "failed" : "recovered";
    const noting = new Noting();
    for (const notification of plan.notifications) {
      if (!notification.wants(firing.trigger)) continue;
      if (notification.on.has("recovered")) this.#follow(noting, notification, { state, told });
      else if (notification.on.has(state))
        this.#tell(noting, notification, failureData(notification, state, told), told);
    }
    if (noting.touched.size === 0 && noting.firings.length === 0) return undefined;
    return { firings: noting.firings, facts: noting.facts, touched: [...noting.touched] };
  }

  /**
   * The settlement with what was noted. Made anew for each try to commit: meanwhile the book may have moved on, and what is
   * kept last must be its newest state.
   */
  into(result: SettleResult, { firings, facts, touched }: Noted): SettleResult {
    return {
      ...result,
      facts: [...result.facts, ...facts],
      firings: [...(result.firings ?? []), ...firings],
      state: [...(result.state ?? []), ...this.#changes(touched)],
    };
  }

  #changes(touched: readonly string[]): readonly StateChange[] {
    return touched.map((key) => {
      const value = this.#windows.get(key) ?? this.#counts.get(key) ?? this.#failing.get(key);
      return { store: storeName, key, value: value === undefined ? undefined : Buffer.from(JSON.stringify(value)) };
    });
  }

  /** The end of a window: its timer goes, and what the window counted becomes a notification, in one commit. */
  unfold(timer: Claimed): SettleResult {
    const key = countKey(timer.id);
    const count = this.#counts.get(key);
    this.#counts.delete(key);
    const state = this.#changes([key]);
    const failure = timer.loaded.find(({ dependency }) => dependency === failureName)?.event;
    if (count === undefined || failure === undefined) return { id: timer.id, outcome: "done", facts: [], state };
    const data = JSON.parse(Buffer.from(failure.data).toString()) as FailureData;
    const folded = {
      count: count.count,
      since: rfc3339(count.sinceUs),
      first: rfc3339(count.firstUs),
      last: rfc3339(count.lastUs),
      samples: count.samples,
    };
    const id = digest(`folded ${timer.id}`);
    const events = timer.events.map((place) =>
      place.dependency === failureName ? { ...place, id, event: failureEvent(id, { ...data, folded }) } : place,
    );
    const { queue, revision, sensor, trigger, parent, dueUs } = timer;
    const made: NewFiring = { queue, id, dueUs, madeUs: dueUs, revision, sensor, trigger, events };
    const firing: NewFiring = parent === undefined ? made : { ...made, parent };
    const facts = [createdFact(firing, parent ?? "", `${count.count} failures since ${folded.since}`)];
    return { id: timer.id, outcome: "done", facts, firings: [firing], state };
  }

  /** Whether the trigger fails, and since when: its next success is told. */
  #follow(
    noting: Noting,
    notification: NotificationPlan,
    { state, told }: { readonly state: NotifyState; readonly told: Told },
  ): void {
    const { plan, firing, fact } = told;
    const key = `f/${digest(JSON.stringify([plan.name, notification.name, firing.trigger]))}`;
    const failing = this.#failing.get(key);
    const counts = state === "dead" || notification.on.has(state);
    if (state !== "recovered" && counts) {
      this.#failing.set(key, { sinceUs: failing?.sinceUs ?? fact.endedUs, count: (failing?.count ?? 0) + 1 });
      noting.touched.add(key);
    }
    if (!notification.on.has(state) || (state === "recovered" && failing === undefined)) return;
    const data = failureData(notification, state, told);
    if (state !== "recovered" || failing === undefined) {
      this.#tell(noting, notification, data, told);
      return;
    }
    this.#failing.delete(key);
    noting.touched.add(key);
    const since = { since: rfc3339(failing.sinceUs), count: failing.count };
    this.#tell(noting, notification, { ...data, failing: since }, told);
  }

  #tell(noting: Noting, notification: NotificationPlan, failure: FailureData, { firing, fact, plan }: Told): void {
    const events = new Map(firing.loaded.map(({ dependency, event }) => [dependency, event]));
    const cx = { nowMs: fact.endedUs / 1000, random: seededRandom(seedOf(firing.id), 0) };
    const own = failure.state === "recovered" ? {} : chooseTarget(notification.target, events, cx);
    const { way = notification.trigger, target, refused } = own;
    const data: FailureData = {
      ...failure,
      ...(target === undefined ? {} : { target: target.address }),
      ...(refused === undefined ? {} : { targetRefused: refused }),
    };
    const made: Making = { firing, way, data, atUs: fact.endedUs, sensor: plan.name };
    const about = JSON.stringify([firing.id, firing.retried?.rounds ?? 0, fact.n, data.state, way.name]);
    const id = digest(`notify ${about}`);
    if (notification.fold === undefined) {
      noting.add(firingFor(made, { id, dueUs: made.atUs }), reasonFor(data));
      return;
    }
    const kind = digest(
      JSON.stringify([
        plan.name,
        way.name,
        data.target,
        data.targetRefused?.target,
        kindOf(notification.fold, data, cx),
      ]),
    );
    this.#fold(noting, made, { id, kind, windowUs: notification.fold.windowMs * 1000 });
  }

  #fold(noting: Noting, made: Making, { id, kind, windowUs }: Folding): void {
    const { atUs, data } = made;
    const key = `w/${kind}`;
    const window = this.#windows.get(key);
    const counting = window?.timer !== undefined && this.#counts.has(countKey(window.timer));
    const timerOf = (fromUs: number): string => `${digest(`fold ${kind} ${fromUs}`)}${timerEnd}`;
    const step = foldStep({ window, counting, atUs, windowUs, timerOf });
    if (step.window !== window) {
      this.#forget(noting, atUs);
      this.#windows.delete(key);
      this.#windows.set(key, step.window);
      noting.touched.add(key);
    }
    if (step.tell === "now") {
      noting.add(firingFor(made, { id, dueUs: atUs }), reasonFor(data));
      return;
    }
    const { timer, fromUs, untilUs } = step.window;
    const count = counted(this.#counts.get(countKey(timer)), { atUs, sinceUs: fromUs, sample: sampleOf(data) });
    this.#counts.set(countKey(timer), count);
    noting.touched.add(countKey(timer));
    // nothing is told of it: it is no notification yet
    if (step.opens) noting.firings.push(firingFor(made, { id: timer, dueUs: untilUs }));
  }

  /** The oldest windows, where they are over: as many begin as are forgotten. */
  #forget(noting: Noting, nowUs: number): void {
    let asked = 0;
    for (const [key, window] of this.#windows) {
      if (++asked > forgottenAtOnce || !isOver(window, nowUs)) return;
      this.#windows.delete(key);
      noting.touched.add(key);
    }
  }
}

interface Making {
  readonly firing: Claimed;
  readonly way: TriggerPlan;
  readonly data: FailureData;
  readonly atUs: number;
  readonly sensor: string;
}

interface Folding {
  readonly id: string;
  /** Equal for failures that are folded together. */
  readonly kind: string;
  readonly windowUs: number;
}

/** What one commit gets. */
class Noting {
  readonly firings: NewFiring[] = [];
  readonly facts: Fact[] = [];
  readonly touched = new Set<string>();

  add(firing: NewFiring, reason: string | undefined): void {
    this.firings.push(firing);
    this.facts.push(createdFact(firing, firing.parent ?? "", reason));
  }
}

function countKey(timer: string): string {
  return `c/${timer}`;
}

function firingFor(
  { firing, way, data, atUs, sensor }: Making,
  { id, dueUs }: { readonly id: string; readonly dueUs: number },
): NewFiring {
  const events = [...wholeEvents(firing), { dependency: failureName, id, seq: -1, event: failureEvent(id, data) }];
  const { revision } = firing;
  const queue = notifyQueueOf(sensor, way.name);
  return { queue, id, dueUs, madeUs: atUs, revision, sensor, trigger: way.name, events, parent: firing.id };
}

function reasonFor({ targetRefused: refused }: FailureData): string | undefined {
  if (refused === undefined) return undefined;
  return `${refused.code}: the event names the target ${refused.target}: ${refused.reason}`;
}

/** A template that cannot be rendered for this failure tells it by the default. */
function kindOf({ key }: FoldPlan, data: FailureData, cx: { readonly nowMs: number; random(): number }): string {
  const usual = JSON.stringify([data.trigger, data.state, data.code]);
  if (key === undefined) return usual;
  try {
    return `key ${key.render({ Input: asValue(parse(JSON.stringify(data))) }, cx)}`;
  } catch (error) {
    if (error instanceof ExpressionError) return usual;
    throw error;
  }
}
