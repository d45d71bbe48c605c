import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileGovaluate } from "./govaluate.ts";
import { MAX_TEXT_LENGTH } from "./pratt/reader.ts";

/** What the peer says: it refuses the text, or it fails on these parameters. */
const invalid = Symbol("refused at load");
const fails = Symbol("fails at evaluation");

const parameters = new Map<string, unknown>(
  Object.entries({
    a: 1,
    b: "x",
    c: true,
    d: null,
    e: [1, "x", true],
    n: -2.5,
    big: 12345678901,
    t: "hello world",
    "x-y": 3,
    fl: false,
    o: { k: 1 },
  }),
);

/** Every answer is that of Knetic/govaluate 9aa49832 on Go 1.26, linux/amd64, TZ=UTC. */
const peer: readonly (readonly [string, unknown])[] = [
  ["a == 1", true],
  ['b == "x" ', true],
  ["", invalid],
  [" missing == 2", fails],
  ["a == 1 && b == 'x'", true],
  ["a != 2 && !(fl)", true],
  ["2 ** 3 ** 2", 64],
  ["-2 ** 2", 4],
  ["10 - 4 - 3", 3],
  ["1 + 2 * 3", 7],
  ["7 % 3", 1],
  ["-7 % 3", -1],
  ["1 / 0", Number.POSITIVE_INFINITY],
  ["b + a", "x1"],
  ["b + big", "x1.2345678901e+10"],
  ["b + 1000000", "x1e+06"],
  ["b + d + c + e + o", "x<nil>true[1 x true]map[k:1]"],
  ["'1' + 2", "12"],
  ["t =~ '^hello'", true],
  ["t !~ 'world$'", false],
  ["b =~ b", true],
  ["b =~ 'h' + 1", fails],
  ["c ? a : , 1", invalid],
  ["t =~ 'h' + 'el'", true],
  ["t =~ 1 + 'h'", false],
  ["t =~ '[' + 'x'", invalid],
  ["t =~ 'h' * 2", fails],
  ["t =~ ('h' + 1)", false],
  ["'2014-01-02' > '2014-01-01 23:59:59'", true],
  ["'2014-01-02T14:12:22Z'", 1388671942],
  ["'3:04PM'", -62167164960],
  ["'Mon Jan  2 15:04:05 2006'", 1136214245],
  ["'2020-02-30'", "2020-02-30"],
  ["a in (1, 2)", true],
  ["b in (1, 'x')", true],
  ["3 in e", false],
  ["a in (1)", fails],
  ["[x-y] + 1", 4],
  ["x\\-y * 2", 6],
  ["c ? 1 : 2", 1],
  ["fl ? 1 : 2", 2],
  ["fl ? 1 : c ? 2 : 3", 2],
  ["d ?? 'none'", "none"],
  ["a ?? 2", 1],
  ["c ? d : 5", 5],
  ["6 & 3", 2],
  ["6 | 3", 7],
  ["6 ^ 3", 5],
  ["1 << 4", 16],
  ["(0 - 1) >> 60", 15],
  ["~5", -6],
  ["0x1F + .5", 31.5],
  ["1 < 2 == true", true],
  ["'a' < 'b'", true],
  ["'a' < 1", fails],
  ["a && c", fails],
  ["fl && 5", false],
  ["c ", true],
  ["", invalid],
  [" 5", 5],
  ["5 && c", fails],
  ["!a", fails],
  ["-b", fails],
  ["d == d", true],
  ["o == o", true],
  ["e == 1", false],
  ["(a == 1) (b == 2)", true],
  ["a&&!c", invalid],
  ["a==-1", invalid],
  ["a ? 1 : 2", fails],
  ["foo.bar", invalid],
  ["f(1)", invalid],
  ["_x == 1", invalid],
  ["(a == 1", invalid],
  ["a == ", invalid],
  ["(1, 2, 3)", [1, 2, 3]],
  ["((1, 2), 3)", [1, 2, 3]],
  ["e in (1, e)", fails],
  ["'it''s'", invalid],
  ["\"a'", "a"],
  ["'a\\'b'", "a'b"],
  ["1 +", invalid],
  ["a = 1", invalid],
  ["'a' =~ '['", invalid],
  ["b =~ t + '['", fails],
  ["missing", fails],
  ["IN", invalid],
  ["1e5", invalid],
  ["1.2.3", invalid],
];

function outcome(text: string, values: ReadonlyMap<string, unknown> = parameters): unknown {
  try {
    const compiled = compileGovaluate(text);
    try {
      return compiled.evaluate(values);
    } catch (error) {
      if (error instanceof ExpressionError && error.code === "EXPRESSION_FAILED") return fails;
      throw error;
    }
  } catch (error) {
    if (error instanceof ExpressionError) return invalid;
    throw error;
  }
}

function faultOf(text: string): ExpressionError {
  try {
    compileGovaluate(text).evaluate(parameters);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
  }
  throw new Error(`${text} did not fail`);
}

test.each(peer)("%s is what the peer says", (text, expected) => {
  expect(outcome(text)).toEqual(expected);
});

test("the names are those of the text, once each, also in branches that are not taken", () => {
  expect(compileGovaluate("a == 1 || [b c] == a && d\\-e").names).toEqual(["a", "b c", "d-e"]);
});

test("functions and fields of structures are refused as unsupported, with their place", () => {
  expect(faultOf("a == 1 && foo.Bar")).toMatchObject({ code: "EXPRESSION_UNSUPPORTED", position: 10 });
  expect(faultOf("a == f(1)")).toMatchObject({ code: "EXPRESSION_UNSUPPORTED", position: 5 });
});

test("a syntax error tells where, in UTF-16 units, and what to write", () => {
  expect(faultOf("'😀' == a&&!c")).toMatchObject({ code: "EXPRESSION_INVALID", position: 9 });
  expect(faultOf("a&&!c").message).toContain('space between "&&" and "!"');
  expect(faultOf("a = 1").message).toContain('"=="');
});

test("text after a complete expression is ignored like the peer does, but is told", () => {
  expect(compileGovaluate("(a == 1) (b == 2)").ignoredFrom).toBe(9);
  expect(compileGovaluate("a == 1").ignoredFrom).toBeUndefined();
});

test("a wrong regular expression is found at load where it is a literal, else at evaluation", () => {
  expect(faultOf("b =~ '['").code).toBe("EXPRESSION_INVALID");
  expect(faultOf("b =~ (b + '[')").code).toBe("EXPRESSION_FAILED");
});

test("a nested quantifier and a long text cost linear time", () => {
  const matches = compileGovaluate("long =~ '^(a+)+$'");
  expect(matches.evaluate(new Map([["long", `${"a".repeat(50_000)}b`]]))).toBe(false);
});

test("own keys such as __proto__ are plain names", () => {
  expect(outcome("[__proto__] == 1")).toBe(fails);
  expect(outcome("[__proto__] == 1", new Map([["__proto__", 1]]))).toBe(true);
});

test("texts that are too long, too deep or too wide are refused, not crashed on", () => {
  expect(faultOf("a".repeat(MAX_TEXT_LENGTH + 1)).code).toBe("EXPRESSION_INVALID");
  expect(faultOf(`${"(".repeat(1500)}a${")".repeat(1500)}`).code).toBe("EXPRESSION_INVALID");
  expect(outcome(`a${" + a".repeat(1900)}`)).toBe(1901);
});

test("data nested without end fail instead of exhausting the stack", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 20_000; i++) deep = [deep];
  expect(
    outcome(
      "a == b",
      new Map([
        ["a", deep],
        ["b", structuredCloneOfDepth(20_000)],
      ]),
    ),
  ).toBe(fails);
  expect(outcome("a + ''", new Map([["a", deep]]))).toBe(fails);
});

function structuredCloneOfDepth(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

test("no text makes anything but a value or an ExpressionError", () => {
  const signs = fc.constantFrom(..."ab1.'\"()[]&|!=<>?:,~+-*/%^\\ \t", " in ", "true", "é", "😀", "0x");
  fc.assert(
    fc.property(fc.array(signs, { maxLength: 30 }), (parts) => void outcome(parts.join(""))),
    { numRuns: 2000 },
  );
});
