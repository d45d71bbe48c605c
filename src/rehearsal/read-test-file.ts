import { parseDurationMs } from "../lib/duration.ts";
import type { Finding, Path, PlacedFinding } from "../lib/finding.ts";
import { shape } from "../manifests/shape.ts";
import { readYaml } from "../manifests/yaml.ts";
import type { Place } from "../manifests/yaml-place.ts";
import { type TestFile, testFileSchema } from "./test-file.ts";

/** A test file, checked, with the places of everything in it. */
export interface ReadTestFile {
  readonly file: string;
  readonly tests: TestFile;
  at(path: Path): Place;
}

/**
 * Reads the text of a `*.test.yaml`. Findings have the place of what is wrong; a key that is not known is an error here:
 * an expectation that is misspelt would pass for ever.
 */
export function readTestFile(
  file: string,
  text: string,
): { readonly read?: ReadTestFile; readonly findings: readonly PlacedFinding[] } {
  const { documents, findings: faults } = readYaml(text);
  const [document, second] = documents;
  const findings: PlacedFinding[] = faults.map((fault) => ({ ...fault, path: [], file }));
  if (findings.length > 0) return { findings };
  if (document === undefined) return { findings: [missing(file, "the file is empty")] };
  if (second !== undefined) return { findings: [missing(file, "a test file is one document")] };
  findings.push(...document.findings.map((fault) => ({ ...fault, path: [], file })));
  const place = (finding: Finding): PlacedFinding => {
    const { line, column } = document.at(finding.path, { key: finding.key });
    return { ...finding, file, line, column };
  };
  const shaped = shape(testFileSchema, document.value, { path: [], unknown: () => ({ severity: "error" }) });
  findings.push(...shaped.findings.map(place));
  if (findings.some(({ severity }) => severity === "error")) return { findings };
  const tests = testFileSchema.parse(shaped.value);
  findings.push(...[...rulesOf(tests)].map(place));
  if (findings.some(({ severity }) => severity === "error")) return { findings };
  return { read: { file, tests, at: (path) => document.at(path) }, findings };
}

function missing(file: string, message: string): PlacedFinding {
  return { severity: "error", code: "TEST_INVALID", path: [], message, file, line: 1, column: 1 };
}

/** Rules across fields. */
function* rulesOf({ tests }: TestFile): Iterable<Finding> {
  for (const [at, test] of tests.entries()) {
    const path = ["tests", at];
    yield* timeRules(test.at, [...path, "at"], "time");
    yield* timeRules(test.until, [...path, "until"], "moment");
    for (const [index, given] of test.given.entries()) {
      const here = [...path, "given", index];
      yield* timeRules(given.at, [...here, "at"], "moment");
      const bodies = (["data", "dataFile", "event", "eventFile"] as const).filter((key) => given[key] !== undefined);
      if (bodies.length !== 1) {
        const message =
          bodies.length === 0 ? "the event has neither data nor event" : `${bodies.join(" and ")} exclude each other`;
        yield invalid(here, message, "Give one of data, dataFile, event and eventFile.");
      }
      if (given.source !== undefined && !/^[^/]+\/[^/]+$/.test(given.source))
        yield invalid(
          [...here, "source"],
          `source ${given.source} is not of the form EVENTSOURCE/EVENT`,
          "Write it as shop/order.",
        );
      if (given.source !== undefined && given.dependency !== undefined)
        yield invalid(here, "source and dependency exclude each other", "Keep one of them.");
    }
    for (const [index, one] of (test.expect.fires ?? []).entries())
      yield* timeRules(one.at, [...path, "expect", "fires", index, "at"], "moment");
    for (const [trigger, outcomes] of Object.entries(test.outcomes ?? {})) {
      for (const [index, outcome] of outcomes.entries()) {
        const here = [...path, "outcomes", trigger, index];
        if (outcome.error !== undefined && outcome.status !== undefined)
          yield invalid(here, "status and error exclude each other", "Keep one of them.");
        for (const key of ["retryAfter", "delay"] as const) {
          if (outcome[key] !== undefined && parseDurationMs(outcome[key]) === undefined)
            yield invalid([...here, key], `${key} is no duration`, "Write it as 30s.");
        }
      }
    }
  }
}

function* timeRules(text: string | undefined, path: Path, form: "time" | "moment"): Iterable<Finding> {
  if (text === undefined || momentMs(text, 0) !== undefined) {
    if (form === "moment" || !text?.startsWith("+")) return;
  }
  const also = form === "moment" ? " or +5s" : "";
  yield invalid(path, `${text} is no time`, `Write it as 2026-01-05T09:00:00Z${also}.`);
}

function invalid(path: Path, message: string, fix: string): Finding {
  return { severity: "error", code: "TEST_INVALID", path, message, fix };
}

/** `+5s` after `startMs`, or a time; Unix milliseconds. */
export function momentMs(text: string, startMs: number): number | undefined {
  if (text.startsWith("+")) {
    const ms = parseDurationMs(text.slice(1));
    return ms === undefined || ms < 0 ? undefined : startMs + ms;
  }
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
