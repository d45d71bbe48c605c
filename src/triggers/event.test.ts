import { expect, test } from "vitest";
import type { BatchItem, NewDraft } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import { event } from "./event.ts";
import { eventOf, trial } from "./trial.ts";

type Put = Omit<NewDraft, "data"> & { readonly data: string };

/** What is put, and what the bus answers to each. */
function bus(answer: (put: Put) => Partial<Receipt> | TideError = () => ({})) {
  const put: Put[] = [];
  const emit = async (drafts: readonly NewDraft[]): Promise<readonly Receipt[]> =>
    drafts.map((draft) => {
      const one = { ...draft, data: Buffer.from(draft.data).toString() };
      const said = answer(one);
      if (said instanceof TideError) throw said;
      put.push(one);
      return { id: `id${put.length}`, outcome: "stored", ...said };
    });
  return { put, emit };
}

const order = eventOf('{ "big": 12345678901234567890 }');

test("without a payload the data is the event's, byte for byte, and the source is the sensor", async () => {
  await using one = await trial(event, { event: "next" });
  const { put, emit } = bus();
  expect(await one.fire({ events: new Map([["order", order]]), emit })).toEqual({ said: "put event id1" });
  expect(put).toEqual([{ source: "shop", subject: "next", data: '{ "big": 12345678901234567890 }', id: "event" }]);
});

test("of several events the data is an object, by dependency; what is no JSON is text", async () => {
  await using one = await trial(event, { source: "s", event: "next" });
  const { put, emit } = bus();
  const plain = { ...eventOf("größe"), datacontenttype: "text/plain" };
  await one.fire({
    events: new Map([
      ["__proto__", order],
      ["b", plain],
      ["c", eventOf("")],
    ]),
    emit,
  });
  expect(put[0]?.data).toBe('{"__proto__":{ "big": 12345678901234567890 },"b":"größe","c":null}');
});

test("a payload is the data", async () => {
  await using one = await trial(event, { event: "next" });
  const { put, emit } = bus();
  await one.fire({ events: new Map([["order", order]]), payload: Buffer.from('{"a":1}'), emit });
  expect(put[0]?.data).toBe('{"a":1}');
});

test("an event that was there is no failure; one that the bus refuses is", async () => {
  await using one = await trial(event, { event: "next" });
  const events = new Map([["order", order]]);
  expect(await one.fire({ events, emit: bus(() => ({ outcome: "duplicate" })).emit })).toEqual({
    said: "event id1 was there",
  });
  const refusing = one.fire({ events, emit: bus(() => ({ outcome: "refused", reason: "too large" })).emit });
  await expect(refusing).rejects.toMatchObject({ code: "EVENT_TOO_LARGE", retry: "never", message: "too large" });
});

test("of a batch each item is put by itself: one that cannot be fails alone", async () => {
  await using one = await trial(event, { event: "next" });
  const items = ["a", "b", "c"].map(
    (key): BatchItem<never> => ({
      key,
      config: { event: "next" } as never,
      payload: Buffer.from(`"${key}"`),
      events: new Map([["order", order]]),
      trace: { traceparent: "" },
    }),
  );
  const batch = { size: 3, keys: ["a", "b", "c"], items };
  const guard = new TideError("LOOP_GUARD", "round and round");
  const { put, emit } = bus(({ item }) => (item === "b" ? guard : {}));
  expect(await one.fire({ batch, emit })).toEqual({ said: "put 2 events", failedItems: [1] });
  expect(put).toMatchObject([
    { item: "a", data: '"a"' },
    { item: "c", data: '"c"' },
  ]);
  await expect(one.fire({ batch, emit: bus(() => guard).emit })).rejects.toBe(guard);
});
