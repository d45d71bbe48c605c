import { describe, expect, test } from "vitest";
import { TideError } from "../lib/errors.ts";
import { type GivenEvent, readEvent } from "./read-event.ts";

const shop = { source: "shop", subject: "order" };

function read(text: string, more: Partial<GivenEvent> = {}) {
  const event = readEvent({
    ...{ text, from: "e.json", index: 0, nowMs: Date.UTC(2026, 0, 5), typeOf: () => "webhook" },
    ...more,
  });
  if (event === "without place") throw new Error("without place");
  return { ...event, data: Buffer.from(event.data).toString() };
}

const cloud = (more: object) => JSON.stringify({ specversion: "1.0", source: "shop", subject: "order", ...more });

describe("plain data", () => {
  test("is the event's data byte for byte, of the place that is given", () => {
    const text = ' {"a" : 1.0, "b":12345678901234567890, "1":0}\n';
    expect(read(text, { place: shop })).toMatchObject({ ...shop, type: "webhook", data: text.trim() });
    expect(read("[1]", { fallback: shop })).toMatchObject({ ...shop, data: "[1]" });
  });

  test("has an id of its own for each place in the row", () => {
    const ids = [0, 1].map((index) => read("{}", { index, place: shop }).id);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[0]).not.toBe(ids[1]);
    expect(read("{}", { place: shop }).id).toBe(ids[0]);
  });

  test("without a place is not guessed at", () => {
    expect(readEvent({ text: "{}", from: "", index: 0, nowMs: 0, typeOf: () => undefined })).toBe("without place");
  });
});

describe("a CloudEvent", () => {
  test("keeps the bytes of its data, its attributes and its extensions", () => {
    const text = `{"specversion":"1.0","id":"7","source":"shop","subject":"order","type":"sqs","time":"2026-01-05T09:00:00.5Z",
      "traceparent":"00-1","n":3,"__proto__":"x","data":{"big":12345678901234567890, "b":1.0}}`;
    const event = read(text);
    expect(event).toMatchObject({ id: "7", ...shop, type: "sqs", time: "2026-01-05T09:00:00.5Z" });
    expect(event.data).toBe('{"big":12345678901234567890, "b":1.0}');
    expect(Object.entries(event.extensions)).toEqual([
      ["traceparent", "00-1"],
      ["n", "3"],
      ["__proto__", "x"],
    ]);
  });

  test("has data in base64, as text, or none", () => {
    expect(read(cloud({ data_base64: Buffer.from("x<1").toString("base64") })).data).toBe("x<1");
    expect(read(cloud({ datacontenttype: "text/plain", data: "a\nb" })).data).toBe("a\nb");
    expect(read(cloud({ datacontenttype: "application/cloud+json; charset=utf-8", data: "a" })).data).toBe('"a"');
    expect(read(cloud({})).data).toBe("");
    expect(read(cloud({ data: null })).data).toBe("null");
  });

  test("gets another place where one is given", () => {
    expect(read(cloud({}), { place: { source: "other", subject: "one" } })).toMatchObject({ source: "other" });
  });
});

describe("what cannot be read is refused with its place", () => {
  const cases: readonly (readonly [text: string, said: string])[] = [
    ['{"a":\n  [1,,2]}', "e.json:2:6: the event is not JSON: Unexpected token ','"],
    ['{"a":', "e.json:1:6: the event is not JSON: Unexpected end"],
    ["", "e.json:1:1: the event is not JSON: it is empty"],
    [cloud({ id: 7 }), "the CloudEvent has id that is no text"],
    [cloud({ time: "soon" }), 'has a time that is none: "soon"'],
    [cloud({ data: 1, data_base64: "" }), "has both data and data_base64"],
    [cloud({ data_base64: "§" }), "has data_base64 that is no base64"],
  ];
  for (const [text, said] of cases) {
    test(said, () => {
      expect(() => read(text, { place: shop })).toThrow(TideError);
      expect(() => read(text, { place: shop })).toThrow(said);
    });
  }
});
