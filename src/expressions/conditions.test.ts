import fc from "fast-check";
import { expect, test } from "vitest";
import { type ConditionNode, parseConditions } from "./conditions.ts";
import { ExpressionError } from "./fault.ts";

function faultOf(text: string | undefined, names: readonly string[]): ExpressionError {
  try {
    parseConditions(text, names);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
  }
  throw new Error(`${text} did not fail`);
}

function firesOn(text: string | undefined, names: readonly string[], ...have: string[]): boolean {
  return parseConditions(text, names).satisfied((name) => have.includes(name));
}

test("no conditions mean all dependencies", () => {
  for (const text of [undefined, "", "  "]) {
    const conditions = parseConditions(text, ["a", "b-c", "d.e"]);
    expect(conditions).toMatchObject({ text: "a && b-c && d.e", names: ["a", "b-c", "d.e"], needsState: true });
    expect(firesOn(text, ["a", "b"], "a")).toBe(false);
    expect(firesOn(text, ["a", "b"], "a", "b")).toBe(true);
  }
  expect(parseConditions("", ["only"])).toMatchObject({ needsState: false, names: ["only"] });
});

test("&& binds tighter than ||, parentheses first", () => {
  expect(firesOn("a || b && c", ["a", "b", "c"], "a")).toBe(true);
  expect(firesOn("(a || b) && c", ["a", "b", "c"], "a")).toBe(false);
  expect(firesOn("(a||b)&&c", ["a", "b", "c"], "b", "c")).toBe(true);
});

test("only an && needs state, and only the names that occur concern the trigger", () => {
  expect(parseConditions("b || (a)", ["a", "b", "c"])).toMatchObject({ needsState: false, names: ["b", "a"] });
  expect(parseConditions("a || (b && a)", ["a", "b", "c"])).toMatchObject({ needsState: true, names: ["a", "b"] });
});

test("any dependency name works, the longest first", () => {
  const names = ["a.b", "1st", "in", "true", "test dep", "test", "and", "x-y", "x_y", "é/ü", "a&b"];
  const text = "a.b && 1st && in && true && test dep && test && and && x-y && x_y && é/ü && a&b";
  expect(parseConditions(text, names).names).toEqual([
    "a.b",
    "1st",
    "in",
    "true",
    "test dep",
    "test",
    "and",
    "x-y",
    "x_y",
    "é/ü",
    "a&b",
  ]);
});

test("names that differ by - and _ are two, but _ may stand for - where only one can be meant", () => {
  expect(firesOn("x-y && x_y", ["x-y", "x_y"], "x-y")).toBe(false);
  expect(parseConditions("test_dep", ["test-dep"]).names).toEqual(["test-dep"]);
  expect(faultOf("x-y_z", ["x_y_z", "x-y-z"]).code).toBe("EXPRESSION_INVALID");
});

test("an unknown name is an error with a place and what was probably meant", () => {
  const fault = faultOf("orders && paymnets", ["orders", "payments"]);
  expect(fault).toMatchObject({ code: "EXPRESSION_INVALID", position: 10 });
  expect(fault.message).toContain('did you mean "payments"?');
});

test.each([
  ["a and b", 2, '"&&"'],
  ["a OR b", 2, '"||"'],
  ["a & b", 2, '"&&"'],
  ["!a", 0, 'no "not"'],
  ["not a", 0, 'no "not"'],
  ["a, b", 1, '"&&" or "||"'],
  ["a b", 2, "missing before"],
  ["a &&", 4, "missing before the end"],
  ["(a && b", 7, '")" is missing'],
  ["a)", 1, "missing before"],
  ["()", 1, "missing before"],
  ["&& a", 0, "missing before"],
])("%s is refused at %i and says %s", (text, position, message) => {
  const fault = faultOf(text, ["a", "b"]);
  expect(fault).toMatchObject({ code: "EXPRESSION_INVALID", position });
  expect(fault.message).toContain(message);
});

test("no dependencies and no conditions are an error", () => {
  expect(faultOf(undefined, []).code).toBe("EXPRESSION_INVALID");
});

test("hundreds of dependencies and deep parentheses do not exhaust the stack", () => {
  const names = Array.from({ length: 1500 }, (_, index) => `d${index}`);
  expect(parseConditions(undefined, names).satisfied(() => true)).toBe(true);
  expect(parseConditions(names.join(" && "), names).names).toEqual(names);
  expect(faultOf("(".repeat(3000), ["a"]).code).toBe("EXPRESSION_INVALID");
});

const names = ["a", "b-c", "d.e"];
const tree: fc.Arbitrary<ConditionNode> = fc.letrec<{ node: ConditionNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...names).map((name): ConditionNode => ({ kind: "dependency", name })),
    fc.record({ kind: fc.constantFrom("and" as const, "or" as const), left: tie("node"), right: tie("node") }),
  ),
})).node;

function print(node: ConditionNode): string {
  if (node.kind === "dependency") return node.name;
  return `(${print(node.left)}${node.kind === "and" ? "&&" : " || "}${print(node.right)})`;
}

test("a printed tree is read as the same tree", () => {
  fc.assert(
    fc.property(tree, (node) => {
      expect(parseConditions(print(node), names).tree).toEqual(node);
    }),
  );
});
