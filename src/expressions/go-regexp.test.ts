import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, it } from "vitest";
import { compileRegexp } from "./go-regexp.ts";

/** Pattern, text, and what regexp.MatchString of Go 1.26 gave. */
const matched = [
  ["", "", true],
  ["", "abc", true],
  ["b", "abc", true],
  ["B", "abc", false],
  ["^abc$", "abc", true],
  ["^abc$", "abc\n", false],
  ["^abc$", "x\nabc", false],
  ["(?m)^abc$", "x\nabc", true],
  ["^ab", "abc", true],
  ["bc$", "abc", true],
  ["bc$", "abc\n", false],
  ["^$", "", true],
  ["^$", "\n", false],
  ["^", "x", true],
  ["a.c", "abc", true],
  ["a.c", "a\nc", false],
  ["(?s)a.c", "a\nc", true],
  ["^.$", "😀", true],
  ["(?i)k", "\u212a", true],
  ["\\d", "\u0661", false],
  ["\\w", "é", false],
  ["\\pL", "é", true],
  ["[[:alpha:]]+", "é", false],
  ["\\Qa.b\\E", "a.b", true],
  ["\\Qa.b\\E", "axb", false],
  ["a{,2}", "a{,2}", true],
  ["^prod-\\d{2,}$", "prod-17", true],
  ["(?P<x>a)(?<y>b)", "ab", true],
  ["order\\.(created|paid)", "order.paid", true],
] as const;

describe("Go regular expressions", () => {
  it.each(matched)("%j on %j is %s", (pattern, text, expected) => {
    expect(compileRegexp(pattern).test(text)).toBe(expected);
  });

  it.each([
    ["a(b", "error parsing regexp: missing closing ): `a(b`", 0],
    ["a)b", "error parsing regexp: unexpected ): `a)b`", 0],
    ["x[b-a]", "error parsing regexp: invalid character class range: `b-a`", 2],
    ["ab**", "error parsing regexp: invalid nested repetition operator: `**`", 2],
    ["a{1001}", "error parsing regexp: invalid repeat count: `{1001}`", 1],
    ["a(?=b)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`", 1],
    ["(a)\\1", "error parsing regexp: invalid escape sequence: `\\1`", 3],
    ["a\\Z", "error parsing regexp: invalid escape sequence: `\\Z`", 1],
  ])("refuses %j as Go does, and says where", (pattern, message, position) => {
    expect(() => compileRegexp(pattern)).toThrow(
      expect.objectContaining({ code: "EXPRESSION_INVALID", message, position }),
    );
  });

  it("answers the same with and without the shortcuts for literal patterns", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "é", "😀", "-") });
    const frame = fc.constantFrom(["", ""], ["^", ""], ["", "$"], ["^", "$"]);
    fc.assert(
      fc.property(text, frame, text, (literal, [start, end], input) => {
        const pattern = `${start}${literal}${end}`;
        for (const subject of [input, literal, `${literal}\n`, `\n${literal}`, `${input}${literal}`]) {
          expect(compileRegexp(pattern).test(subject)).toBe(RE2JS.compile(pattern).matcher(subject).find());
        }
      }),
    );
  });

  it.each([
    ["(a*)*b", "a"],
    ["(a+)+$", "a"],
    ["^(a|a)*$", "a"],
    ["^(a|aa)+$", "a"],
    ["(.*)(.*)(.*)(.*)(.*)x$", "a"],
    ["(.*a){20}$", "a"],
    ["(a{1,30}){1,30}$", "a"],
    ["(x+x+)+y", "x"],
    ["([a-z]+\\d?)+@", "a1"],
    ["\\b(\\w+\\s*)+\\b!", "word "],
    ["(?i)(é|É)+$", "é"],
    ["(a|b)*a(a|b){20}[^ab]", "abaabbbab"],
    ["([ab]{1,20}a){20}[^ab]", "abaabbbab"],
    ["(a?){500}a{500}$", "a"],
  ])("%s takes linear time, though it ruins a backtracking matcher", (pattern, part) => {
    const started = performance.now();
    const compiled = compileRegexp(pattern);
    expect(compiled.test(`${part.repeat(50_000 / part.length)}-\n`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it("refuses what would be too large, and brackets too deep, at once", () => {
    const started = performance.now();
    expect(() => compileRegexp("((a{100}){100}){100}")).toThrow("invalid repeat count");
    expect(() => compileRegexp("(".repeat(50_000) + ")".repeat(50_000))).toThrow("error parsing regexp");
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("takes linear time on long literals, where a search that compares them at every place does not", () => {
    const half = "a".repeat(20_000);
    const text = "a".repeat(1_000_000);
    const started = performance.now();
    expect(compileRegexp(`${half}b${half}`).test(text)).toBe(false);
    expect(compileRegexp(`${half}b${half}`).test(`${text}b${text}`)).toBe(true);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("finds literals of any length as indexOf does", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 400, size: "max" });
    fc.assert(
      fc.property(text, text, fc.nat(), (wanted, around, place) => {
        const at = place % (around.length + 1);
        const found = around.slice(0, at) + wanted + around.slice(at);
        for (const subject of [around, found]) {
          expect(compileRegexp(wanted).test(subject)).toBe(subject.includes(wanted));
        }
      }),
    );
  });

  it("compares literals rather than running an automaton", () => {
    const text = "EC2 Instance State-change Notification";
    const rate = (test: (text: string) => boolean): number => {
      const started = performance.now();
      for (let count = 0; count < 100_000; count++) test(text);
      return 100_000 / (performance.now() - started);
    };
    const automaton = RE2JS.compile("^EC2 Instance");
    const literal = compileRegexp("^EC2 Instance");
    rate((input) => automaton.test(input));
    const [slow, fast] = [rate((input) => automaton.test(input)), rate((input) => literal.test(input))];
    expect(fast / slow).toBeGreaterThan(2);
  });
});
