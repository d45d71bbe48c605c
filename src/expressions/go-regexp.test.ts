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

  it("takes linear time on patterns that ruin a backtracking matcher", () => {
    const started = performance.now();
    expect(compileRegexp("(a*)*b").test("a".repeat(50_000))).toBe(false);
    expect(compileRegexp("^(a|aa)+$").test(`${"a".repeat(50_000)}b`)).toBe(false);
    expect(() => compileRegexp("((a{100}){100}){100}")).toThrow("invalid repeat count");
    expect(() => compileRegexp("(".repeat(50_000) + ")".repeat(50_000))).toThrow("error parsing regexp");
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
