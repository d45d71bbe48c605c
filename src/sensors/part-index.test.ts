import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPartIndex } from "./part-index.ts";

const indexOf = (parts: readonly string[], asking = Number.POSITIVE_INFINITY) =>
  createPartIndex(new Map(parts.map((part) => [part, [part]])), asking);

describe("an index of parts", () => {
  it("finds what is filed under any part of a text, and nothing else", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", "_"), maxLength: 12 });
    fc.assert(
      fc.property(fc.uniqueArray(word.filter((one) => one !== "")), word, (parts, text) => {
        const found = indexOf(parts).find(text) ?? new Set();
        expect([...found].sort()).toEqual(parts.filter((part) => text.includes(part)).sort());
      }),
    );
  });

  it("finds each once, also where it is filed under several parts of the text", () => {
    const filed = new Map([
      ["ab", ["x", "y"]],
      ["bc", ["x"]],
    ]);
    expect([...(createPartIndex(filed, 100).find("abcab") ?? [])]).toEqual(["x", "y"]);
  });

  it("looks nothing up where that would cost more than asking each", () => {
    const index = indexOf(["kind-1", "kind-2", "kind-3"], 3);
    expect(index.find("x".repeat(1_000_000))).toBeUndefined();
    expect(index.find("kind-2")).toEqual(new Set(["kind-2"]));
    expect(indexOf(["x".repeat(100_000)], 3).find("x".repeat(100_000))).toBeUndefined();
  });

  it("has no special names", () => {
    expect(indexOf(["a"]).find("__proto__")).toEqual(new Set());
    expect(indexOf(["__proto__"]).find("a.__proto__")).toEqual(new Set(["__proto__"]));
  });
});
