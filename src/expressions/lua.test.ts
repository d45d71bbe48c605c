import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileLua, type LuaOptions } from "./lua.ts";

function transform(script: string, event: unknown = {}, options?: LuaOptions): string {
  return compileLua(script).transform(JSON.stringify(event), options);
}

function faultOf(body: () => unknown): ExpressionError {
  try {
    body();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

type Case = readonly [script: string, outcome: "json" | "fails" | "syntax" | "passes" | "other", text?: string];

/**
 * What gopher-lua 1.1.2 answered to these scripts through Argo Events' conversions of the event and the result: the
 * result's JSON, the error's message, a syntax error, or a value that is no table.
 */
const agreement: {
  readonly event: unknown;
  readonly prelude: string;
  readonly cases: readonly Case[];
  readonly afterPrelude: readonly Case[];
} = JSON.parse(readFileSync(new URL("./lua/agreement.json", import.meta.url), "utf8"));

function outcomeOf(script: string): readonly [string, string?] {
  try {
    const compiled = compileLua(script);
    const event = JSON.stringify(agreement.event);
    if (compiled.passes(event)) return ["passes"];
    try {
      return ["json", compiled.transform(event)];
    } catch (error) {
      if (error instanceof ExpressionError && error.message === "the script does not return a table") return ["other"];
      throw error;
    }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return error.code === "EXPRESSION_INVALID" ? ["syntax"] : ["fails", error.message];
  }
}

describe("agreement with gopher-lua", () => {
  it("every script of the table gives what the peer gives", () => {
    const all = [
      ...agreement.cases,
      ...agreement.afterPrelude.map(([script, ...rest]) => [`${agreement.prelude}${script}`, ...rest]),
    ];
    expect(all.length).toBeGreaterThan(1000);
    expect(all.map(([script = ""]) => [script, ...outcomeOf(script)])).toEqual(all);
  });
});

describe("conversions of Argo Events (reference 3.3)", () => {
  it("nulls and lists in lists are left out on the way in", () => {
    const event = { a: null, list: [1, null, [2], "x", { y: null, z: [[3]] }, true] };
    expect(transform("return event", event)).toBe('{"list":[1,"x",{"z":{}},true]}');
    expect(transform("return {event.a == nil, #event.list}", event)).toBe("[true,4]");
  });

  it("a table with items is an array, whatever else is in it; an empty one is an object unless it says otherwise", () => {
    expect(transform("return {1, 2, x = 3}")).toBe("[1,2]");
    expect(transform("return {}")).toBe("{}");
    expect(transform("return setmetatable({}, {__is_array = true})")).toBe("[]");
    expect(transform("return {a = {}, b = setmetatable({}, {__is_array = true})}")).toBe('{"a":{},"b":[]}');
    expect(transform("local t = {} t[3] = 'x' return t")).toBe('[null,null,"x"]');
  });

  it("text is UTF-8 bytes inside and Go's JSON outside", () => {
    expect(transform("return {#event.s, event.s:upper(), event.s:sub(1, 1)}", { s: "é<&>" })).toBe(
      '[5,"É\\u003c\\u0026\\u003e","\\ufffd"]',
    );
    expect(transform("return {event.s}", { s: "\ud800x" })).toBe('["�x"]');
    expect(transform("return {1e21, 1e-7, 10/2, 2^53, 0.1}")).toBe("[1e+21,1e-7,5,9007199254740992,0.1]");
  });

  it("only the last value counts, and only true passes", () => {
    expect(transform("return 1, {2}")).toBe("[2]");
    const verdicts = ["return true", "return false, true", "return true, false", "return 1", "return 'true'", ""].map(
      (script) => compileLua(script).passes("{}"),
    );
    expect(verdicts).toEqual([true, true, false, false, false, false]);
    expect(faultOf(() => transform("return 1")).message).toBe("the script does not return a table");
  });

  it("data that are no object, and results that JSON cannot hold, fail", () => {
    const script = compileLua("return event");
    for (const json of ["[1]", "1", "{", '"x"', '{"a":1e999}']) {
      expect(faultOf(() => script.transform(json)).code).toBe("EXPRESSION_FAILED");
    }
    expect(script.transform("null")).toBe("{}");
    for (const result of ["{0/0}", "{1/0}", "{print}", "{f = function() end}"]) {
      expect(faultOf(() => transform(`return ${result}`)).message).toContain("json: unsupported");
    }
    expect(faultOf(() => transform("local t = {} t.t = t return t")).message).toContain("contains itself");
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    expect(faultOf(() => script.passes(deep)).message).toContain("nested too deeply");
  });

  it("keys that mean something to JavaScript are data", () => {
    const event = '{"__proto__":{"polluted":true},"constructor":1,"toString":2}';
    const script = compileLua("event['valueOf'] = event.__proto__.polluted event.hasOwnProperty = {} return event");
    expect(JSON.parse(script.transform(event))).toEqual(
      JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":{},"toString":2,"valueOf":true}'),
    );
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(transform("return {event.constructor == nil, ({}).__proto__ == nil, string.constructor == nil}")).toBe(
      "[true,true,true]",
    );
  });
});

describe("runs", () => {
  it("each has globals and libraries of its own", () => {
    const script = compileLua("count = (count or 0) + 1 string.x = (string.x or 0) + 1 return {count, string.x}");
    expect([script.transform("{}"), script.transform("{}")]).toEqual(["[1,1]", "[1,1]"]);
  });

  it("clock and randomness come from outside", () => {
    const options = { nowMs: Date.UTC(2024, 1, 29, 12, 30, 45), random: () => 0.25 };
    const script = "return {os.time(), os.date('!%Y-%m-%d %H:%M:%S'), os.date('%c'), math.random(), math.random(8)}";
    expect(transform(script, {}, options)).toBe('[1709209845,"2024-02-29 12:30:45","29 Feb 24 12:30 UTC",0.25,3]');
  });

  it("an error that nothing catches is told with its line and place", () => {
    const fault = faultOf(() => transform("local x = {}\nreturn x.y.z"));
    expect([fault.code, fault.message]).toEqual([
      "EXPRESSION_FAILED",
      "<string>:2: attempt to index a non-table object(nil) with key 'z'",
    ]);
    expect(fault.position).toBe(20);
  });
});

describe("loading", () => {
  it("a syntax error says where it is", () => {
    const places: readonly (readonly [string, number])[] = [
      ["return {1", 9],
      ["x = = 1", 4],
      ["for i = 1 do end", 10],
      ["local a = 'x", 10],
      ["goto away", 0],
      ["break", 0],
      ["return 1 return 2", 9],
      ["f", 1],
      ["(f) = 1", 0],
      ["a = @", 4],
      ["--[[ x", 2],
      ["function f() return ... end", 20],
    ];
    const found = places.map(([script]) => {
      const fault = faultOf(() => compileLua(script));
      return [script, fault.code === "EXPRESSION_INVALID" ? fault.position : fault.code];
    });
    expect(found).toEqual(places);
  });

  it("what is not offered is refused by name and place, unless the script defines it", () => {
    const refused: readonly (readonly [string, string, number])[] = [
      ["return os.execute('x')", "os.execute", 7],
      ["local f = io.open", "io", 10],
      ["x = require 'y'", "require", 4],
      ["pcall(loadstring, 'x')", "loadstring", 6],
      ["return coroutine.wrap(f)", "coroutine", 7],
      ["return string.dump(f)", "string.dump", 7],
      ["return os.getenv('HOME')", "os.getenv", 7],
    ];
    const found = refused.map(([script]) => {
      const { code, message, position } = faultOf(() => compileLua(script));
      expect(code).toBe("EXPRESSION_UNSUPPORTED");
      return [script, /'(.*)'/.exec(message)?.[1], position];
    });
    expect(found).toEqual(refused);
    expect(transform("function load() return 1 end return {load()}")).toBe("[1]");
    expect(transform("local io = {open = 1} return {io.open}")).toBe("[1]");
    expect(transform("local o = os return {o.execute == nil}")).toBe("[true]");
  });

  it("deep nesting is refused, long chains are not", () => {
    for (const script of [
      `return ${"(".repeat(1e5)}`,
      `return ${"{".repeat(1e5)}`,
      `return ${"- ".repeat(1e3)}1`,
      `return ${"not ".repeat(1e5)}1`,
      "do ".repeat(1e5),
      "while true do ".repeat(1e4),
      `return ${"function() return ".repeat(1e4)}`,
      `return 1${"+1".repeat(1e4)}`,
      `return 2${"^2".repeat(1e4)}`,
      `return a${".b".repeat(1e4)}`,
      `return f${"()".repeat(1e4)}`,
    ]) {
      expect(faultOf(() => compileLua(script)).code).toBe("EXPRESSION_UNSUPPORTED");
    }
    expect(transform(`return {1${"+1".repeat(300)}}`)).toBe("[301]");
    expect(transform(`return {''${" .. 'x'".repeat(5000)}}`).length).toBe(5004);
    expect(transform(`return {false${" or false".repeat(5000)}}`)).toBe("[false]");
    const branches = Array.from({ length: 2000 }, (_, i) => `elseif event.x == ${i} then return {${i}}`).join(" ");
    expect(transform(`if false then ${branches} end`, { x: 1999 })).toBe("[1999]");
  });

  it("no text makes the parser throw anything but an ExpressionError, or hang", () => {
    const words =
      "and break do else elseif end false for function if in local nil not or repeat return then true until while goto";
    const piece = fc.constantFrom(
      ...words.split(" "),
      ...["x", "y", "f", "1", "0x", "1e", "'a'", '"', "[[", "]]", "[=[", "--", "\n", "...", "..", "==", "~=", "::"],
      ..."+-*/%^#<>=(){}[];:,.'\\é\0@~",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        for (const text of [pieces.join(" "), pieces.join("")]) {
          try {
            compileLua(text).passes("{}", { maxSteps: 1000 });
          } catch (error) {
            if (!(error instanceof ExpressionError)) throw error;
          }
        }
      }),
      { numRuns: 700 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        try {
          compileLua(text);
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Each would run for ever, or for years, or take all memory. */
const hostile: readonly string[] = [
  "while true do end",
  "::a:: goto a",
  "repeat until false",
  "for i = 2, 1, 0 do end while true do end",
  "local function f() return f() end f()",
  "local function f() return pcall(f) end while true do f() end",
  "while true do pcall(function() while true do end end) end",
  "local function h(e) return xpcall(error, h) end while true do xpcall(error, h) end",
  "local s = 'x' while true do s = s .. s end",
  "return {('x'):rep(1e9)}",
  "local t = {} for i = 1, 1e9 do t[i] = {} end",
  "local t = {} for i = 1, 1e9 do t['k' .. i] = i end",
  "local t = {} t[6e7] = 1 while true do t[#t] = nil t[6e7] = 1 end",
  "local t = {} t[6e7] = 1 return t",
  "return {('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30))}",
  "return {('a'):rep(1e5):find(('.*'):rep(20) .. 'b')}",
  "local s = ('('):rep(1e5) return {s:gsub('%b()', '')}",
  "local s = ('a'):rep(1e6) while true do s:gsub('a', 'b') end",
  "local s = 'a' while true do s = s:gsub('a', 'aa') end",
  "local t = {} for i = 1, 1e4 do t[i] = i end while true do table.sort(t, function() return true end) end",
  "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end while true do pcall(function() return t.x end) end",
  "local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) while true do pcall(function() return a.x end) end",
  "local t = setmetatable({}, {__add = function(a) return a end}) while true do t = t + 1 end",
  "local t = {} for i = 1, 4000 do t[i] = i end while true do local x = {unpack(t)} end",
  "local function f(...) return f(...) end local t = {} for i = 1, 4000 do t[i] = i end f(unpack(t))",
  "local a, b = ('x'):rep(1e6), ('x'):rep(1e6) while true do local c = a == b end",
  "local a, b = ('x'):rep(1e6), ('x'):rep(1e6) local t = {[a] = 1} while true do local c = t[b] end",
  "while true do string.format('%1000000d', 1) end",
  "local s = ('%d'):rep(1e5) while true do s:format(1) end",
  "local s = ('\\0'):rep(1e6) while true do string.format('%q', s) end",
  "local s = ('9'):rep(1e6) while true do tonumber(s) end",
  "local s = ('a'):rep(1e6) local p = 'b' .. ('a'):rep(5e5) while true do s:find(p, 1, true) end",
  "local p = ('[a-z]'):rep(1e4) while true do ('x'):find(p) end",
  "local t = {} for i = 1, 60 do t = {t, t} end return t",
  "local s = ('x'):rep(1e6) local t = {} for i = 1, 1000 do t[i] = s end return t",
  "local f = ('%Y'):rep(1e4) while true do os.date(f) end",
];

describe("the budget", () => {
  it("ends every script, and no pcall catches it", () => {
    for (const script of hostile) {
      const compiled = compileLua(script);
      const start = performance.now();
      const fault = faultOf(() => compiled.transform("{}"));
      expect([script, fault.message]).toEqual([script, expect.stringMatching(/took more than|made more than/)]);
      // Typically 20 to 60 ms; the bound is for a busy machine.
      expect(performance.now() - start).toBeLessThan(1000);
    }
  });

  it("is given per run", () => {
    const script = "local n = 0 for i = 1, event.n do n = n + i end return {n}";
    expect(transform(script, { n: 1000 })).toBe("[500500]");
    expect(faultOf(() => transform(script, { n: 1000 }, { maxSteps: 1000 })).message).toContain("1000 steps");
    expect(faultOf(() => transform("return {('x'):rep(5000)}", {}, { maxBytes: 4096 })).message).toContain(
      "4096 bytes",
    );
  });

  it("deep recursion is a Lua error that pcall catches, whatever is nested in each level", () => {
    const overflow = /stack overflow$/;
    expect(JSON.parse(transform("local function f() return 1 + f() end return {pcall(f)}"))).toEqual([
      false,
      expect.stringMatching(overflow),
    ]);
    const nested = `local function f() return ${"(".repeat(140)}1 + f()${" + 1)".repeat(140)} end return {pcall(f)}`;
    expect(JSON.parse(transform(nested))).toEqual([false, expect.stringMatching(overflow)]);
    const blocks = `local function f() ${"do ".repeat(140)} f() ${"end ".repeat(140)} end return {pcall(f)}`;
    expect(JSON.parse(transform(blocks))).toEqual([false, expect.stringMatching(overflow)]);
    const through = [
      "local t = setmetatable({}, {__index = function(t, k) return t[k] end}) return {pcall(function() return t.x end)}",
      "local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) return {pcall(tostring, t)}",
      "local function f() return (('a'):gsub('a', f)) end return {pcall(f)}",
      "local function f() table.sort({1, 2}, f) return true end return {pcall(f)}",
    ];
    for (const script of through) {
      expect(JSON.parse(transform(script))).toEqual([false, expect.stringMatching(overflow)]);
    }
    expect(
      transform("local function f(n) if n == 0 then return {'done'} end return f(n - 1) end return f(20000)"),
    ).toBe('["done"]');
  });
});

it("a table constructor takes several separators in a row, as gopher-lua does, but none at its start", () => {
  expect(compileLua("return {1,,2,;}").transform("{}")).toBe("[1,2]");
  expect(() => compileLua("return {,}")).toThrow(ExpressionError);
});
