import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  byBytes,
  compactJson,
  compactJsonText,
  goListMap,
  goMap,
  goString,
  goStringOfBytes,
  goTextOfBytes,
  metadataMember,
} from "./go-json.ts";

const compactOf = (text: string): unknown => {
  const result = compactJson(Buffer.from(text));
  return result instanceof Uint8Array ? Buffer.from(result).toString("utf8") : result;
};

describe("strings", () => {
  test("are escaped as encoding/json escapes them", () => {
    expect(goString('a"b\\c/d')).toBe('"a\\"b\\\\c/d"');
    expect(goString("\b\f\n\r\t\u0001\u007f")).toBe('"\\b\\f\\n\\r\\t\\u0001\u007f"');
    expect(goString("<a href=x>&amp;\u2028\u2029é😀")).toBe('"\\u003ca href=x\\u003e\\u0026amp;\\u2028\\u2029é😀"');
  });

  test("of bytes that are no UTF-8 have one escaped U+FFFD per byte", () => {
    expect(goStringOfBytes(Buffer.from("a0eded80a8988080", "hex"))).toBe('"\\ufffd\\ufffd퀨\\ufffd\\ufffd\\ufffd"');
    expect(goStringOfBytes(Buffer.from("f09f98803c", "hex"))).toBe('"😀\\u003c"');
    expect(goTextOfBytes(Buffer.from([0x61, 0xff, 0x62]))).toBe("a\ufffdb");
  });

  test("read back as they were", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(JSON.parse(goString(text))).toBe(text.toWellFormed());
      }),
    );
  });
});

describe("maps", () => {
  test("have their keys sorted by bytes, not by UTF-16 units", () => {
    expect(goMap(["\u{1f600}", "\uffee", "é", "b", "B"].map((key, i) => [key, String(i)]))).toBe(
      '{"B":4,"b":3,"é":2,"\uffee":1,"\u{1f600}":0}',
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (a, b) => {
        expect(Math.sign(byBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  test("of lists and of metadata", () => {
    expect(goListMap(new Map([["b", ["1", "<"]]]))).toBe('{"b":["1","\\u003c"]}');
    expect(goListMap(new Map())).toBe("{}");
    expect(metadataMember(undefined)).toBe("");
    expect(metadataMember({})).toBe("");
    expect(metadataMember({ z: "1", a: "&" })).toBe(',"metadata":{"a":"\\u0026","z":"1"}');
  });

  test("keep a __proto__ key as data", () => {
    expect(goMap([["__proto__", "1"]])).toBe('{"__proto__":1}');
    expect(metadataMember(JSON.parse('{"__proto__":"x"}'))).toBe(',"metadata":{"__proto__":"x"}');
  });
});

describe("raw JSON", () => {
  test("loses the whitespace between tokens and nothing else", () => {
    expect(compactOf(' {\n "b" : [ 1.0, 12345678901234567890 ,\t"a b\\" c" ], "a":-0 , "b":null}\r\n')).toBe(
      '{"b":[1.0,12345678901234567890,"a b\\" c"],"a":-0,"b":null}',
    );
  });

  test("has its HTML characters escaped inside strings", () => {
    expect(compactOf('{"<k>":"a & b","l":"\u2028’"}')).toBe('{"\\u003ck\\u003e":"a \\u0026 b","l":"\\u2028’"}');
  });

  test("is returned as it is, not copied, when it is compact already", () => {
    const raw = Buffer.from('{"a":"hello world é","b":[1,2]}');
    expect(compactJson(raw)).toBe(raw);
  });

  test("means the same after compaction, and a second one changes nothing", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = compactJsonText(JSON.stringify(value, null, 2));
        expect(typeof once).toBe("string");
        expect(JSON.parse(String(once))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(compactJsonText(String(once))).toBe(once);
      }),
    );
  });

  test.each([
    ["", "the body is empty"],
    ["{", "the body is not JSON"],
    ["{'a':1}", "the body is not JSON"],
    ["[1,]", "the body is not JSON"],
    ["\ufeff{}", "the body is not JSON"],
    ["01", "the body is not JSON"],
    ['"\u0001"', "the body is not JSON"],
  ])("refuses %j with a sentence", (text, why) => {
    expect(compactOf(text)).toEqual({ fault: expect.stringContaining(why) });
  });

  test("refuses bytes that are no UTF-8", () => {
    expect(compactJson(Buffer.from([0x22, 0xff, 0x22]))).toEqual({ fault: "the body is not UTF-8" });
    expect(compactJsonText('"\ud800"')).toEqual({ fault: "the text is not well-formed Unicode" });
  });

  test("refuses what is nested deeper than Go reads, before it is parsed", () => {
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(compactOf(deep(10_000))).toBe(deep(10_000));
    expect(compactOf(deep(10_001))).toEqual({ fault: "the JSON is nested deeper than 10000 levels" });
    expect(compactOf(deep(100_000))).toEqual({ fault: "the JSON is nested deeper than 10000 levels" });
    expect(compactOf('{"a":'.repeat(100_000))).toEqual({ fault: "the JSON is nested deeper than 10000 levels" });
    const brackets = JSON.stringify("[".repeat(20_000));
    expect(compactOf(brackets)).toBe(brackets);
  });
});
