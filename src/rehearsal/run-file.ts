import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isTide, messageOf } from "../lib/errors.ts";
import type { Path, PlacedFinding } from "../lib/finding.ts";
import { readFiles } from "../manifests/files.ts";
import type { ReadOptions } from "../manifests/lists.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { ManifestText } from "../manifests/objects.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists, withTemplateEnv } from "../manifests/read.ts";
import type { FindingJson } from "../manifests/render.ts";
import { describedTriggers } from "../manifests/types/trigger-types.ts";
import { triggers } from "../triggers/index.ts";
import type { Coverage } from "./coverage.ts";
import type { DoublesParts } from "./doubles.ts";
import { checkExpectations, unknownTriggers } from "./expect.ts";
import { type Performance, perform } from "./perform.ts";
import { type ReadTestFile, readTestFile } from "./read-test-file.ts";
import type { TestCase } from "./test-file.ts";

export interface TestFailure {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface TestResult {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly passed: boolean;
  readonly failures: readonly TestFailure[];
  /** Of real time. */
  readonly tookMs: number;
}

/** What `tidemill test -o json` writes. */
export interface TestAnswer {
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly TestResult[];
  /** Why files could not be run. */
  readonly invalid: readonly FindingJson[];
  /** Only with `--coverage`. */
  readonly coverage?: Coverage;
}

/** What a file came to: the results of its tests, or why it cannot be run. */
export interface FileResult {
  readonly file: string;
  readonly results: readonly TestResult[];
  readonly findings: readonly PlacedFinding[];
  readonly texts: readonly ManifestText[];
}

export interface Watcher {
  /** Each test as it ends. */
  ended(result: TestResult): void;
  /** What was seen in it. */
  performed(sensors: Manifests["sensors"], performance: Performance): void;
}

const types: DoublesParts["types"] = [
  ...triggers,
  ...describedTriggers.filter(({ kind }) => !triggers.some((one) => one.kind === kind)),
];

/** Runs the tests of one file, one after the other. */
export async function runTestFile(
  file: string,
  watcher: Watcher,
  { templateEnv }: Pick<ReadOptions, "templateEnv"> = {},
): Promise<FileResult> {
  const none = { file, results: [], texts: [] };
  const text = await readFile(file, "utf8").catch((cause: unknown) => cause);
  if (typeof text !== "string")
    return { ...none, findings: [invalid({ file, line: 1, column: 1 }, `it cannot be read: ${messageOf(text)}`)] };
  const { read, findings } = readTestFile(file, text);
  if (read === undefined) return { ...none, findings };
  const { texts, findings: unread } = await manifestsOf(read);
  const planned = planTexts(texts, withTemplateEnv(lists, templateEnv));
  const broken = [...unread, ...planned.findings].filter(({ severity }) => severity === "error");
  if (broken.length > 0) return { ...none, findings: broken };
  const manifests: Manifests = { ...planned, files: texts.map((one) => one.file) };
  const wrong = read.tests.tests.flatMap((test, index) => wrongNames(read, { test, index }, manifests));
  if (wrong.length > 0) return { ...none, findings: wrong };
  const results: TestResult[] = [];
  for (const [index, test] of read.tests.tests.entries()) {
    const result = await runTest({ read, test, index, manifests: chosen(manifests, sensorOf(read, test)), watcher });
    results.push(result);
    watcher.ended(result);
  }
  return { file, results, findings: [], texts };
}

/** What the file names; unless it does, what stands beside it, and not what stands below. */
async function manifestsOf({ file, tests }: ReadTestFile): ReturnType<typeof readFiles> {
  const folder = dirname(file);
  if (tests.manifests !== undefined) return readFiles(tests.manifests.map((path) => join(folder, path)));
  const { texts, findings } = await readFiles([folder]);
  const isBeside = (one: { readonly file: string }): boolean => resolve(dirname(one.file)) === resolve(folder);
  return { texts: texts.filter(isBeside), findings: findings.filter(isBeside) };
}

interface OneTest {
  readonly read: ReadTestFile;
  readonly test: TestCase;
  readonly index: number;
  readonly manifests: Manifests;
  readonly watcher: Watcher;
}

async function runTest({ read, test, index, manifests, watcher }: OneTest): Promise<TestResult> {
  const startedMs = performance.now();
  const placed = (path: Path, message: string): TestFailure => ({ file: read.file, ...read.at(path), message });
  const base = ["tests", index];
  const end = (failures: readonly TestFailure[]): TestResult => ({
    file: read.file,
    line: read.at([...base, "name"]).line,
    name: test.name,
    passed: failures.length === 0,
    failures,
    tookMs: Math.round(performance.now() - startedMs),
  });
  try {
    const happened = await perform({ test, manifests, folder: resolve(dirname(read.file)), types });
    watcher.performed(manifests.sensors, happened);
    return end(
      checkExpectations(test, happened).map(({ path, message }) => placed([...base, "expect", ...path], message)),
    );
  } catch (error) {
    if (!isTide(error, "TEST_INVALID") && !isTide(error, "EVENT_INVALID")) throw error;
    return end([placed([...base, "given"], error.message)]);
  }
}

function sensorOf({ tests }: ReadTestFile, test: TestCase): string | undefined {
  return test.sensor ?? tests.sensor;
}

function chosen(manifests: Manifests, sensor: string | undefined): Manifests {
  return sensor === undefined
    ? manifests
    : { ...manifests, sensors: manifests.sensors.filter(({ name }) => name === sensor) };
}

/** Names in a test that the manifests do not have. */
function wrongNames(
  read: ReadTestFile,
  { test, index }: { readonly test: TestCase; readonly index: number },
  manifests: Manifests,
): readonly PlacedFinding[] {
  const base = ["tests", index];
  const { sensors } = chosen(manifests, sensorOf(read, test));
  if (sensors.length === 0) {
    const names = manifests.sensors.map(({ name }) => name).join(", ");
    const path = test.sensor === undefined ? ["sensor"] : [...base, "sensor"];
    const sensor = sensorOf(read, test);
    const message =
      sensor === undefined
        ? "the manifests have no Sensor"
        : `there is no sensor ${sensor}; there is ${names || "none"}`;
    return [invalid({ file: read.file, ...read.at(path) }, message)];
  }
  return unknownTriggers(test, sensors).map(({ path, message }) =>
    invalid({ file: read.file, ...read.at([...base, ...path]) }, message),
  );
}

function invalid(at: Pick<PlacedFinding, "file" | "line" | "column">, message: string): PlacedFinding {
  return { severity: "error", code: "TEST_INVALID", path: [], message, ...at };
}
