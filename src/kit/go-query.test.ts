import { expect, test } from "vitest";
import { parseQuery } from "./go-query.ts";

const valuesOf = (text: string) => Object.fromEntries(parseQuery(text).values);

test("pairs are read as Go reads them", () => {
  expect(valuesOf("a=1&b=x+y&a=2&c&=e&&d=%C3%A9%3d")).toEqual({
    a: ["1", "2"],
    b: ["x y"],
    c: [""],
    "": ["e"],
    d: ["é="],
  });
  expect(valuesOf("")).toEqual({});
});

test("a malformed pair is left out, and said", () => {
  expect(parseQuery("a=%zz&b=1;c=2&d=1")).toEqual({ values: new Map([["d", ["1"]]]), malformed: true });
  expect(parseQuery("a=1").malformed).toBe(false);
});

test("escapes that are no UTF-8 become U+FFFD", () => {
  expect(valuesOf("a=%ffb")).toEqual({ a: ["\ufffdb"] });
});
