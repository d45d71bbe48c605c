import { expect, it } from "vitest";
import { createSettledWatch, type SettledSource } from "./settled.ts";

const never = new AbortController().signal;
const firing = (id: string, event = "e1") => ({ id, queue: "q", events: [{ id: event }] });

function watch(known: Awaited<ReturnType<SettledSource["ask"]>>, source: Partial<SettledSource> = {}) {
  const retried: string[] = [];
  const settled = createSettledWatch({
    ask: () => Promise.resolve(known),
    isDead: async () => true,
    retryDead: async ({ id }) => {
      retried.push(id);
      return true;
    },
    ...source,
  });
  return { settled, retried };
}

const undecided = { decided: false, live: [], dead: [] };

it("is done when the last firing of the event is done", async () => {
  const { settled } = watch(undecided);
  const outcome = settled.watch("e1", never);
  await Promise.resolve();
  settled.decided("e1", ["f1", "f2"]);
  settled.settled(firing("f1"), "done");
  settled.settled(firing("other", "e2"), "failed");
  settled.settled(firing("f2"), "done");
  expect(await outcome).toBe("done");
  expect(settled.idle).toBe(true);
});

it("is failed when one firing died, and only after the others have settled", async () => {
  const { settled } = watch(undecided);
  const outcome = settled.watch("e1", never);
  await Promise.resolve();
  settled.decided("e1", ["f1", "f2"]);
  settled.settled(firing("f1"), "failed");
  expect(settled.idle).toBe(false);
  settled.settled(firing("f2"), "done");
  expect(await outcome).toBe("failed");
});

it("is done at once for an event that nothing fired for", async () => {
  const { settled } = watch({ decided: true, live: [], dead: [] });
  expect(await settled.watch("e1", never)).toBe("done");
});

it("tries dead firings again when the upstream brings the event once more", async () => {
  const { settled, retried } = watch({ decided: true, live: [], dead: [{ queue: "q", id: "f1" }] });
  const outcome = settled.watch("e1", never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(retried).toEqual(["f1"]);
  settled.settled(firing("f1"), "done");
  expect(await outcome).toBe("done");
});

it("tries only the dead ones again, and waits for those that still run too", async () => {
  const { settled, retried } = watch({ decided: true, live: ["f1"], dead: [{ queue: "q", id: "f2" }] });
  const outcome = settled.watch("e1", never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(retried).toEqual(["f2"]);
  settled.settled(firing("f2"), "failed");
  expect(settled.idle).toBe(false);
  settled.settled(firing("f1"), "done");
  expect(await outcome).toBe("failed");
});

it("misses no firing that settles while the bus is asked for those of the event", async () => {
  const asked = Promise.withResolvers<Awaited<ReturnType<SettledSource["ask"]>>>();
  const { settled, retried } = watch(undecided, { ask: () => asked.promise });
  const outcome = settled.watch("e1", never);
  settled.settled(firing("f1"), "done");
  settled.settled(firing("f2"), "failed");
  asked.resolve({ decided: true, live: ["f1", "f2"], dead: [{ queue: "q", id: "f2" }] });
  expect(await outcome).toBe("failed");
  expect(retried).toEqual([]);
});

it("remembers what died, and looks through the dead letters only where somebody had a hand in it", async () => {
  let asked = 0;
  let isDead = true;
  const { settled, retried } = watch(undecided, {
    ask: async () => {
      asked += 1;
      return asked === 1 ? undecided : { decided: true, live: [], dead: [] };
    },
    isDead: async () => isDead,
  });
  const first = settled.watch("e1", never);
  settled.decided("e1", ["f1", "f2"]);
  settled.settled(firing("f1"), "failed");
  settled.settled(firing("f2"), "done");
  expect(await first).toBe("failed");
  const second = settled.watch("e1", never);
  await new Promise((resolve) => setImmediate(resolve));
  expect([asked, retried]).toEqual([1, ["f1"]]);
  settled.settled(firing("f1"), "failed");
  expect(await second).toBe("failed");
  isDead = false;
  expect(await settled.watch("e1", never)).toBe("done");
  expect([asked, retried]).toEqual([2, ["f1"]]);
});

it("does not wait for a dead letter that somebody dropped meanwhile, but for one that somebody tries again", async () => {
  const dead = ["f1", "f2"].map((id) => ({ queue: "q", id }));
  const answers = [
    { decided: true, live: [], dead },
    { decided: true, live: ["f2"], dead: [] },
    { decided: true, live: ["f2"], dead: [] },
  ];
  const { settled } = watch(undecided, {
    ask: async () => answers.shift() ?? undecided,
    retryDead: async () => false,
  });
  const outcome = settled.watch("e1", never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled.idle).toBe(false);
  settled.settled(firing("f2"), "done");
  expect(await outcome).toBe("done");
});

it("stops waiting when the source stops", async () => {
  const { settled } = watch(undecided);
  const stop = new AbortController();
  const outcome = settled.watch("e1", stop.signal);
  stop.abort(new Error("stopping"));
  await expect(outcome).rejects.toThrow("stopping");
  expect(settled.idle).toBe(true);
});
