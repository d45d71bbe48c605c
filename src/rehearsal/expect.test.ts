import { expect, test } from "vitest";
import { differenceOf } from "./expect.ts";

test("a map holds what is expected and may hold more, also in the JSON of a text; a list is equal item by item", () => {
  const actual = { method: "POST", body: '{"a":{"b":[1,{"c":2,"d":3}]},"e":null}', list: [1, 2] };
  const same: readonly unknown[] = [
    {},
    { method: "POST" },
    { body: { a: { b: [1, { c: 2 }] } } },
    { body: { e: null } },
    { body: '{"a":{"b":[1,{"c":2,"d":3}]},"e":null}' },
    { list: [1, 2] },
  ];
  for (const expected of same) expect(differenceOf(expected, actual), JSON.stringify(expected)).toBeUndefined();
  const different: readonly (readonly [unknown, string])[] = [
    [{ method: "GET" }, 'method is "POST", wanted "GET"'],
    [{ body: { a: { b: [1, { c: 3 }] } } }, "body.a.b[1].c is 2, wanted 3"],
    [{ body: { a: { b: [1] } } }, "body.a.b has 2 items, wanted 1"],
    [{ body: { x: 1 } }, "body.x is not there, wanted 1"],
    [{ body: [1] }, "wanted a list"],
    [{ method: { a: 1 } }, 'method is "POST", wanted {"a":1}'],
    [{ list: [2, 1] }, "list[0] is 1, wanted 2"],
    [{ toString: 1 }, "toString is not there, wanted 1"],
    [{ method: null }, 'method is "POST", wanted null'],
    ["x", "it is {"],
  ];
  for (const [expected, said] of different) expect(differenceOf(expected, actual)).toContain(said);
});
