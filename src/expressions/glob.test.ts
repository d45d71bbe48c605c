import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileGlob, isGlob } from "./glob.ts";

describe("a glob", () => {
  it.each([
    ["order*", ["order", "orders", "order.*"], ["Order", "my-order"]],
    ["*", ["", "anything", "a\nb"], []],
    ["**-dead", ["-dead", "jobs-dead"], ["dead", "jobs-dead2"]],
    ["a*a", ["aa", "aba"], ["a"]],
    ["a?c", ["abc", "a€c", "a😀c"], ["ac", "abbc"]],
    ["[abc]x", ["ax", "cx"], ["dx", "x"]],
    ["[a-c]x", ["ax", "bx"], ["-x", "dx"]],
    ["[!a-c]x", ["dx", "-x"], ["ax", "x"]],
    ["[.^]", [".", "^"], ["a"]],
    ["{order,invoice}-{new,paid}", ["order-new", "invoice-paid"], ["order", "order-old"]],
    ["x{a,{b,c*}}y", ["xay", "xby", "xcccy"], ["xy", "xdy"]],
    ["a.b", ["a.b"], ["axb"]],
    ["a\\*b*", ["a*b", "a*bc"], ["aab"]],
    ["a,b", ["a,b"], ["a", "b"]],
  ])("%j matches whole names", (text, yes, no) => {
    const glob = compileGlob(text);
    for (const name of yes) expect(glob.test(name), name).toBe(true);
    for (const name of no) expect(glob.test(name), name).toBe(false);
  });

  it.each([
    ["a[bc", 1],
    ["[]", 0],
    ["[c-a]", 0],
    ["x{a,b", 1],
    ["a}", 1],
    ["😀]", 2],
    ["a\\", 1],
    ["{".repeat(30), 20],
  ])("%j is refused with the place of the fault", (text, position) => {
    expect(() => compileGlob(text)).toThrow(expect.objectContaining({ code: "EXPRESSION_INVALID", position }));
  });

  it("is read or refused, whatever the text, and matches in linear time", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab*?[]{}!-,\\") }), fc.string(), (text, name) => {
        try {
          compileGlob(text).test(name);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
    );
    const before = performance.now();
    expect(compileGlob("*a".repeat(50)).test(`${"a".repeat(20_000)}b`)).toBe(false);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it("is told from a plain name", () => {
    expect(["orders", "my-event.v2", "a_b"].map(isGlob)).toEqual([false, false, false]);
    expect(["order*", "a?", "[a]", "{a,b}"].map(isGlob)).toEqual([true, true, true, true]);
  });
});
