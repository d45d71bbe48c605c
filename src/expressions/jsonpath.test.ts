import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpressionError } from "./fault.ts";
import { queryJsonPath } from "./jsonpath.ts";

const fails = Symbol("the peer fails");

const json = JSON.stringify({
  store: {
    book: [
      { category: "ref", title: "S", price: 8.95 },
      { category: "fic", title: "H", price: 12.99, isbn: "x" },
      { category: "fic", title: "M", price: 8, isbn: "y", on: true, nul: null },
    ],
    bicycle: { color: "red", price: 19.95 },
  },
  "k-x": { "a b": 1 },
  exp: 10,
  list: [1, 2, 3, 4, 5],
});

/** Every answer is that of evilmonkeyinc/jsonpath 0.8.1; its lengths are Go ints, here bigints. */
const peer: readonly (readonly [string, unknown])[] = [
  ["$.exp", 10],
  ["$['exp']", 10],
  ['$["exp"]', 10],
  ["$.k-x['a b']", 1],
  ["$.store.book[0].title", "S"],
  ["$.store.book[-1].title", "M"],
  ["$.store.book[9]", fails],
  ["$.zz", fails],
  ["$..zz['exp'a]", fails],
  ["$..zz['exp'==]", fails],
  ["$.store[?(@.tags[0] > 8.95))", fails],
  ["$.store.book[*].title", ["S", "H", "M"]],
  ["$.store.book[*].isbn", ["x", "y"]],
  ["$.store.*.color", ["red"]],
  ["$..price", [19.95, 8.95, 12.99, 8]],
  ["$..book[0].title", ["S"]],
  ["$..isbn", ["x", "y"]],
  ["$.list[1:3]", [2, 3]],
  ["$.list[-2:]", [4, 5]],
  ["$.list[::2]", [1, 3, 5]],
  ["$.list[::-1]", [5, 4, 3, 2, 1]],
  ["$.list[0,2,9]", [1, 3]],
  ["$.store.bicycle['color','zz']", ["red"]],
  ["$.list.length", 5n],
  ["$.list[(@.length-1)]", 5],
  ["$.store.book[?(@.price > 10)].title", ["H"]],
  ["$.store.book[?(@.price < 10 && @.category == 'fic')].title", ["M"]],
  ["$.store.book[?(@.isbn)].title", ["H", "M"]],
  ["$.store.book[?(@.on == true)].title", ["M"]],
  ["$.store.book[?(@.nul == null)].title", ["M"]],
  ["$.store.book[?(@.isbn == 'x' || @.price < 9)].title", ["H", "M"]],
  ["$.store.book[?(@.price > $.exp)].title", ["H"]],
  ["$.store.book[?(@.title =~ '^[SM]')].price", [8.95, 8]],
  ['$.store.book[?(@.title == "H")][0].price', 12.99],
  ["$.list[?(@ > 3)]", [4, 5]],
  ["exp", fails],
  ["$.", fails],
  ["$[", fails],
  ["$[a]", fails],
  ["$['a", fails],
  ["$.list[::0]", fails],
];

function outcome(path: string, text = json): unknown {
  try {
    return queryJsonPath(text, path);
  } catch (error) {
    if (error instanceof ExpressionError) return fails;
    throw error;
  }
}

test.each(peer)("%s is what the peer says", (path, expected) => {
  expect(outcome(path)).toEqual(expected);
});

test("the root is the whole document, of any kind", () => {
  expect(outcome("$", "[1]")).toEqual([1]);
  expect(outcome("$", '"x"')).toBe("x");
  expect(outcome("$", "{")).toBe(fails);
});

test("membership in a filter is unsupported, wrong syntax is invalid with a place", () => {
  const codeOf = (path: string): unknown => {
    try {
      return queryJsonPath(json, path);
    } catch (error) {
      return error instanceof ExpressionError ? error.code : error;
    }
  };
  expect(codeOf("$.list[?(@ in [1])]")).toBe("EXPRESSION_UNSUPPORTED");
  expect(codeOf("$.list[abc]")).toBe("EXPRESSION_INVALID");
  expect(codeOf("$.zz")).toBe("EXPRESSION_FAILED");
});

test("only own keys are found", () => {
  expect(outcome("$.constructor", "{}")).toBe(fails);
  expect(outcome("$.__proto__.a", '{"__proto__": {"a": 1}}')).toBe(1);
});

test("a filter whose names hold an operator's word still reads the name", () => {
  expect(outcome("$[?(@.index == 1)].index", '[{"index": 1}, {"index": 2}]')).toEqual([1]);
});

test("what multiplies or nests without end fails", () => {
  const wide = JSON.stringify(Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => [1, 2, 3])));
  expect(outcome("$..*..*..*", wide)).toBe(fails);
  expect(outcome("$..a", `${"[".repeat(5000)}${"]".repeat(5000)}`)).toBe(fails);
  expect(outcome(`$${"[?(@".repeat(100)}`)).toBe(fails);
  expect(outcome(`$[?(${"(".repeat(3000)}`)).toBe(fails);
});

test("no path makes anything but a value or an ExpressionError", () => {
  const parts = fc.constantFrom(..."$@.[]()?*:,'\"01-+=<>!&| \\a", "..", ".list", "[?(@", "length", "é");
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 20 }), (signs) => void outcome(`$${signs.join("")}`)),
    { numRuns: 2000 },
  );
});
