import { expect, it } from "vitest";
import { createSettledWatch } from "./settled.ts";

const never = new AbortController().signal;
const firing = (id: string, event = "e1") => ({ id, events: [{ id: event }] });

function watch(known: {
  readonly decided: boolean;
  readonly live: readonly string[];
  readonly dead: readonly string[];
}) {
  const retried: string[] = [];
  const settled = createSettledWatch({
    ask: () => Promise.resolve(known),
    retryDead: async (ids) => {
      retried.push(...ids);
    },
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
  const { settled, retried } = watch({ decided: true, live: [], dead: ["f1"] });
  const outcome = settled.watch("e1", never);
  await new Promise((resolve) => setImmediate(resolve));
  expect(retried).toEqual(["f1"]);
  settled.settled(firing("f1"), "done");
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
