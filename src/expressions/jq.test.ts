import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileJq, type JqOptions } from "./jq.ts";

function faultOf(body: () => unknown): ExpressionError {
  try {
    body();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

function all(program: string, input: unknown = null, options?: JqOptions): readonly unknown[] {
  return compileJq(program).all(input, options);
}

function first(program: string, input: unknown = null, options?: JqOptions): unknown {
  return compileJq(program).first(input, options);
}

describe("outputs", () => {
  it("only the first output is computed", () => {
    expect(first(".a, error(1)", { a: 5 })).toBe(5);
    expect(first("1, (def f: f; f)")).toBe(1);
    expect(first("range(1e15)")).toBe(0);
    expect(first("repeat(1)")).toBe(1);
    expect(first(".. | numbers", [[[7, 8]]])).toBe(7);
  });

  it("a program without an output answers undefined, null is an output", () => {
    expect(first("empty")).toBeUndefined();
    expect(first("null")).toBeNull();
  });

  it("integers are exact, those beyond 2^53 come as bigints", () => {
    expect(all("1, 9007199254740993, 9223372036854775807 * 2")).toEqual([1, 9007199254740993n, 18446744073709551614n]);
    expect(first(". + 1", 9007199254740992)).toBe(9007199254740992);
  });

  it("the input is never changed and what is untouched is shared", () => {
    const input = Object.freeze({ a: Object.freeze([1, 2]), b: Object.freeze({ c: 1 }) });
    expect(first(".a[0] = 5 | .a |= map(. + 1) | del(.b.c)", input)).toEqual({ a: [6, 3], b: {} });
    expect(input).toEqual({ a: [1, 2], b: { c: 1 } });
    expect(first(".b", input)).toBe(input.b);
  });

  it("two runs of one program do not see each other", () => {
    const program = compileJq("reduce .[] as $x ([]; . + [$x])");
    expect([program.first([1]), program.first([2]), program.first([1, 2])]).toEqual([[1], [2], [1, 2]]);
  });

  it("NaN is below itself, inside an array too", () => {
    expect(all("nan < nan, ([nan] | . < .), ([nan] | . == .), ([nan, 1] | sort | .[0] | isnan)")).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it("now is the clock that was given", () => {
    expect(first("now | todate", null, { nowMs: Date.UTC(2024, 0, 2, 3, 4, 5) })).toBe("2024-01-02T03:04:05Z");
    expect(faultOf(() => first("now")).message).toContain("no clock");
  });
});

describe("recursion", () => {
  it("a call in tail position is a loop", () => {
    expect(first("def f: if . > 100000 then . else . + 1 | f end; 0 | f")).toBe(100001);
    expect(first("last(range(100000))")).toBe(99999);
    expect(first("[limit(50000; repeat(1))] | length")).toBe(50000);
    expect(first("0 | until(. > 100000; . + 1)")).toBe(100001);
  });

  it("other recursion is as deep as the budget allows", () => {
    expect(first("def f: if . == 0 then 0 else 1 + (. - 1 | f) end; 20000 | f")).toBe(20000);
    expect(first("reduce range(2000) as $i (0; [.]) | [..] | length")).toBe(2001);
  });
});

const ENDLESS = [
  "def f: f; f",
  "def f: 1 + f; f",
  "def f: [f]; f",
  "def f: {a: f}; f",
  "def f: f, f; f",
  "def f: try f catch .; f",
  "def f: label $x | f; f",
  "def f: first(f); f",
  "def f: . as [$a] ?// $a | f; f",
  "def f(g): f(g | g); f(.)",
  "def f: path(f); f",
  "[limit(1e9; repeat(1))]",
  "[range(1e9)]",
  "last(range(1e9))",
  "reduce range(1e9) as $i (0; . + 1)",
  "[recurse([.])]",
  'reduce range(1e6) as $i ({}; .["\\($i)"] = $i)',
  "reduce range(1e6) as $i ([]; . + [$i])",
  "reduce range(1e6) as $i (0; [.])",
  'reduce range(100) as $i ("ab"; . + .)',
  '"a" * 1e9',
  ".[100000000] = 1",
  "[range(1e6)] | combinations(5)",
  "try (def f: f; f) catch 1",
];

describe("budgets", () => {
  it.each(ENDLESS)("%s ends with EXPRESSION_FAILED", (program) => {
    expect(faultOf(() => first(program)).code).toBe("EXPRESSION_FAILED");
  });

  it("integers that grow without end are refused", () => {
    expect(faultOf(() => first("reduce range(1e6) as $i (2; . * .)")).message).toBe("number too large");
  });

  it("no try catches a spent budget", () => {
    expect(faultOf(() => first("try repeat(empty; 1) catch 1")).code).toBe("EXPRESSION_INVALID");
    expect(faultOf(() => first('try ("a" * 1e9) catch 1')).message).toContain("bytes");
    expect(faultOf(() => first("last(range(1e9))?", null, { maxSteps: 1000 })).message).toContain("1000 steps");
    expect(faultOf(() => first('"abcd" * 5', null, { maxBytes: 10 })).message).toContain("10 bytes");
  });

  it("data nested too deeply for a walk are a named failure", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 200_000; i++) deep = [deep];
    for (const program of ["tojson", ".", "flatten", ". == [[1]]", "sort"]) {
      const found = (() => {
        try {
          return typeof first(program, deep, { maxSteps: 1e9, maxBytes: 1e9 });
        } catch (error) {
          return error instanceof ExpressionError ? error.code : String(error);
        }
      })();
      expect(["EXPRESSION_FAILED", "object", "boolean"]).toContain(found);
    }
  });

  it("a regular expression is linear in the text", () => {
    expect(first('test("^(a+)+$")', `${"a".repeat(20_000)}b`)).toBe(false);
    expect(faultOf(() => first('[match("a*b|a"; "g")]', "a".repeat(100_000))).code).toBe("EXPRESSION_FAILED");
  });
});

describe("faults", () => {
  it.each([
    ["", 0, 'missing query (try ".")'],
    ["def f: 1;", 9, 'missing query (try ".")'],
    [".a | nope(1)", 5, "function not defined: nope/1"],
    [".a + $x", 5, "variable not defined: $x"],
    ["1 | break $out", 4, "label not defined: $out"],
    ["{a: 1", 5, "unexpected EOF"],
    [".a ]", 3, 'unexpected token "]"'],
    ["1 == 2 == 3", 7, 'unexpected token "=="'],
    ['"abc', 0, "unterminated string literal"],
    ['"a\\qb"', 2, 'invalid escape sequence "\\q" in string literal'],
    ["1.2.3", 0, 'invalid token "1.2."'],
    ['import "a" as a; .', 0, "import: a program cannot load modules here"],
    ["input", 0, "input(s)/0 is not allowed"],
    ["debug", 0, "function not defined: debug/0"],
    ["$__loc__", 0, "variable not defined: $__loc__"],
  ])("%j is refused when compiled, with its place", (program, position, message) => {
    const fault = faultOf(() => compileJq(program));
    expect([fault.code, fault.position, fault.message]).toEqual(["EXPRESSION_INVALID", position, message]);
  });

  it("known functions that are not offered are unsupported", () => {
    expect(faultOf(() => compileJq(".a | lgamma")).code).toBe("EXPRESSION_UNSUPPORTED");
  });

  it("a failing program says what jq says", () => {
    expect(faultOf(() => first(".[]")).message).toBe("cannot iterate over: null");
    expect(faultOf(() => first(".a", [1])).message).toBe("expected an object but got: array ([1])");
    expect(faultOf(() => first('error("boom")')).message).toBe("error: boom");
    expect(faultOf(() => first("try halt catch 1")).message).toBe("halt error: null");
  });

  it("very long or deep programs are refused", () => {
    for (const program of [
      "[".repeat(50_000),
      "(".repeat(5000),
      "-".repeat(5000),
      "1+".repeat(3000),
      ".a".repeat(40_000),
    ]) {
      expect(faultOf(() => compileJq(program)).code).toBe("EXPRESSION_INVALID");
    }
    expect(first(`${"1+".repeat(1900)}1`)).toBe(1901);
  });
});

describe("__proto__", () => {
  const input: unknown = JSON.parse('{"__proto__":{"x":1},"a":1}');

  it("is a key like any other", () => {
    expect(first('.["__proto__"].x', input)).toBe(1);
    expect(first("keys", input)).toEqual(["__proto__", "a"]);
    expect(all("to_entries[].key", input)).toEqual(["__proto__", "a"]);
    expect(compileJq('{"__proto__": 1, b: 2}').transform("{}")).toBe('{"__proto__":1,"b":2}');
    for (const program of [
      '.["__proto__"].y = 2',
      '. * {"__proto__": {"y": 2}}',
      '. + {"__proto__": {x: 1, y: 2}}',
      '[., {"__proto__": {x: 1, y: 2}}] | add',
      'setpath(["__proto__", "y"]; 2)',
      'to_entries | map(.value |= if type == "object" then .y = 2 else . end) | from_entries',
      '"\\(.)" | fromjson | .["__proto__"].y = 2',
      'walk(if type == "object" and has("x") then .y = 2 else . end)',
    ]) {
      expect([program, compileJq(program).transform('{"__proto__":{"x":1},"a":1}')]).toEqual([
        program,
        '{"__proto__":{"x":1,"y":2},"a":1}',
      ]);
    }
  });

  it("nothing is inherited and nothing leaks", () => {
    expect(all('.toString, .constructor, has("toString")', {})).toEqual([null, null, false]);
    first('.["__proto__"].polluted = 1 | .constructor.prototype.polluted = 1', {});
    first('setpath(["__proto__", "polluted"]; 1)', {});
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("transform", () => {
  it.each([
    ["{b: 1, a: .x}", '{"x":"<a> & \\u2028"}', '{"a":"\\u003ca\\u003e \\u0026 \\u2028","b":1}'],
    [".", '{"b":1.0,"a":[1e21,1e-7,-0.0,100000000000000000000]}', '{"a":[1e+21,1e-7,-0,100000000000000000000],"b":1}'],
    [".", '{"id":9007199254740993}', '{"id":9007199254740992}'],
    ["{id: 9007199254740993}", "{}", '{"id":9007199254740993}'],
    ['{n: ("1.50" | fromjson)}', "{}", '{"n":1.50}'],
    ["{a: .x}", "null", '{"a":null}'],
    [".body |= (.x = 1 | del(.y))", '{"body":{"y":2,"z":[]}}', '{"body":{"x":1,"z":[]}}'],
    [".", '{"a":"\\ud800"}', '{"a":"\ufffd"}'],
    ['{a: ("/w==" | @base64d)}', "{}", '{"a":"\\ufffd"}'],
    ["., error", "{}", "{}"],
  ])("%s of %s", (program, input, output) => {
    expect(compileJq(program).transform(input)).toBe(output);
  });

  it.each([
    [".a", '{"a":[1]}'],
    ["empty", "{}"],
    ["null", "{}"],
    ["error", "{}"],
    ["{a: nan}", "{}"],
    ["{a: -infinite}", "{}"],
    [".", "[1]"],
    [".", "{"],
    [".", '"x"'],
    ["{}", '{"a":1e999}'],
    ["halt", "{}"],
  ])("%s of %s is no transform", (program, input) => {
    expect(faultOf(() => compileJq(program).transform(input)).code).toBe("EXPRESSION_FAILED");
  });
});

describe("any text", () => {
  const piece = fc.constantFrom(
    ...[
      ".",
      "..",
      ".a",
      "[",
      "]",
      "{",
      "}",
      "(",
      ")",
      "|",
      ",",
      "//",
      "?//",
      "as",
      "$x",
      "def",
      "f:",
      "f",
      ";",
      ":",
      "reduce",
    ],
    ...[
      "foreach",
      "if",
      "then",
      "else",
      "end",
      "try",
      "catch",
      "label",
      "break",
      '"',
      "\\(",
      "@base64",
      "1",
      "-",
      "+",
      "=",
      "|=",
      "?",
    ],
    ...["1e", "#x\n", "and", "or", "import", "é", "\u0000", "::", "limit(2;", "path(", "elif"],
  );
  const program = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(" ")),
    fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join("")),
  );

  it("compiles or is refused with a place, and runs or fails by name", () => {
    fc.assert(
      fc.property(program, fc.jsonValue(), (text, input) => {
        try {
          compileJq(text).first(input, { maxSteps: 10_000 });
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          if (error.code !== "EXPRESSION_FAILED") expect(error.position).toBeTypeOf("number");
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("every value goes through tojson and fromjson, and through the identity", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        const plain: unknown = JSON.parse(JSON.stringify(input));
        expect(first("tojson | fromjson", plain)).toEqual(plain);
        expect(first('[paths(type != "object" and type != "array")] | length', plain)).toBeTypeOf("number");
        expect(first("[tostream] | fromstream(.[])", plain)).toEqual(plain);
      }),
    );
  });
});
