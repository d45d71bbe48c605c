import type { Coverage, CoveredFilter } from "../rehearsal/coverage.ts";
import type { TestAnswer, TestResult } from "../rehearsal/run-file.ts";
import { mark } from "./clauses.ts";
import { type Io, printable } from "./io.ts";

export function tellTest({ name, passed, failures, tookMs }: TestResult, io: Io): string {
  const lines = [
    `  ${mark(passed, io)} ${printable(name)}  ${io.paint("dim", `${tookMs} ms`)}`,
    ...failures.flatMap(({ file, line, column, message }) => [
      `      ${io.paint("cyan", `${file}:${line}:${column}`)}`,
      `      ${printable(message)}`,
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

export function tellSum({ passed, failed, invalid }: TestAnswer): string {
  const unread = new Set(invalid.map(({ file }) => file)).size;
  const more = unread === 0 ? "" : `, ${unread} ${unread === 1 ? "file" : "files"} not run`;
  const count = passed + failed;
  return `${count} ${count === 1 ? "test" : "tests"}: ${passed} passed, ${failed} failed${more}\n`;
}

export function tellCoverage({ covered, filters }: Coverage, io: Io): string {
  const lines = filters
    .filter(({ seen }) => !(seen.passed && seen.filtered))
    .map((one) => {
      const place = io.paint("cyan", `${one.file}:${one.line}:${one.column}`);
      return `  ${place}  ${one.sensor}/${one.dependency} ${one.kind}[${one.index}]  ${lacks(one)}\n`;
    });
  return `${covered} of ${filters.length} filters were seen to pass and to refuse\n${lines.join("")}`;
}

function lacks({ seen }: CoveredFilter): string {
  if (!seen.passed && !seen.filtered) return "never asked";
  return seen.passed ? "never refused" : "never passed";
}

/** JUnit XML, as CI systems read it: a suite for each file. */
export function junit({ tests, invalid }: TestAnswer): string {
  const byFile = Map.groupBy(tests, ({ file }) => file);
  const suites = [...byFile].map(([file, results]) => {
    const cases = results.map((one) => testCase(one)).join("");
    const failed = results.filter(({ passed }) => !passed).length;
    const took = seconds(results.reduce((sum, { tookMs }) => sum + tookMs, 0));
    return `  <testsuite name="${xml(file)}" tests="${results.length}" failures="${failed}" errors="0" time="${took}">\n${cases}  </testsuite>\n`;
  });
  const unread = [...Map.groupBy(invalid, ({ file }) => file)].map(([file, findings]) => {
    const errors = findings.map(
      ({ line, column, code, message }) =>
        `      <error message="${xml(`${file}:${line}:${column} ${message}`)}" type="${xml(code)}"/>\n`,
    );
    return `  <testsuite name="${xml(file)}" tests="1" failures="0" errors="1" time="0">\n    <testcase name="can be run" classname="${xml(file)}">\n${errors.join("")}    </testcase>\n  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("")}${unread.join("")}</testsuites>\n`;
}

function testCase({ name, file, line, failures, tookMs }: TestResult): string {
  const head = `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${line}" time="${seconds(tookMs)}"`;
  if (failures.length === 0) return `${head}/>\n`;
  const rows = failures.map((one) => {
    const place = `${one.file}:${one.line}:${one.column}`;
    return `      <failure message="${xml(one.message)}" type="expectation">${xml(`${place}\n${one.message}`)}</failure>\n`;
  });
  return `${head}>\n${rows.join("")}    </testcase>\n`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** Text for XML 1.0: what it has no place for becomes U+FFFD. */
function xml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are not allowed
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
