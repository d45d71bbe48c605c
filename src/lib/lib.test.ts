import { describe, expect, it } from "vitest";
import { within } from "./abort.ts";
import { backoffMs } from "./backoff.ts";
import { SystemClock } from "./clock.ts";
import { codes } from "./codes/index.ts";
import { didYouMean, surelyMeant } from "./did-you-mean.ts";
import { parseDurationMs, sayDuration } from "./duration.ts";
import { messageOf, TideError } from "./errors.ts";
import { Scope } from "./scope.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("codes", () => {
  it("have ids of their own, each in its stage's thousand", () => {
    const ids = Object.values(codes).map((code) => code.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^TM[1-7]\d{3}$/);
  });

  it("say what they mean and what to do, in sentences", () => {
    for (const [name, { says, fix }] of Object.entries(codes)) {
      expect(says, name).toMatch(/^[A-Z`].*\.$/s);
      expect(fix, name).toMatch(/\.$/s);
    }
  });
});

describe("messageOf", () => {
  it("joins the causes, each part once", () => {
    const disk = new Error("ENOSPC: no space left");
    expect(messageOf(new TideError("BUS_WRITE_FAILED", "writing to the bus", { cause: disk }))).toBe(
      "writing to the bus: ENOSPC: no space left",
    );
    expect(messageOf(new Error("outer: inner", { cause: new Error("inner") }))).toBe("outer: inner");
    expect(messageOf("text")).toBe("text");
  });
});

describe("didYouMean", () => {
  it("finds the word that was meant, and none where nothing is near", () => {
    expect(didYouMean("eventSorceName", ["eventSourceName", "eventName"])).toBe("eventSourceName");
    expect(didYouMean("jsonbody", ["jsonBody", "metadata"])).toBe("jsonBody");
    expect(didYouMean("zzz", ["eventName"])).toBeUndefined();
  });

  it("is sure only where no other word is near, or only case and signs differ", () => {
    expect(surelyMeant("endpont", ["endpoint", "port"])).toBe("endpoint");
    expect(surelyMeant("at-least-once", ["atLeastOnce", "atMostOnce"])).toBe("atLeastOnce");
    expect(surelyMeant("eventNme", ["eventName", "eventNode"])).toBeUndefined();
    expect(surelyMeant("zzz", ["eventName"])).toBeUndefined();
  });
});

describe("durations", () => {
  it("are read as Go reads them", () => {
    expect(parseDurationMs("1h30m")).toBe(5_400_000);
    expect(parseDurationMs("1.5s")).toBe(1500);
    expect(parseDurationMs("-2us")).toBeCloseTo(-0.002);
    expect(parseDurationMs("0")).toBe(0);
    for (const bad of ["", "5", "1 s", "1h-2m", "abc", "1.2.3s"]) expect(parseDurationMs(bad), bad).toBeUndefined();
  });

  it("are said for people", () => {
    expect([0.4, 3.25, 250, 3400, 125_000, 7_200_000].map(sayDuration)).toEqual([
      "400 µs",
      "3.3 ms",
      "250 ms",
      "3.4 s",
      "2 min 5 s",
      "2.0 h",
    ]);
  });
});

describe("backoffMs", () => {
  it("doubles up to the limit and spreads over the upper half", () => {
    const backoff = { baseMs: 100, factor: 2, maxMs: 1_000 };
    expect([1, 2, 3, 10, 10_000].map((attempt) => backoffMs(backoff, attempt, 1))).toEqual([100, 200, 400, 1000, 1000]);
    expect(backoffMs(backoff, 1, 0)).toBe(50);
  });
});

describe("Scope", () => {
  it("closes last first, all of it, and then throws the first failure", async () => {
    const closed: string[] = [];
    const scope = new Scope();
    scope.defer(() => void closed.push("first"));
    scope.defer(() => {
      closed.push("second");
      throw new Error("no");
    });
    scope.use({ [Symbol.asyncDispose]: async () => void closed.push("third") });
    await expect(scope[Symbol.asyncDispose]()).rejects.toThrow("no");
    expect(closed).toEqual(["third", "second", "first"]);
  });

  it("closes nothing that was moved out", async () => {
    let closed = false;
    const scope = new Scope();
    scope.defer(() => {
      closed = true;
    });
    const moved = scope.move();
    await scope[Symbol.asyncDispose]();
    expect(closed).toBe(false);
    await moved[Symbol.asyncDispose]();
    expect(closed).toBe(true);
  });
});

describe("within", () => {
  it("aborts with its parent's reason, and no more once it is disposed", () => {
    const parent = new AbortController();
    const child = within(parent.signal);
    const done = within(parent.signal);
    done[Symbol.dispose]();
    parent.abort(new Error("stop"));
    expect(child.signal.reason).toEqual(new Error("stop"));
    expect(done.signal.aborted).toBe(false);
  });
});

describe("SystemClock", () => {
  it("keeps the fraction of a millisecond, and follows the machine's clock when that is set or the machine slept", () => {
    let [wallMs, fineMs] = [1_000_000, 500.25];
    const clock = new SystemClock({ wallMs: () => wallMs, fineMs: () => fineMs, originMs: 999_500 });
    expect(clock.nowMs()).toBe(1_000_000.25);
    [wallMs, fineMs] = [1_000_010, 512.5];
    expect(clock.nowMs()).toBe(1_000_012.5);
    for (const setMs of [5_000_000, 2_000_000]) {
      wallMs = setMs;
      expect(clock.nowMs()).toBe(setMs);
      [wallMs, fineMs] = [wallMs + 1, fineMs + 1.5];
      expect(clock.nowMs()).toBe(setMs + 1.5);
    }
  });
});

describe("VirtualClock", () => {
  it("wakes sleepers in the order of their time, each at its own moment", async () => {
    const clock = new VirtualClock(0);
    const woke: string[] = [];
    const sleep = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms, new AbortController().signal);
      woke.push(`${name}@${clock.nowMs()}`);
    };
    const all = Promise.all([sleep("b", 20), sleep("a", 10)]);
    await clock.advance(30);
    await all;
    expect(woke).toEqual(["a@10", "b@20"]);
    expect(clock.nowMs()).toBe(30);
  });
});
