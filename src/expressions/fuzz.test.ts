import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConditions } from "./conditions.ts";
import { compileEventPattern } from "./event-pattern.ts";
import { compileExpr } from "./expr-lang.ts";
import { ExpressionError } from "./fault.ts";
import { asNumber, asString, asValue, compilePath, get, isValid, locate } from "./gjson.ts";
import { compileRegexp } from "./go-regexp.ts";
import { compileTemplate } from "./go-template.ts";
import { compileGovaluate } from "./govaluate.ts";
import { compileJq } from "./jq.ts";
import { queryJsonPath } from "./jsonpath.ts";
import { compileLua } from "./lua.ts";
import { setRaw, setString } from "./sjson.ts";

/** What reading a text, and running what was read, may take of processor time; the machine's other work does not count. */
const limitMs = 100;
/** A template and an expression are programs: their budgets let them work for a while. */
const budgetMs = 1500;

const data = {
  a: 1,
  b: "x",
  c: [1, "é", null, { d: true }],
  o: { constructor: 2 },
  text: "hello world",
  js: '{"a":[1]}',
} as const;
const json = `{"a":1,"b":"x","c":[1,"é",null,{"d":true}],"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"text":"hello world"}`;
const decoded: unknown = JSON.parse(json);

interface Fuzzed {
  readonly language: string;
  /** Texts that mean something, to be cut, joined and mixed with `words`. */
  readonly seeds: readonly string[];
  readonly words: string;
  /** Reads the text, and gives what runs it. */
  compile(text: string): () => unknown;
  readonly runMs?: number;
}

const fuzzed: readonly Fuzzed[] = [
  {
    language: "gjson",
    seeds: [
      "a.b",
      "c.#(d==true)#.d",
      "{a,[b,c.0]}",
      '@pretty:{"width":3}|c',
      "c.#.d",
      "..#(a>1)",
      '!{"a":1}',
      "__proto__.polluted",
      "a*?.b",
      "@dig:d",
      "c.@reverse|@tostr|@fromstr",
    ],
    words: '. | # #( #[ ) ] { } [ " \\ @ @this @flatten @group * ? : , ! ~ == != <= % !% __proto__ constructor 0 -1',
    compile(text) {
      const path = compilePath(text);
      return () => {
        const found = get(json, path);
        return [asString(found), asNumber(found), asValue(found), locate(text, compilePath("a.b")), isValid(text)];
      };
    },
  },
  {
    language: "sjson",
    seeds: [
      "a.b",
      "c.-1",
      "c.5.x",
      ":1.a",
      "__proto__.polluted",
      "constructor.prototype.polluted",
      "c.#.d",
      "a\\.b",
      "c.#(d==true).d",
    ],
    words: ". # : -1 0 99 \\ | * ? @this __proto__ constructor prototype polluted",
    compile: (text) => () => [setString(setRaw(json, text, "1"), text, text), setString(text, "a.b", "x")],
  },
  {
    language: "Go templates",
    seeds: [
      "{{ .Input.b | upper }}",
      "{{ range $i, $e := .Input.c }}{{ $e }}{{ else }}x{{ end }}",
      '{{ set .Input "__proto__" (dict "polluted" 1) }}',
      '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
      '{{ printf "%[3]*.[2]*[1]f" 1.5 2 6 }}',
      "{{ if and (eq 1 1) (lt .Input.a 2.0) }}a{{ end }}",
      '{{ regexReplaceAll "(a+)+$" .Input.text "x" }}',
      "{{- /* c */ -}}",
      '{{ merge (dict) (fromJson `{"__proto__":{"polluted":1}}`) }}',
      '{{ repeat 100000 "x" }}',
      "{{ untilStep 0 10000 1 }}",
    ],
    words:
      "{{ }} {{- -}} ( ) . | $ $x := = , \" ` end else range with if define template block break continue /* */ nil 1 0x 1e9 'a' .__proto__ .constructor",
    runMs: budgetMs,
    compile(text) {
      const template = compileTemplate(text);
      return () => template.render({ Input: decoded }, { nowMs: 0, random: () => 0.5 });
    },
  },
  {
    language: "govaluate",
    seeds: [
      "a == 1 && b =~ '^x$'",
      "(a + 2) * 3 ** 2 > 1 ? 'y' : 'n'",
      "b in ('x', 'y')",
      "[__proto__] == 1",
      "constructor ?? toString",
      "text =~ '(h+)+$'",
      "'2020-01-01' > a",
    ],
    words: "( ) [ ] ' \" \\ ! ~ - + * ** / % << >> & && | || ^ = == =~ !~ in ? : ?? , true 1 .5 0x a __proto__",
    compile(text) {
      const expression = compileGovaluate(text);
      return () => expression.evaluate(new Map(Object.entries(data)));
    },
  },
  {
    language: "expr",
    seeds: [
      "filter(c, # != nil) | len() > 1",
      "let x = a; x + 1",
      "text matches '(h+)+$'",
      "map(1..1000, {# * #index})",
      "{__proto__: 1}.__proto__",
      "groupBy(c, #)",
      "jsonpath(js, '$.a[0]')",
      "constructor.prototype",
      "repeat('ab', 10000)",
      "[1, 2][0:1]",
      "sum(1..1000)",
    ],
    words:
      "( ) [ ] { } . ?. ?? ? : , ; # #acc | ' \" ` \\ .. ... not in matches let if 0x 1e9 1_0 // /* */ __proto__ constructor nil $env",
    runMs: budgetMs,
    compile(text) {
      const expression = compileExpr(text);
      return () => expression.evaluateAny(decoded);
    },
  },
  {
    language: "jsonpath",
    seeds: [
      "$.c[3].d",
      "$..*",
      "$.c[?(@.d == true)]",
      "$.c[0:-1:2]",
      "$['a','b']",
      "$.__proto__.polluted",
      "$..*..*..*",
      "$.c[(@.length-1)]",
      "$.c[?(@.d =~ '(a+)+$')]",
    ],
    words: ". .. [ ] ( ) ? @ $ * ' \" : , -1 0 && || == =~ ! \\ __proto__ constructor length",
    compile: (text) => () => queryJsonPath(json, text),
  },
  {
    language: "conditions",
    seeds: ["a && b", "(a || b) && c", "a-b && (c || (d && e))", "__proto__ || constructor"],
    words: "( ) && || & | ! - _ a __proto__ in not 0",
    compile: (text) => () => parseConditions(text, ["a", "b", "c", "d", "e", "a-b", "__proto__"]),
  },
  {
    language: "jq",
    seeds: [
      ".c[] | select(. != null)",
      "def f(g; $x): g | f(.; $x); [limit(3; range(9))]",
      '.text | gsub("(?<x>o+)+$"; "\\(.x)!")',
      "reduce .c[] as [$a] ?// $a (null; . + [$a])",
      '.__proto__ = 1 | .["constructor"].prototype.polluted = 2',
      'setpath(["__proto__", "polluted"]; 1)',
      "to_entries | from_entries | walk(.)",
      "try error(.a) catch . // empty",
      "label $out | foreach .c[] as $x (0; . + 1; if . > 2 then ., break $out else . end)",
      '[paths] | map(tojson) | @csv, @base64 "x\\(.)"',
      "[recurse(if . < 3 then . + 1 else empty end; true)]",
      '{(.b): .a, $__loc__, "k": [.[]?]} | del(.k[0:1])',
    ],
    words:
      '. .. [ ] ( ) { } | , : ; " \\( ? // ?// $x as def reduce foreach label if then end try @ @json -1 1e9 |= += __proto__ __loc__',
    runMs: budgetMs,
    compile(text) {
      const program = compileJq(text);
      return () => program.transform(json, { maxSteps: 100_000 });
    },
  },
  {
    language: "Lua",
    seeds: [
      "local t = {1, 2, k = event.a} for i, v in ipairs(t) do t[i] = v + 1 end return t",
      "local function f(n, ...) if n < 1 then return ... end return f(n - 1, n, ...) end return {f(9)}",
      'event.__proto__ = {polluted = 1} event.constructor = "x" return event',
      'return {string.gsub(event.text, "(%w+) (%w+)", "%2 %1"), string.format("%5.2f|%q", 1.5, "x")}',
      "return setmetatable({}, {__index = function(t, k) return t[k] end}).x",
      "while true do local s = string.rep('x', 10) end",
      "return pcall(pcall, error, {})",
      "repeat local x = [==[ ]] ]==] until not x == nil -- c",
      'return {("a"):rep(1e9), table.concat({1, {}})}',
    ],
    words:
      "( ) [ ] { } = == ~= .. ... , ; : . # \" ' [[ ]] -- end do then nil local function return break for in 0x 1e9 not and or \\ % __proto__ __index",
    runMs: budgetMs,
    compile(text) {
      const script = compileLua(text);
      return () => script.transform(json);
    },
  },
  {
    language: "regular expressions",
    seeds: [
      "^a(b|c)*?$",
      "(a+)+$",
      "[[:alpha:]_]{2,5}",
      "(?i)\\pL+\\Q.\\E",
      "(?P<n>x)?",
      "((a{1,30}){1,30})",
      "[^\\d\\n-z]",
    ],
    words: "( ) [ ] { } * + ? | \\ ^ $ . - (? (?i) (?P<n> \\p \\Q \\E \\x{ [: :] {1000} {2,3} __proto__",
    compile(text) {
      const pattern = compileRegexp(text);
      return () => pattern.test(`${"a".repeat(50)}!`);
    },
  },
  {
    language: "event patterns",
    seeds: [
      '{"a":[1,{"numeric":[">",0,"<=",5]}]}',
      '{"b":[{"prefix":"x"},{"wildcard":"*x*y*"}],"$or":[{"c":[null]},{"c":[{"exists":false}]}]}',
      '{"__proto__":{"polluted":[1]}}',
      '{"b":[{"anything-but":{"suffix":["x"]}}]}',
      '{"ip":[{"cidr":"10.0.0.0/8"}]}',
    ],
    words: '{ } [ ] : , " \\ * ** null true -1 1e400 "numeric" "$or" "anything-but" "__proto__" "exists"',
    compile(text) {
      const pattern = compileEventPattern(text);
      return () => [pattern.matches(decoded), pattern.explain(decoded)];
    },
  },
];

/** Any text, and texts near those that mean something: cut, joined, nested and with words of the language between. */
function textsOf({ seeds, words }: Fuzzed): fc.Arbitrary<string> {
  const seed = fc.constantFrom(...seeds);
  const word = fc.constantFrom(...words.split(" "));
  const piece = fc.oneof(
    word,
    fc
      .tuple(seed, fc.nat(60), fc.nat(60))
      .map(([text, from, to]) => text.slice(Math.min(from, to), Math.max(from, to))),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  const mutated = fc
    .tuple(seed, fc.array(fc.tuple(fc.nat(80), fc.nat(4), piece), { maxLength: 3 }))
    .map(([text, changes]) =>
      changes.reduce((made, [at, drop, put]) => made.slice(0, at) + put + made.slice(at + drop), text),
    );
  const nested = fc
    .tuple(word, seed, word, fc.nat(400))
    .map(([open, text, close, times]) => open.repeat(times) + text + close.repeat(times));
  return fc.oneof(
    { weight: 5, arbitrary: mutated },
    { weight: 3, arbitrary: fc.array(piece, { maxLength: 12 }).map((all) => all.join("")) },
    { weight: 1, arbitrary: nested },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
  );
}

/**
 * Runs it again while it is over the limit: the first time may pay for a compilation of our code or a collection of
 * garbage. Any error but an ExpressionError with a place inside the text goes on.
 */
function within(limitMs: number, text: string, run: () => unknown): unknown {
  for (let left = 3; ; left--) {
    const before = process.cpuUsage();
    const outcome = attempt(text, run);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 < limitMs) return outcome;
    if (left === 1) throw new Error(`it took ${(user + system) / 1000} ms of processor time`);
  }
}

/** The result; undefined where it fails as it should. */
function attempt(text: string, run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { position = 0 } = error;
    expect(position >= 0 && position <= text.length, `position ${position}`).toBe(true);
    return undefined;
  }
}

describe("whatever text stands where an expression should", () => {
  const untouched = Object.getOwnPropertyNames(Object.prototype).join();

  it.each(fuzzed)("$language gives an answer or an ExpressionError, soon, and changes no prototype", (language) => {
    const inputs = JSON.stringify([decoded, data]);
    fc.assert(
      fc.property(textsOf(language), (text) => {
        const run = within(limitMs, text, () => language.compile(text));
        if (typeof run === "function") within(language.runMs ?? limitMs, text, () => run());
      }),
      { numRuns: Number(process.env.TIDEMILL_FUZZ_RUNS ?? 500) },
    );
    expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(untouched);
    expect("polluted" in {}).toBe(false);
    expect(JSON.stringify([decoded, data])).toBe(inputs);
  });
});
