import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  attributesFault,
  decodeHeaderValue,
  encodeHeaderValue,
  extensionsOf,
  isAttributeName,
  jsonElements,
  rfc3339Us,
} from "./cloudevents.ts";

describe("a header value (HTTP binding 3.1.3.2)", () => {
  it.each([
    ["Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"],
    ['"100%"', "%22100%25%22"],
    ["a\tb\u007f\u0085", "a%09b%7F%C2%85"],
    ["~!#$&'()*+,/:;=?@[]", "~!#$&'()*+,/:;=?@[]"],
    ["lone \ud800", "lone%20%EF%BF%BD"],
    ["", ""],
  ])("of %j is %s", (value, header) => {
    expect(encodeHeaderValue(value)).toBe(header);
  });

  it.each([
    ["Euro%20%e2%82%ac%20%F0%9F%98%80", "Euro € 😀"],
    ["%61%2561", "a%61"],
    ['"Euro \\"x\\" \\\\%20"', 'Euro "x" \\ '],
    ['a "b c" d', "a b c d"],
    ['not "closed', 'not "closed'],
    ["100% of it, %zz", "100% of it, %zz"],
    [Buffer.from("größe").toString("latin1"), "größe"],
    ["%EF%BB%BFx", "\ufeffx"],
  ])("%j is decoded to %j", (header, value) => {
    expect(decodeHeaderValue(header)).toBe(value);
  });

  it.each(["%C0%A0", "%ED%A0%80", "%FF", "a%E2%82", "\xff"])("%j is no UTF-8 and refused", (header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  });

  it("comes back as it was, whatever it is, and is printable ASCII without spaces, quotes and other traps", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const header = encodeHeaderValue(value);
        expect(header).toMatch(/^[\x21\x23-\x7e]*$/);
        expect(decodeHeaderValue(header)).toBe(value.toWellFormed());
      }),
    );
  });

  it("takes time in proportion to its length, whatever it is", () => {
    const timed = (header: string): number => {
      const startedMs = performance.now();
      decodeHeaderValue(header);
      return performance.now() - startedMs;
    };
    for (const part of ['"', '\\"', '"\\', "%", "%4"]) expect(timed(part.repeat(200_000))).toBeLessThan(1_000);
  });
});

describe("a time", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0],
    ["2026-01-05T09:00:00.123456789Z", 1_767_603_600_123_456],
    ["2026-01-05t10:30:00.5+01:30", 1_767_603_600_500_000],
    ["2026-01-05T08:00:00-01:00", 1_767_603_600_000_000],
    ["2016-12-31T23:59:60Z", 1_483_228_800_000_000],
    ["2024-02-29T00:00:00z", 1_709_164_800_000_000],
  ])("%s is read", (text, us) => {
    expect(rfc3339Us(text)).toBe(us);
  });

  it.each([
    "",
    "2026-01-05",
    "2026-01-05T09:00:00",
    "2026-01-05 09:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-05T24:00:00Z",
    "2026-01-05T09:60:00Z",
    "2026-01-05T09:00:00.Z",
    "2026-01-05T09:00:00+0100",
    "2026-01-05T09:00:00Z\n",
    "yesterday",
  ])("%j is none", (text) => {
    expect(rfc3339Us(text)).toBeUndefined();
  });

  it("is the same as JavaScript's, to the millisecond", () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(-62e12), max: new Date(253e12) }), (date) => {
        expect(rfc3339Us(date.toISOString())).toBe(date.getTime() * 1000);
      }),
    );
  });
});

describe("attributes", () => {
  const good = { specversion: "1.0", id: "1", source: "/s", type: "t" };

  it.each([
    [{ id: undefined }, "has no id"],
    [{ source: undefined }, "has no source"],
    [{ type: "" }, "has an empty type"],
    [{ specversion: "0.3" }, 'has specversion "0.3", and only "1.0" is understood'],
    [{ time: "now" }, 'has a time that is no RFC 3339 timestamp: "now"'],
    [{ subject: "" }, "has an empty subject"],
    [{ dataschema: "" }, "has an empty dataschema"],
    [{}, undefined],
    [{ myext: "" }, undefined],
  ])("with %j: %s", (change, fault) => {
    const given = Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined);
    expect(attributesFault(new Map(given as [string, string][]))).toBe(fault);
  });

  it("become extensions that have legal names and never meet each other or ours", () => {
    const name = fc.oneof(
      fc.stringMatching(/^(ce){0,3}(id|source|time|subject|type|senttime|replayid|x|traceparent|constructor)$/),
      fc.stringMatching(/^[a-z0-9]{1,20}$/),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 20 }), (names) => {
        const kept = extensionsOf(new Map(names.map((held) => [held, held] as const)));
        const wanted = names.filter((held) => held !== "specversion");
        expect(Object.values(kept).sort()).toEqual(wanted.sort());
        for (const held of Object.keys(kept)) {
          expect(isAttributeName(held)).toBe(true);
          expect(["id", "source", "type", "subject", "time", "senttime", "replayid"]).not.toContain(held);
        }
      }),
    );
  });

  it("have the names that people look for", () => {
    const given = { ...good, time: "t", subject: "s", dataschema: "d", datacontenttype: "c", tenant: "x", ceid: "e" };
    expect(extensionsOf(new Map(Object.entries({ ...given, senttime: "z" })))).toEqual({
      ceid: "1",
      cesource: "/s",
      cetype: "t",
      cetime: "t",
      cesubject: "s",
      cedataschema: "d",
      cedatacontenttype: "c",
      tenant: "x",
      ceceid: "e",
      cesenttime: "z",
    });
  });
});

describe("the elements of a JSON array", () => {
  const texts = (json: string) => jsonElements(Buffer.from(json)).map((element) => Buffer.from(element).toString());

  it("are cut out byte for byte", () => {
    expect(texts("[]")).toEqual([]);
    expect(texts(" [ ] ")).toEqual([]);
    expect(texts(' [ {"a" : [1, "],\\""]} ,1.0 , "x\\\\" , [ ] , null] ')).toEqual([
      '{"a" : [1, "],\\""]}',
      "1.0",
      '"x\\\\"',
      "[ ]",
      "null",
    ]);
  });

  it("are those that were put in", () => {
    fc.assert(
      fc.property(fc.array(fc.json()), fc.constantFrom("", " ", "\n\t"), (elements, space) => {
        expect(texts(`${space}[${space}${elements.join(`${space},${space}`)}${space}]`)).toEqual(
          elements.map((element) => element.trim()),
        );
      }),
    );
  });
});
