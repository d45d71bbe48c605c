import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Rendered } from "../kit/trigger.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { AttemptFact } from "../lib/facts.ts";
import type { Manifests } from "../manifests/manifests.ts";
import { declined } from "../runtime/arrive.ts";
import type { Decided } from "../sensors/decided.ts";
import { everyNo, judgeEvent } from "../sensors/explain.ts";
import type { SensorPlan } from "../sensors/plan.ts";
import { seedOf } from "../sensors/seed.ts";
import { createDoubles, type DoublesParts } from "./doubles.ts";
import { type EventPlace, readEvent } from "./read-event.ts";
import { momentMs } from "./read-test-file.ts";
import { openStage, type Stage } from "./stage.ts";
import type { GivenCase, TestCase } from "./test-file.ts";

export interface PerformParts {
  readonly test: TestCase;
  readonly manifests: Manifests;
  /** Folder of the test file. */
  readonly folder: string;
  readonly types: DoublesParts["types"];
}

/** A firing as it was seen by its target, or died before. */
export interface SeenFiring {
  readonly id: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly attempts: number;
  readonly state: "done" | "dead" | "pending" | "dropped";
  readonly firstAtMs: number | undefined;
  /** What its last attempt sent; undefined where nothing could be sent. */
  readonly rendered: Rendered | undefined;
  readonly error: string | undefined;
}

/** Why an event did not make a trigger fire. */
export interface SeenNo {
  readonly sensor: string;
  readonly trigger: string;
  readonly reason: string;
}

/** An event as the sensors saw it, for coverage. */
export interface SeenEvent {
  readonly event: Event;
  readonly nowMs: number;
}

export interface Performance {
  readonly startMs: number;
  readonly firings: readonly SeenFiring[];
  readonly noes: readonly SeenNo[];
  readonly events: readonly SeenEvent[];
}

/** Where the fake clock starts unless the test says. */
const defaultStartMs = Date.UTC(2026, 0, 5, 9, 0, 0);
/** What is still live after this long is left as it is: `pending`. */
const longestMs = 24 * 3_600_000;

/** Gives the events of a test to the real runtime and writes down what happens. Throws TEST_INVALID and EVENT_INVALID. */
export async function perform(parts: PerformParts): Promise<Performance> {
  const { test, manifests } = parts;
  const startMs = (test.at === undefined ? undefined : momentMs(test.at, 0)) ?? defaultStartMs;
  const seen = new Sight(manifests.sensors);
  const doubles = createDoubles({ types: parts.types, outcomes: test.outcomes ?? {} });
  await using stage = await openStage({
    manifests,
    doubles,
    startMs,
    decided: (event, decided) => seen.decided({ event, nowMs: stage.clock.nowMs() }, decided),
    attempted: (firing, fact) => seen.attempted(firing, fact),
  });
  for (const [index, given] of test.given.entries()) {
    const atMs = given.at === undefined ? stage.clock.nowMs() : (momentMs(given.at, startMs) ?? startMs);
    if (atMs < stage.clock.nowMs())
      throw new TideError(
        "TEST_INVALID",
        `given[${index}] comes before the event above it: the clock does not go back`,
      );
    await stage.runTo(atMs);
    await give(await eventOf(given, { ...parts, index, nowMs: atMs }), { manifests, stage, seen });
  }
  const untilMs = test.until === undefined ? undefined : momentMs(test.until, startMs);
  await stage.runTo(Math.max(untilMs ?? 0, stage.clock.nowMs() + longestDebounceMs(manifests.sensors)));
  await stage.runOut(Math.max(stage.clock.nowMs(), startMs) + longestMs);
  return { startMs, firings: seen.firings(doubles.calls), noes: seen.noes, events: seen.events };
}

/** What is debounced is no firing yet: only time shows that it will be one. */
function longestDebounceMs(sensors: readonly SensorPlan[]): number {
  return Math.max(0, ...sensors.flatMap(({ triggers }) => triggers.map(({ debounce }) => debounce?.windowMs ?? 0)));
}

/** Through the filter of its entry, where the manifests have one, to every bus that a sensor of its namespace listens to. */
async function give(
  event: Event,
  to: { readonly manifests: Manifests; readonly stage: Stage; readonly seen: Sight },
): Promise<void> {
  const { sensors, sources } = to.manifests;
  const buses = new Map(sensors.map(({ namespace, bus }) => [JSON.stringify([namespace, bus]), { namespace, bus }]));
  for (const bus of buses.values()) {
    const entry = sources.find(
      (one) => one.namespace === bus.namespace && one.eventSource === event.source && one.event === event.subject,
    );
    if (entry !== undefined && entry.bus !== bus.bus) continue;
    const refused = entry === undefined ? undefined : declined(entry, event);
    if (refused === undefined) await to.stage.publish(bus, event);
    else to.seen.refused(event, `the EventSource ${event.source} turns the event down: ${refused}`);
  }
}

/** Collects what the runtime tells while it runs. */
class Sight {
  readonly noes: SeenNo[] = [];
  readonly events: SeenEvent[] = [];
  readonly #plans: readonly SensorPlan[];
  readonly #facts = new Map<string, { sensor: string; trigger: string; fact: AttemptFact }>();

  constructor(plans: readonly SensorPlan[]) {
    this.#plans = plans;
  }

  decided(seen: SeenEvent, decided: Decided): void {
    this.events.push(seen);
    const { event, nowMs } = seen;
    for (const { sensor, trigger, reason } of decided.waiting)
      this.noes.push({ sensor, trigger, reason: reason ?? "waits" });
    for (const plan of this.#plans) {
      const verdicts = judgeEvent(plan.dependencies, event, { nowMs, seed: seedOf(event.id) });
      for (const { name: trigger, conditions } of plan.triggers) {
        for (const verdict of verdicts) {
          if (!verdict.matched || verdict.passed || !conditions.names.includes(verdict.name)) continue;
          for (const reason of everyNo(verdict)) this.noes.push({ sensor: plan.name, trigger, reason });
        }
      }
    }
  }

  refused(event: Event, reason: string): void {
    for (const plan of this.#plans) {
      const names = judgeEvent(plan.dependencies, event, { nowMs: 0, seed: 0 }).filter(({ matched }) => matched);
      for (const { name: trigger, conditions } of plan.triggers) {
        if (names.some(({ name }) => conditions.names.includes(name)))
          this.noes.push({ sensor: plan.name, trigger, reason });
      }
    }
  }

  attempted(
    { id, sensor, trigger }: { readonly id: string; readonly sensor: string; readonly trigger: string },
    fact: AttemptFact,
  ): void {
    this.#facts.set(id, { sensor, trigger, fact });
  }

  /** What a firing came to; of a call for several (`batch`), what the worst of them did. */
  #factOf(id: string): AttemptFact | undefined {
    const facts = [...this.#facts.values()].filter(({ fact }) => fact.firing === id || fact.batch?.id === id);
    const worst = facts.find(({ fact }) => fact.state === "dead") ?? facts.find(({ fact }) => fact.state !== "done");
    return (worst ?? facts[0])?.fact;
  }

  /** Those that reached a double, in the order of their first attempt, and those that died before. */
  firings(calls: ReturnType<typeof createDoubles>["calls"]): readonly SeenFiring[] {
    const byKey = Map.groupBy(calls, ({ sensor, trigger, key }) => JSON.stringify([sensor, trigger, key]));
    const reached = [...byKey.values()].flatMap((attempts): SeenFiring[] => {
      const last = attempts.at(-1);
      if (last === undefined) return [];
      const { key: id, sensor, trigger, rendered } = last;
      const fact = this.#factOf(id);
      const state = fact === undefined || fact.state === "running" ? "pending" : fact.state;
      const firstAtMs = attempts[0]?.atMs;
      return [{ id, sensor, trigger, attempts: attempts.length, state, firstAtMs, rendered, error: fact?.error }];
    });
    const ids = new Set(reached.map(({ id }) => id));
    const lost = [...this.#facts].flatMap(([id, { sensor, trigger, fact }]): SeenFiring[] => {
      if (ids.has(id) || fact.state !== "dead" || ids.has(fact.batch?.id ?? "")) return [];
      const firstAtMs = fact.startedUs / 1000;
      return [
        { id, sensor, trigger, attempts: fact.n, state: "dead", firstAtMs, rendered: undefined, error: fact.error },
      ];
    });
    return [...reached, ...lost];
  }
}

async function eventOf(
  given: GivenCase,
  cx: PerformParts & { readonly index: number; readonly nowMs: number },
): Promise<Event> {
  const { index, nowMs, manifests } = cx;
  const from = given.dataFile ?? given.eventFile ?? `given[${index}]`;
  const file = given.dataFile ?? given.eventFile;
  const text =
    file === undefined ? JSON.stringify(given.data ?? given.event) : await readText(resolve(cx.folder, file), file);
  const whole = given.event !== undefined || given.eventFile !== undefined;
  const place = placeOf(given, cx);
  const read = readEvent({
    text,
    from,
    index,
    nowMs,
    kind: whole ? "event" : "data",
    place,
    fallback: whole ? undefined : onlyPlace(manifests.sensors),
    typeOf: ({ source, subject }) =>
      manifests.sources.find((one) => one.eventSource === source && one.event === subject)?.type,
  });
  if (read !== "without place") return read;
  throw new TideError("TEST_INVALID", `given[${index}]: whose event is it? say source or dependency`);
}

function placeOf(
  given: GivenCase,
  { index, manifests }: PerformParts & { readonly index: number },
): EventPlace | undefined {
  if (given.source !== undefined) {
    const [source = "", subject = ""] = given.source.split("/");
    return { source, subject };
  }
  if (given.dependency === undefined) return undefined;
  const dependencies = manifests.sensors.flatMap((plan) => plan.dependencies);
  const found = dependencies.find(({ name }) => name === given.dependency);
  if (found !== undefined) return { source: found.eventSource, subject: found.event };
  const names = dependencies.map(({ name }) => name).join(", ");
  throw new TideError("TEST_INVALID", `given[${index}]: there is no dependency ${given.dependency}; there is ${names}`);
}

function onlyPlace(sensors: readonly SensorPlan[]): EventPlace | undefined {
  const [first, ...rest] = sensors.flatMap((plan) => plan.dependencies);
  if (first === undefined) return undefined;
  const same = rest.every((one) => one.eventSource === first.eventSource && one.event === first.event);
  return same ? { source: first.eventSource, subject: first.event } : undefined;
}

async function readText(path: string, named: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new TideError("TEST_INVALID", `reading ${named}: ${messageOf(cause)}`);
  }
}
