import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event } from "../lib/event.ts";
import { type Advanced, advance, type Decision } from "./advance.ts";
import { compileSensor } from "./compile.ts";
import type { SensorPlan } from "./plan.ts";
import { adoptState, decodeState, emptyState, encodeState, type SensorState, wakeAtMs } from "./state.ts";
import { testEvent, testPlace, testPlan, testSpec } from "./testing.ts";

interface Arrival {
  readonly id: string;
  readonly of: string;
  readonly atMs: number;
  readonly data?: unknown;
  readonly replay?: string;
}

/** Plays events and the clock: time inputs come exactly when `advance` asked for them, as in the runtime. */
class Player {
  state: SensorState;
  readonly steps: Advanced[] = [];
  readonly #plan: SensorPlan;
  #seq = 0;

  constructor(plan: SensorPlan, state = emptyState) {
    this.#plan = plan;
    this.state = state;
  }

  event({ id, of, atMs, data, replay }: Arrival): Advanced {
    const event: Event = testEvent({ id, data, extensions: replay === undefined ? {} : { replayid: replay } });
    const passed = this.#plan.dependencies
      .filter(({ name }) => name === of)
      .map((dependency) => ({ dependency, event }));
    this.#seq += 1;
    return this.#keep(advance(this.#plan, this.state, { kind: "event", event, seq: this.#seq, nowMs: atMs, passed }));
  }

  /** Lets time pass, with each wake-up on time. */
  until(endMs: number): void {
    for (let atMs = wakeAtMs(this.state); atMs !== undefined && atMs <= endMs; atMs = wakeAtMs(this.state))
      this.time(atMs);
  }

  time(nowMs: number): Advanced {
    return this.#keep(advance(this.#plan, this.state, { kind: "time", nowMs }));
  }

  get firings(): readonly string[] {
    return this.steps.flatMap((step) => step.firings.map(({ events }) => events.map(({ id }) => id).join("+")));
  }

  #keep(step: Advanced): Advanced {
    this.state = step.state;
    this.steps.push(step);
    return step;
  }
}

const said = ({ decisions }: Advanced) =>
  decisions.map((one) => `${one.dependency} ${one.decision}${"event" in one && one.event ? ` ${one.event}` : ""}`);
const reasons = ({ decisions }: Advanced) => decisions.map((one) => ("reason" in one ? one.reason : undefined));
const plan = (trigger: object, conditions = "a") =>
  testPlan(testSpec({ dependencies: ["a", "b"], triggers: { t: conditions }, trigger }));

describe("debounce", () => {
  it("lets the last one fire once its window has passed, and says what became of the others", () => {
    const player = new Player(plan({ debounce: "5s" }));
    const first = player.event({ id: "1", of: "a", atMs: 0 });
    expect([said(first), reasons(first), first.wakeAtMs]).toEqual([
      ["a waiting"],
      ["debounce: fires at 1970-01-01T00:00:05.000Z unless another comes"],
      5_000,
    ]);
    const second = player.event({ id: "2", of: "a", atMs: 4_999 });
    expect(said(second)).toEqual(["a superseded 1", "a waiting"]);
    expect(reasons(second)[0]).toBe("debounce: a newer one came within 5.0 s");
    player.until(9_998);
    expect(player.firings).toEqual([]);
    player.until(9_999);
    expect(player.firings).toEqual(["2"]);
    const fired = player.steps.at(-1);
    expect(fired?.firings[0]).toMatchObject({ dueUs: 9_999_000, madeUs: 9_999_000 });
    expect(fired?.decisions).toMatchObject([{ decision: "fired", dependency: "a", later: { event: "2", seq: 2 } }]);
    expect(player.state).toBe(emptyState);
  });

  it("fires as of the end of the window however late it is asked, before a newer event begins another one", () => {
    const player = new Player(plan({ debounce: "5s" }));
    player.event({ id: "1", of: "a", atMs: 0 });
    const late = player.event({ id: "2", of: "a", atMs: 60_000 });
    expect(said(late)).toEqual(["a fired", "a waiting"]);
    expect(late.firings).toMatchObject([{ madeUs: 5_000_000, events: [{ id: "1" }] }]);
    expect(late.wakeAtMs).toBe(65_000);
  });

  it("makes the same firing whoever decides it, and when", () => {
    const onTime = new Player(plan({ debounce: "5s" }));
    onTime.event({ id: "1", of: "a", atMs: 0 });
    onTime.until(5_000);
    const late = new Player(plan({ debounce: "5s" }));
    late.event({ id: "1", of: "a", atMs: 0 });
    late.time(500_000);
    expect(late.steps.at(-1)?.firings).toEqual(onTime.steps.at(-1)?.firings);
  });

  it("tells values of a path apart, and leaves alone what has none", () => {
    const player = new Player(plan({ debounce: { window: "5s", by: "k" } }));
    player.event({ id: "1", of: "a", atMs: 0, data: { k: "x" } });
    player.event({ id: "2", of: "a", atMs: 1_000, data: { k: "y" } });
    const none = player.event({ id: "3", of: "a", atMs: 1_000, data: { k: null } });
    expect(said(none)).toEqual(["a fired"]);
    player.event({ id: "4", of: "a", atMs: 2_000, data: { k: "x" } });
    player.until(6_000);
    expect(player.firings).toEqual(["3", "2"]);
    player.until(7_000);
    expect(player.firings).toEqual(["3", "2", "4"]);
  });

  it("holds a condition of several events whole", () => {
    const player = new Player(plan({ debounce: "5s" }, "a && b"));
    player.event({ id: "1", of: "a", atMs: 0 });
    const satisfied = player.event({ id: "2", of: "b", atMs: 0 });
    expect(said(satisfied)).toEqual(["a waiting 1", "b waiting"]);
    player.event({ id: "3", of: "a", atMs: 1_000 });
    const again = player.event({ id: "4", of: "b", atMs: 1_000 });
    expect(said(again)).toEqual(["a superseded 1", "b superseded 2", "a waiting 3", "b waiting"]);
    player.until(10_000);
    expect(player.firings).toEqual(["3+4"]);
  });

  it("keeps replays out of the windows of what happens", () => {
    const player = new Player(plan({ debounce: "5s" }));
    player.event({ id: "1", of: "a", atMs: 0 });
    player.event({ id: "2", of: "a", atMs: 0, replay: "r" });
    player.until(5_000);
    expect(player.firings).toEqual(["1", "2"]);
  });

  it("changes nothing when the same event is decided again", () => {
    const player = new Player(plan({ debounce: "5s" }));
    player.event({ id: "1", of: "a", atMs: 0 });
    const { state } = player;
    expect(said(player.event({ id: "1", of: "a", atMs: 3_000 }))).toEqual(["a waiting"]);
    expect(player.state).toBe(state);
  });

  it("gives its firing the order key of its events", () => {
    const player = new Player(plan({ debounce: "5s", orderBy: { dependency: "b", path: "k" } }, "a && b"));
    player.event({ id: "1", of: "a", atMs: 0, data: { k: "of a" } });
    player.event({ id: "2", of: "b", atMs: 0, data: { k: 17 } });
    player.until(5_000);
    expect(player.steps.at(-1)?.firings[0]?.orderKey).toBe("17");
  });

  it("is there again after a restart, and fires at once when its manifest no longer has it", () => {
    const before = new Player(plan({ debounce: { window: "5s", by: "k" } }, "a && b"));
    before.event({ id: "1", of: "a", atMs: 0, data: { k: "x" } });
    before.event({ id: "2", of: "b", atMs: 0, data: { k: "x" } });
    before.event({ id: "3", of: "a", atMs: 1_000, data: { k: "y" } });
    const stored = encodeState("sensor", emptyState, before.state).map(
      ({ key, value = new Uint8Array() }) => [key, value] as const,
    );
    const same = plan({ debounce: { window: "5s", by: "k" } }, "a && b");
    const { state, dropped, unreadable } = decodeState(same, stored);
    expect([state, dropped, unreadable]).toEqual([before.state, [], []]);
    const after = new Player(same, state);
    after.until(5_000);
    expect(after.firings).toEqual(["1+2"]);
    const without = decodeState(plan({}, "a && b"), stored).state;
    expect(wakeAtMs(without)).toBe(0);
    const other = adoptState(plan({ debounce: "5s" }, "a || b"), before.state);
    expect(other.state).toBe(emptyState);
    expect(other.dropped.map(({ event, reason }) => [event, reason])).toContainEqual([
      "1",
      "the trigger's conditions changed",
    ]);
    expect(other.dropped).toHaveLength(3);
  });

  it("stores and deletes just what changed", () => {
    const player = new Player(plan({ debounce: { window: "5s", by: "k" } }));
    player.event({ id: "1", of: "a", atMs: 0, data: { k: "x" } });
    player.event({ id: "2", of: "a", atMs: 1, data: { k: "y" } });
    const { state: two } = player;
    player.until(5_000);
    const changes = encodeState("sensor", two, player.state);
    expect(changes.map(({ value }) => value)).toEqual([undefined]);
    const { state: one } = player;
    player.until(5_001);
    expect(encodeState("sensor", one, player.state)).toHaveLength(1);
    expect(encodeState("sensor", one, one)).toEqual([]);
  });
});

describe("orderBy", () => {
  const keyOf = (orderBy: unknown, data: unknown) => {
    const player = new Player(plan({ orderBy }));
    return player.event({ id: "1", of: "a", atMs: 0, data }).firings[0]?.orderKey;
  };

  it("is the text of what the path finds", () => {
    expect(keyOf("k", { k: "x" })).toBe("x");
    expect(keyOf("k", { k: 1 })).toBe(keyOf("k", { k: "1" }));
    expect(keyOf("k", { k: { a: [1] } })).toBe('{"a":[1]}');
    expect(keyOf("k", { k: "" })).toBe("");
    expect(keyOf("k", { k: "long".repeat(100) })).toMatch(/^[0-9a-f]{32}$/);
    expect(keyOf("__proto__.x", { k: 1 })).toBeUndefined();
  });

  it("is not there where the path finds nothing, or null, or the data is no JSON", () => {
    for (const data of [{}, { k: null }, new Uint8Array(), new TextEncoder().encode("no json")])
      expect(keyOf("k", data)).toBeUndefined();
  });
});

describe("whatever comes, and whenever", () => {
  const specs = [
    { conditions: "a", trigger: { debounce: "50ms" } },
    { conditions: "a || b", trigger: { debounce: { window: "50ms", by: "k" }, orderBy: "k" } },
    { conditions: "a && b", trigger: { ttl: "70ms" } },
    { conditions: "a && b", trigger: { ttl: "70ms", debounce: { window: "50ms", by: "k" } } },
  ];
  const arrival = fc.record({
    of: fc.constantFrom("a", "b"),
    afterMs: fc.integer({ min: 0, max: 60 }),
    key: fc.constantFrom("x", "y", undefined),
    restart: fc.boolean(),
    /** Whether the wake-ups until then come on time, or not at all. */
    awake: fc.boolean(),
  });

  it("every event ends once: fired, superseded, expired, or it still waits", () => {
    fc.assert(
      fc.property(fc.constantFrom(...specs), fc.array(arrival, { maxLength: 30 }), ({ conditions, trigger }, any) => {
        const made = plan(trigger, conditions);
        const all = any.filter(({ of }) => conditions.includes(of));
        let player = new Player(made);
        const steps: Advanced[] = [];
        let nowMs = 0;
        for (const [n, { of, afterMs, key, restart, awake }] of all.entries()) {
          nowMs += afterMs;
          if (awake) player.until(nowMs);
          player.event({ id: `e${n}`, of, atMs: nowMs, data: key === undefined ? {} : { k: key } });
          if (!restart) continue;
          steps.push(...player.steps);
          const stored = encodeState("sensor", emptyState, player.state);
          const entries = stored.map(({ key: at, value = new Uint8Array() }) => [at, value] as const);
          player = new Player(made, decodeState(made, entries).state);
        }
        player.until(Number.MAX_SAFE_INTEGER);
        steps.push(...player.steps);
        const last = new Map<string, Decision["decision"]>();
        const fired: string[] = [];
        let arrived = 0;
        for (const step of steps) {
          for (const one of step.decisions) {
            if (one.decision === "fired") {
              for (const { id, dependency } of one.firing.events) {
                fired.push(id);
                last.set(`${id}/${dependency}`, "fired");
              }
              continue;
            }
            const id = "event" in one && one.event !== undefined ? one.event : `e${arrived}`;
            last.set(`${id}/${one.dependency}`, one.decision);
          }
          if (step.decisions.some((one) => isArrival(one))) arrived += 1;
        }
        expect(last.size).toBe(all.length);
        expect(new Set(fired).size).toBe(fired.length);
        const waiting = [...last.values()].filter((decision) => decision === "waiting").length;
        let held = 0;
        for (const one of player.state.triggers.values()) held += one.held.size;
        expect(waiting).toBe(held);
        if (trigger.ttl !== undefined || conditions !== "a && b") expect(held).toBe(0);
        expect(encodeState("sensor", player.state, emptyState)).toHaveLength(held);
      }),
      { numRuns: 400 },
    );
  });

  /** The decision about the event at hand: each event gets just one of these. */
  function isArrival(one: Decision): boolean {
    return (
      (one.decision === "fired" && one.later === undefined) || (one.decision === "waiting" && one.event === undefined)
    );
  }
});

it("a broken flow control makes no plan", () => {
  const spec = testSpec({ dependencies: ["a"], trigger: { debounce: true } });
  expect(compileSensor({ spec }, testPlace).plan).toBeUndefined();
});
