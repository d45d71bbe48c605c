import { expect, test } from "vitest";
import { compileFilter } from "./compile-filter.ts";

const nowMs = Date.parse("2024-03-05T10:00:00.500Z");
const data = {
  headers: { "X-Event": ["push"] },
  body: { repo: "tide/mill", n: 3, at: "2024-03-05T09:59:00Z", tags: ["a", "b"] },
  "user-agent": "curl",
};
const passes = (expression: string, given: unknown = data): boolean =>
  compileFilter(expression)(new TextEncoder().encode(JSON.stringify(given)), nowMs);

test.each([
  ["body.n == 3", true],
  ['user_agent == "curl"', true],
  ['sprig.hasPrefix("tide/", body.repo)', true],
  ['"push" in headers["X-Event"] and sprig.upper(body.repo) == "TIDE/MILL"', true],
  ["sprig.add(body.n, 1) == 4", true],
  ['sprig.trunc(4, body.repo) == "tide"', true],
  ['sprig.join("-", body.tags) == "a-b"', true],
  ['sprig.splitList("/", body.repo)[1] == "mill"', true],
  ["len(sprig.keys(body)) == 4", true],
  ['sprig.get(body, "repo") == body.repo', true],
  ['sprig.dig("x", "y", "none", body) == "none"', true],
  ['sprig.semverCompare(">=1.2", "1.3.0")', true],
  ["toJson(sprig.list(1, body.n, 'x')) == '[1,3,\"x\"]'", true],
  ['sprig.kindOf(body.n) == "float64" and sprig.kindOf(1) == "int"', true],
  ["now().Year() == 2024", true],
  ['(now() - date(body.at)).Seconds() == 60.5 ? true : now() - date(body.at) < duration("2m")', true],
  ['sprig.date("2006-01-02 15:04", now()) == "2024-03-05 10:00"', true],
  ['sprig.unixEpoch(sprig.now()) == "1709632800"', true],
  ['sprig.htmlDate(sprig.toDate("2006", "2020")) == "2020-01-01"', true],
])("%s is %s", (expression, expected) => {
  expect(passes(expression)).toBe(expected);
});

test.each([
  // expr calls by reflection: an argument must have the very type, and the data's numbers are float64.
  ["sprig.trunc(body.n, body.repo) == ''", "sprig.trunc: a float64 cannot be the int that is wanted"],
  ["sprig.upper(body.n) == ''", "sprig.upper: a float64 cannot be the string that is wanted"],
  ["sprig.upper(body.none) == ''", "sprig.upper: nil cannot be the string that is wanted"],
  ["sprig.upper() == ''", "sprig.upper takes 1 argument, not 0"],
  ["sprig.upper('a', 'b') == ''", "sprig.upper takes 1 argument, not 2"],
  ["sprig.fail('no') == ''", "sprig.fail: no"],
  ["sprig.keys(body.tags) == []", "sprig.keys: a []interface {} cannot be the map[string]interface {} that is wanted"],
  ["sprig.repeat(100000000, 'x') == ''", "sprig.repeat: the step budget is used up"],
  ["sprig.upper('x')", "the result is not a bool but a string: X"],
])("%s fails as an error with the reason", (expression, message) => {
  expect(() => passes(expression)).toThrow(expect.objectContaining({ code: "EXPRESSION_FAILED", message }));
});

test.each([
  ["sprig.uper('x') == 'X'", "EXPRESSION_INVALID", "there is no function sprig.uper; did you mean sprig.upper?"],
  ["sprig.env('HOME') == ''", "EXPRESSION_UNSUPPORTED", "sprig.env is not available in filters"],
  ["sprig.genCA('x', 1) == 1", "EXPRESSION_UNSUPPORTED", "sprig.genCA is not available in filters"],
  ["sprig.semver('1.2.3').Major() == 1", "EXPRESSION_UNSUPPORTED", "sprig.semver is not available in filters"],
])("%s is refused at load", (expression, code, message) => {
  expect(() => compileFilter(expression)).toThrow(expect.objectContaining({ code, message }));
});

test("data that are no JSON object are an error", () => {
  const filter = compileFilter("true");
  expect(() => filter(new TextEncoder().encode("{"), nowMs)).toThrow("the event's data is no JSON");
  expect(() => filter(new TextEncoder().encode("[1]"), nowMs)).toThrow("the data of the event is not a JSON object");
});

test("the same data at the same time give the same verdict, also where chance decides", () => {
  const filter = compileFilter("sprig.randInt(0, 1000) < 500");
  const verdicts = Array.from({ length: 64 }, (_, n) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ n }));
    expect(filter(bytes, nowMs)).toBe(filter(bytes, nowMs + 1));
    return filter(bytes, nowMs);
  });
  expect(new Set(verdicts).size).toBe(2);
});

test("a function that changes a map does not change the event", () => {
  const given = { m: { a: 1 } };
  expect(passes('sprig.set(m, "b", 2).b == 2 and m.b == nil', given)).toBe(true);
  expect(passes('sprig.set(m, "__proto__", m).a == 1', given)).toBe(true);
  expect(Reflect.get({}, "a")).toBeUndefined();
});
