import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asBool, asNumber, asString, asValue, compilePath, get, isValid } from "./gjson.ts";

const at = (json: string, path: string) => get(json, compilePath(path));
const only = (json: string) => at(`[${json}]`, "0");
const escaped = (key: string) => key.replace(/[^a-z0-9]/gu, "\\$&");

describe("the value of a result", () => {
  it("@pretty knows a literal by its first letter", () => {
    expect(at('{"a":"t"}', "a.@fromstr.@pretty").raw).toBe("true");
  });

  // JSON, String(), Float(), Bool() as gjson 1.19.0 gives them.
  it.each([
    ["12345678901234567890", "12345678901234567890", 12345678901234567000, true],
    ["-0", "-0", -0, false],
    ["1.0", "1", 1, true],
    ["1e3", "1000", 1000, true],
    ["1e21", "1000000000000000000000", 1e21, true],
    ["1E-7", "0.0000001", 1e-7, true],
    ["-12.50e+1", "-125", -125, true],
    ["1e400", "+Inf", Number.POSITIVE_INFINITY, true],
    ["true", "true", 1, true],
    ["false", "false", 0, false],
    ["null", "", 0, false],
    ['"1"', "1", 1, true],
    ['"T"', "T", 0, true],
    ['"tRUE"', "tRUE", 0, true],
    ['"yes"', "yes", 0, false],
    ['"12.5"', "12.5", 12.5, false],
    ['"0x1p4"', "0x1p4", 16, false],
    ['"1e999"', "1e999", Number.POSITIVE_INFINITY, false],
    ['"a\\u00e9\\n\\ud83d\\ude00\\/"', "aé\n😀/", 0, false],
    ['"\\ud800x"', "\ufffdx", 0, false],
    ['{"a" : 1}', '{"a" : 1}', 0, false],
    ["[ ]", "[ ]", 0, false],
  ])("%s", (json, text, number, truth) => {
    const result = only(json);
    expect(result).toMatchObject({ exists: true, raw: json });
    expect([asString(result), asNumber(result), asBool(result)]).toStrictEqual([text, number, truth]);
  });

  it("is nothing where nothing is, and null where null is", () => {
    expect(at("{}", "a")).toMatchObject({ exists: false, type: "Null", raw: "" });
    expect(at('{"a":null}', "a")).toMatchObject({ exists: true, type: "Null", raw: "null" });
    expect(asValue(at("{}", "a"))).toBeNull();
  });

  it("takes the first of two equal keys, and keys of a prototype as data", () => {
    const value = asValue(at('{"__proto__":{"x":1},"constructor":2,"a":1,"a":2}', "@this"));
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.entries(value ?? {})).toEqual([
      ["__proto__", expect.anything()],
      ["constructor", 2],
      ["a", 1],
    ]);
    expect("x" in {}).toBe(false);
    expect(at('{"a":{}}', "a.constructor").exists).toBe(false);
    expect(asNumber(at('[{"__proto__":5}]', "0.__proto__"))).toBe(5);
    expect(at('[{"__proto__":1},{"__proto__":2}]', "@join").raw).toBe('{"__proto__":2}');
  });

  it("equals what JSON.parse gives, for any document without equal keys", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        const value = asValue(at(json, "@this"));
        expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(json)));
      }),
    );
  });
});

describe("a path", () => {
  it("finds every member of any document, byte for byte, by its escaped keys", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: "binary", minLength: 1 }), fc.nat(9)), {
          minLength: 1,
        }),
        fc.json(),
        (keys, leaf) => {
          const wrap = (inner: string, key: string | number) =>
            typeof key === "number"
              ? `[${"0, ".repeat(key)}${inner} ]`
              : `{"\\u0000":1 , ${JSON.stringify(key)} :${inner}}`;
          const usable = keys.filter((key) => key !== "\0");
          const document = usable.reduceRight<string>(wrap, leaf);
          if (usable.length > 0)
            expect(at(document, usable.map((key) => escaped(String(key))).join(".")).raw).toBe(leaf);
        },
      ),
    );
  });

  it("never throws, whatever the path and the document", () => {
    const path = fc.string({
      unit: fc.constantFrom(...'ab01.|#()[]{}*?\\@!:"=<>%~,', "@this", "@flatten", "#(", "..", '"a"'),
    });
    const document = fc.oneof(fc.json(), fc.string({ unit: fc.constantFrom(...'{}[]",:\\ab01tfn- ') }));
    fc.assert(
      fc.property(document, path, (json, text) => {
        const result = at(json, text);
        asString(result);
        asValue(result);
        expect(result.exists).toBe(result.raw !== "");
      }),
      { numRuns: 2000 },
    );
  });

  it("has at most 500 parts", () => {
    expect(at("{}", Array(501).fill("a").join(".")).exists).toBe(false);
    expect(() => compilePath(Array(502).fill("a").join("."))).toThrow(
      expect.objectContaining({ code: "EXPRESSION_UNSUPPORTED", position: 1001 }),
    );
  });

  it("orders strings in a query by bytes of UTF-8", () => {
    const astral = at('["\\uffff","😀"]', '#(>"\\uffff")');
    expect(asString(astral)).toBe("😀");
  });
});

describe("validity", () => {
  it.each([
    "",
    " ",
    "{",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "- 1",
    "tru",
    "nul",
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\t"',
    "1 2",
    "[1 2]",
    '{"a" 1}',
    "[}",
    "\ufeff1",
    "nan",
  ])("%j is not valid", (json) => {
    expect(isValid(json)).toBe(false);
  });

  it("agrees with JSON.parse", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:\\/u01.e+-tfn \n', "true", "false", "null", '"a"') });
    fc.assert(
      fc.property(fc.oneof(fc.json(), noise), (json) => {
        let valid = true;
        try {
          JSON.parse(json);
        } catch {
          valid = false;
        }
        expect(isValid(json)).toBe(valid);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a hostile document", () => {
  const arrays = "[".repeat(100_000) + "]".repeat(100_000);
  const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  const paths = [
    "a.a",
    "0.0",
    "#",
    "#.#.#",
    "#(a)#",
    "*.*",
    "@ugly",
    '@flatten:{"deep":true}',
    "@reverse",
    "@join",
    "@group",
    "@values",
  ];

  it.each(paths)("of 100,000 levels is searched with %s in linear time and without recursion", (path) => {
    const started = performance.now();
    at(arrays, path);
    at(objects, path);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("of 100,000 levels is checked and decoded", () => {
    expect(isValid(arrays) && isValid(objects)).toBe(true);
    expect(asValue(at(arrays, "@this"))).toHaveLength(1);
    expect(Object.keys(asValue(at(objects, "@this")) ?? {})).toEqual(["a"]);
  });

  it.each(["@pretty", "@dig:a"])("of 100,000 levels is refused by %s, whose work grows with the depth", (path) => {
    expect(() => at(objects, path)).toThrow(expect.objectContaining({ code: "EXPRESSION_FAILED" }));
  });

  it("full of escapes and stars takes linear time", () => {
    const started = performance.now();
    expect(at(`{"a":"${'\\\\\\"'.repeat(200_000)}","b":1}`, "b").raw).toBe("1");
    expect(at(`{"${"a".repeat(500_000)}b":1}`, "*a*a*a*a*c").exists).toBe(false);
    expect(asNumber(at(`[${"1".repeat(500_000)}x]`, "0"))).toBe(0);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
