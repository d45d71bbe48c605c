import { expect, test } from "vitest";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { handOver, outlast } from "./hand-over.ts";
import type { Draft, SourceContext } from "./source.ts";

const draft: Draft = { data: Buffer.from("{}"), upstreamId: "1" };

function context(emit: SourceContext<unknown>["emit"], signal = new AbortController().signal) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const cx = {
    emit,
    refuse: async () => [],
    signal,
    log: silentLog,
    clock,
    ready: () => void said.push("ready"),
    waiting: (reason: string) => void said.push(reason),
  };
  return { cx, clock, said };
}

test("drafts are offered again, ever more rarely, until the bus takes them", async () => {
  let tries = 0;
  const { cx, clock, said } = context(async () => {
    if (++tries < 4) throw new Error("disk full");
    return [{ id: "a", outcome: "stored" }];
  });
  const handed = handOver(cx, { drafts: [draft] });
  for (let i = 0; i < 20 && tries < 4; i++) await clock.advance(500);
  expect(await handed).toEqual([{ id: "a", outcome: "stored" }]);
  expect(tries).toBe(4);
  expect(said).toEqual([...Array(3).fill("the bus does not take events: disk full"), "ready"]);
});

test("what was taken already is not offered twice when only the refusals failed", async () => {
  let refused = 0;
  const emitted: unknown[] = [];
  const { cx, clock } = context(async (drafts) => {
    emitted.push(...drafts);
    return [{ id: "a", outcome: "stored" }];
  });
  const failing = {
    ...cx,
    refuse: async () => {
      if (++refused === 1) throw new Error("down");
      return [];
    },
  };
  const handed = handOver(failing, { drafts: [draft], refusals: [{ reason: "bad" }] });
  for (let i = 0; i < 20 && refused < 2; i++) await clock.advance(500);
  expect(await handed).toEqual([{ id: "a", outcome: "stored" }]);
  expect(emitted).toEqual([draft]);
});

test("a stop ends the waiting, and nothing counts as taken", async () => {
  const stop = new AbortController();
  const { cx, clock } = context(() => Promise.reject(new Error("down")), stop.signal);
  const handed = handOver(cx, { drafts: [draft] });
  await clock.advance(100);
  stop.abort(new Error("stopped"));
  await expect(handed).rejects.toThrow("stopped");
});

test("after the abort there is a little time left, and no more", async () => {
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  expect(await outlast(Promise.resolve(1), stop.signal)).toBe(1);
  await expect(outlast(new Promise(() => undefined), stop.signal, 5)).rejects.toThrow("stopped");
  const live = new AbortController();
  const waiting = outlast(new Promise(() => undefined), live.signal, 5);
  live.abort(new Error("later"));
  await expect(waiting).rejects.toThrow("later");
});
