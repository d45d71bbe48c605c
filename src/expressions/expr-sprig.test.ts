import { expect, test } from "vitest";
import { compileFilterExpr } from "./expr-sprig.ts";
import { ExpressionError } from "./fault.ts";

const fails = Symbol("fails at evaluation");

const data = {
  s: "hello world",
  n: 3,
  f: 2.5,
  b: true,
  nul: null,
  arr: [3, 1, 2],
  strs: ["b", "a", "c"],
  mixed: [1, "x", null, 2.5],
  m: { k: "v", n: 1, sub: { a: [1] } },
  js: '{"a":[1,2,{"b":"c"}]}',
  num: "42",
  date: "2024-03-05",
};
const cx = { nowMs: Date.parse("2024-03-05T10:00:00Z"), random: () => 0.5 };

/** Expression and what expr 1.15.5 with sprig 3.3.0's generic map answers on Go 1.26; bigints are Go's integers. */
const peer: readonly (readonly [string, unknown])[] = [
  ["sprig.upper(s)", "HELLO WORLD"],
  ["sprig.trunc(5, s)", "hello"],
  ["sprig.trunc(n, s)", fails],
  ["sprig.trunc(int(n), s)", "hel"],
  ['sprig.add(1, n, "4", nul)', 8n],
  ["sprig.add(1, 2) == 3", true],
  ["sprig.div(7, 2)", 3n],
  ["sprig.addf(n, 0.5)", 3.5],
  ["sprig.mod(7, n)", 1n],
  ["sprig.max(1, n, f)", 3n],
  ["sprig.round(f, 0)", 3],
  ["sprig.round(f)", fails],
  ["sprig.until(3)", [0n, 1n, 2n]],
  ["sprig.until(n)", fails],
  ["sprig.seq(1, 3)", "1 2 3"],
  ['sprig.list(1, n, "x")', [1n, 3, "x"]],
  ["sprig.first(arr)", 3],
  ["sprig.first([])", null],
  ["sprig.last(strs)", "c"],
  ["sprig.uniq([1, 1, n])", [1n, 3]],
  ['sprig.has("a", strs)', true],
  ["sprig.has(1, arr)", false],
  ["sprig.has(1, [1])", true],
  ['sprig.join("-", arr)', "3-1-2"],
  ['sprig.join(",", mixed)', "1,x,2.5"],
  ["sprig.sortAlpha(strs)", ["a", "b", "c"]],
  ['sprig.splitList(",", "a,b") == ["a", "b"]', false],
  ['sprig.split("-", date)._1', "03"],
  [
    'sprig.dict("a", 1, "b", n)',
    new Map<string, unknown>([
      ["a", 1n],
      ["b", 3],
    ]),
  ],
  ['sprig.dict("a", 1).a + 1', 2n],
  ['sprig.get(m, "k")', "v"],
  ['sprig.get(m, "none")', ""],
  ['sprig.hasKey(m, "k")', true],
  ["sprig.keys({z: 1})", ["z"]],
  ['sprig.pick(m, "k")', new Map<string, unknown>([["k", "v"]])],
  [
    'sprig.omit(m, "sub")',
    new Map<string, unknown>([
      ["k", "v"],
      ["n", 1],
    ]),
  ],
  ['sprig.dig("sub", "a", "none", m)', [1]],
  ['sprig.dig("sub", "b", "none", m)', "none"],
  ['sprig.default("d", nul)', "d"],
  ['sprig.default("d", n)', 3],
  ['sprig.coalesce(nul, "", n)', 3],
  ["sprig.empty(nul)", true],
  ['sprig.ternary("y", "n", b)', "y"],
  ['sprig.ternary("y", "n", n)', fails],
  ["sprig.fromJson(js).a[2].b", "c"],
  ["sprig.toJson(m)", '{"k":"v","n":1,"sub":{"a":[1]}}'],
  ["sprig.toString(n)", "3"],
  ["sprig.toString(1)", "1"],
  ['sprig.int("42") + 1', 43n],
  ["sprig.int64(f)", 2n],
  ["sprig.float64(num)", 42],
  ['sprig.atoi("x")', 0n],
  ["sprig.kindOf(n)", "float64"],
  ["sprig.kindOf(1)", "int"],
  ["sprig.typeOf([1, 2])", "[]interface {}"],
  ['sprig.typeOf(["a"])', "[]interface {}"],
  ["sprig.typeOf([1, n])", "[]interface {}"],
  ["sprig.typeOf(nul)", "<nil>"],
  ['sprig.kindIs("map", m)', true],
  ['sprig.regexMatch("^h.*d$", s)', true],
  ['sprig.regexMatch("[", s)', false],
  ['sprig.mustRegexMatch("[", s)', fails],
  ['sprig.regexFindAll("o", s, -1)', ["o", "o"]],
  ['sprig.regexReplaceAll("o", s, "0")', "hell0 w0rld"],
  ['sprig.semverCompare(">=1.2", "1.3.0")', true],
  ['sprig.semverCompare("x", "1.3.0")', true],
  ['sprig.toDate("2006-01-02", date).Unix()', 1709596800n],
  ['sprig.toDate("2006-01-02", date) < date("2025-01-01")', true],
  ["sprig.unixEpoch(date(date))", "1709596800"],
  ['sprig.date("Jan 2", date(date))', "Mar 5"],
  ['sprig.dateModify("24h", date(date)).Day()', 6n],
  ['sprig.dateModify("24h", date)', fails],
  ['sprig.urlParse("http://h:1/p?q=1").host', "h:1"],
  ["sprig.b64enc(s)", "aGVsbG8gd29ybGQ="],
  ['sprig.sha256sum("")', "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
  ['sprig.nindent(2, "a")', "\n  a"],
  ["sprig.cat(1, nul, n)", "1 3"],
  ['sprig.contains("ell", s)', true],
  ["sprig.trim(nul)", fails],
  ["sprig.trim()", fails],
  ["sprig.trim(s, s)", fails],
  ["sprig.quote(n, s, nul)", '"3" "hello world"'],
  ['sprig.fail("x")', fails],
  ["sprig.tuple(1)[0]", 1n],
  ["sprig.chunk(2, arr)", [[3, 1], [2]]],
  ["map(strs, sprig.upper(#))", ["B", "A", "C"]],
  ['filter(strs, sprig.has(#, ["a", "c"]))', ["a", "c"]],
  ['len(sprig.splitList("/", "a/b/c"))', 3n],
  ["sprig.max(1, 2) > n", false],
  ["sprig.sub(n, 1) in [2]", true],
  ["sprig.hello()", "Hello!"],
  ["sprig.deepEqual([1], [1])", true],
  ["sprig.deepEqual(arr, [3.0, 1.0, 2.0])", true],
  ["sprig.slice(arr, 1)", [1, 2]],
  ['sprig.slice("abc", 1)', fails],
];

test.each(peer)("%s", (text, expected) => {
  const compiled = compileFilterExpr(text);
  if (expected !== fails) expect(plain(compiled.evaluateAny(data, cx))).toEqual(expected);
  else expect(() => compiled.evaluateAny(data, cx)).toThrow(ExpressionError);
});

/** Lists of one Go type are a class of their own; here only what is in them counts. */
function plain(value: unknown): unknown {
  return Array.isArray(value) ? Array.from(value, plain) : value;
}

test("an evaluation has its own clock and randomness", () => {
  const compiled = compileFilterExpr("sprig.randNumeric(3) + sprig.date('2006', sprig.now()) + string(now().Year())");
  expect(compiled.evaluateAny({}, cx)).toBe("55520242024");
  expect(compiled.evaluateAny({}, { nowMs: 0, random: () => 0 })).toBe("00019701970");
});

test("sprig's work is bounded in one evaluation, however it is divided into calls", () => {
  const compiled = compileFilterExpr("len(map(1..400000, sprig.repeat(1000, 'x'))) == 0");
  const started = performance.now();
  expect(() => compiled.evaluate({}, cx)).toThrow("budget");
  expect(performance.now() - started).toBeLessThan(3000);
});

test("data nested deeply are refused where they would be walked", () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 5000; depth++) deep = [deep];
  expect(() => compileFilterExpr("sprig.toJson(deep) == ''").evaluate({ deep }, cx)).toThrow("nested too deeply");
});

test("a map that an expression makes hold itself is no endless loop", () => {
  expect(compileFilterExpr("sprig.set(m, 'x', m).x.k == 'v'").evaluate(data, cx)).toBe(true);
  expect(compileFilterExpr("m.x == nil").evaluate(data, cx)).toBe(true);
});
