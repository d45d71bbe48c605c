import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readYaml } from "./yaml.ts";
import type { PlaceOptions } from "./yaml-place.ts";

function valueIn(text: string): unknown {
  return readYaml(text).documents[0]?.value;
}

function findingsOf(text: string) {
  const { documents, findings } = readYaml(text);
  return [...findings, ...documents.flatMap((document) => document.findings)];
}

function placeIn(text: string, path: (string | number)[], options?: PlaceOptions): string {
  const place = readYaml(text).documents[0]?.at(path, options);
  return `${place?.line}:${place?.column}`;
}

describe("values are what Kubernetes makes of them", () => {
  // Each answer is that of sigs.k8s.io/yaml 1.4.
  test.each([
    ["y", true],
    ["Yes", true],
    ["on", true],
    ["n", false],
    ["NO", false],
    ["Off", false],
    ["True", true],
    ["017", 15],
    ["-017", -15],
    ["0o17", 15],
    ["08", 8],
    ["0b11", 3],
    ["0x1F", 31],
    ["1_000", 1000],
    ["1e3", 1000],
    ["0.1e400", "0.1e400"],
    ["~", null],
    ["Null", null],
    ["2001-01-01", "2001-01-01"],
    ["12:30:45", "12:30:45"],
    ["+5", 5],
    [".5", 0.5],
    ["1e", "1e"],
    ["=", "="],
    ["'yes'", "yes"],
    ["!!str yes", "yes"],
    ["!!binary aGk=", "hi"],
  ])("%s", (written, meant) => {
    expect(valueIn(`k: ${written}`)).toEqual({ k: meant });
  });

  test("an unquoted yes is warned of, a quoted one is not", () => {
    expect(findingsOf("a: yes\nb: 'yes'\nc: true")).toMatchObject([
      { severity: "warning", code: "YAML_AMBIGUOUS", line: 1, column: 4 },
    ]);
    expect(findingsOf("on: x")).toMatchObject([{ code: "YAML_AMBIGUOUS", line: 1, column: 1 }]);
  });

  test("merge keys fill in what a map does not have itself", () => {
    expect(valueIn("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n")).toEqual({ a: { x: 1, y: 2 }, b: { x: 1, y: 3 } });
    expect(valueIn("a: &a {x: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b]}")).toMatchObject({ c: { x: 1, z: 2 } });
  });

  test("__proto__ is a key like any other", () => {
    const value = valueIn("__proto__: {polluted: true}\nconstructor: 1\n<<: {toString: 2}") as object;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("what JSON writes is read as it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const { documents, findings } = readYaml(JSON.stringify(value));
        expect(findings).toEqual([]);
        expect(JSON.stringify(documents[0]?.value ?? null)).toBe(JSON.stringify(value));
      }),
      { numRuns: 300 },
    );
  });
});

describe("bad text is a finding with its place", () => {
  test("several faults of several documents are told at once, and the others are read", () => {
    const { documents, findings } = readYaml("a: 1\n---\nb: [\n---\nc: 3\n---\nd: e: f\n");
    expect(documents.filter(({ broken }) => !broken).map(({ value }) => value)).toEqual([{ a: 1 }, { c: 3 }]);
    expect(findings.map(({ code, line }) => [code, line])).toEqual([
      ["YAML_INVALID", 4],
      ["YAML_INVALID", 7],
    ]);
  });

  test.each([
    ["a: 1\nb: 2\na: 3\n", "YAML_DUPLICATE_KEY", "3:1"],
    ["a: *nowhere\n", "YAML_ALIAS", "1:4"],
    ["a: &a [1, *a]\n", "YAML_ALIAS", "1:11"],
    ["a: .inf\n", "YAML_INVALID", "1:4"],
    ["? [a]\n: 1\n", "YAML_INVALID", "1:3"],
    ["a:\n\tb: 1\n", "YAML_INVALID", "2:1"],
    ["a: 'open\n", "YAML_INVALID", "2:1"],
  ])("%j", (text, code, place) => {
    const found = findingsOf(text).filter(({ severity }) => severity === "error");
    expect(found.map((finding) => [finding.code, `${finding.line}:${finding.column}`])).toContainEqual([code, place]);
  });

  test("an alias bomb is refused", () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}x]`);
    const text = `l0: &l0 [x]\n${levels.join("\n")}\n`;
    expect(findingsOf(text).map(({ code }) => code)).toContain("YAML_ALIAS");
    expect(JSON.stringify(valueIn(text)).length).toBeLessThan(2_000_000);
  });

  test("aliases cannot nest deeper than the text may", () => {
    const text = Array.from({ length: 300 }, (_, i) => `l${i}: &l${i} [${i === 0 ? "x" : `*l${i - 1}`}]`).join("\n");
    expect(findingsOf(text).map(({ code }) => code)).toContain("YAML_TOO_DEEP");
  });

  test.each([
    ["[", 50_000],
    ["- ", 50_000],
    ["{a: ", 20_000],
    ["? ", 20_000],
    [": ", 20_000],
  ])("endless nesting of %j is refused, not followed", (piece, times) => {
    expect(findingsOf(piece.repeat(times)).map(({ code }) => code)).toContain("YAML_TOO_DEEP");
  });

  test("a map of a hundred thousand keys is read in linear time", () => {
    const half = keysOf(25_000);
    const whole = keysOf(100_000);
    readYaml(half);
    const small = timed(() => readYaml(half));
    const large = timed(() => readYaml(whole));
    // Four times the keys: 4 when linear, 16 when quadratic.
    expect(large / small).toBeLessThan(10);
  });

  test("no text makes reading throw", () => {
    const piece = fc.constantFrom(
      "a",
      ": ",
      "- ",
      "\n",
      "  ",
      "&x ",
      "*x",
      "<<: ",
      "|\n",
      ">-\n",
      "'",
      '"',
      "{",
      "}",
      "[",
    );
    const soup = fc.array(
      fc.oneof(piece, fc.constantFrom("]", ",", "? ", "!t ", "%", "---\n", "...\n", "#", "\t", "\\")),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((pieces) => pieces.join("")),
          fc.string({ unit: "binary" }),
        ),
        (text) => {
          for (const document of readYaml(text).documents) {
            JSON.stringify(document.value);
            document.at(["a", 0, "b"], { offset: 3 });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("a path leads to its place", () => {
  const text = "spec:\n  list:\n    - name: a\n      port: 12\n  empty:\n  merged: &m {x: 1}\n  with:\n    <<: *m\n";

  test.each([
    [["spec", "list", 0, "port"], {}, "4:13"],
    [["spec", "list", 0, "port"], { key: true }, "4:7"],
    [["spec", "list", 0], {}, "3:7"],
    [["spec", "list"], {}, "2:3"],
    [["spec", "list", 0, "absent"], {}, "3:7"],
    [["spec", "empty"], {}, "5:3"],
    [["spec", "empty", "deeper"], {}, "5:3"],
    [["spec", "with", "x"], {}, "6:18"],
    [["nowhere"], {}, "1:1"],
    [[], {}, "1:1"],
  ])("%j %j", (path, options, place) => {
    expect(placeIn(text, path, options)).toBe(place);
  });

  test.each([
    ["k: a == b", 2, "1:6"],
    ["k: 'it''s x'", 5, "1:11"],
    ['k: "a\\nb \\u00e9x"', 5, "1:16"],
    ['k: "\\U0001F600x"', 2, "1:15"],
    ["k: |\n  first\n  second\n", 8, "3:5"],
    ["k: |\n\n  first\n\n  second\n", 8, "5:3"],
    ["k: >-\n  folded\n  text here\n", 12, "3:8"],
    ["k: |2\n    indented\n", 2, "2:5"],
    ["k: plain over\n  two lines", 12, "1:4"],
    ["k: short", 99, "1:9"],
  ])("an offset in %j", (written, offset, place) => {
    expect(placeIn(written, ["k"], { offset })).toBe(place);
  });
});

function keysOf(count: number): string {
  return Array.from({ length: count }, (_, i) => `k${i}: v\n`).join("");
}

function timed(run: () => unknown): number {
  // The best of three: what else the machine does only ever adds.
  const times = [1, 2, 3].map(() => {
    const before = performance.now();
    run();
    return performance.now() - before;
  });
  return Math.min(...times);
}
