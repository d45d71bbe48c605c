import { watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, TideError } from "../lib/errors.ts";
import { findingJson } from "../manifests/render.ts";
import { createCoverage } from "../rehearsal/coverage.ts";
import { type FileResult, runTestFile, type TestAnswer, type Watcher } from "../rehearsal/run-file.ts";
import { sayFindings } from "./findings.ts";
import { type Io, json } from "./io.ts";
import { templateEnv } from "./options.ts";
import { junit, tellCoverage, tellSum, tellTest } from "./tell-tests.ts";
import type { TestOptions } from "./test.ts";
import { exit } from "./verb.ts";

/** Runs every test file that `path` names; answers the exit code. */
export async function runTests(path: string, options: TestOptions, io: Io): Promise<number> {
  const files = await testFiles(path);
  if (files.length === 0) throw new TideError("NOTHING_TO_RUN", `${path}: there is no *.test.yaml here or below`);
  const coverage = createCoverage();
  const ran: FileResult[] = [];
  const human = options.output === "human";
  for (const file of files) {
    if (human) io.out(`${io.paint("bold", file)}\n`);
    const watcher: Watcher = {
      ended: (one) => human && io.out(tellTest(one, io)),
      performed: (sensors, { events }) => coverage.add(sensors, events),
    };
    const result = await runTestFile(file, watcher, templateEnv(options.templateEnv, io.env));
    ran.push(result);
    if (result.findings.length > 0) io.err(await sayFindings(result.findings, io.paintErr("red", "x") !== "x"));
  }
  const tests = ran.flatMap(({ results }) => results);
  const counted = options.coverage === true ? coverage.result(ran.flatMap(({ texts }) => texts)) : undefined;
  const answer: TestAnswer = {
    passed: tests.filter(({ passed }) => passed).length,
    failed: tests.filter(({ passed }) => !passed).length,
    tests,
    invalid: ran.flatMap(({ findings }) => findings.map(findingJson)),
    ...(counted === undefined ? {} : { coverage: counted }),
  };
  if (options.output === "json") io.out(json(answer));
  else if (options.output === "junit") io.out(junit(answer));
  else io.out(`${tellSum(answer)}${counted === undefined ? "" : tellCoverage(counted, io)}`);
  if (answer.invalid.length > 0) return exit.usage;
  return answer.failed > 0 ? exit.bad : exit.ok;
}

/** Editors write a file in several steps: they are one change. */
const settleMs = 150;

/** Again at each change of a YAML or JSON file, until a signal ends it; answers the last exit code. */
export async function watchTests(path: string, options: TestOptions, io: Io): Promise<number> {
  const ended = Promise.withResolvers<"ended">();
  const end = (): void => ended.resolve("ended");
  process.once("SIGINT", end).once("SIGTERM", end);
  const folder = (await stat(path).catch(notThere(path))).isDirectory() ? path : dirname(path);
  let changed = Promise.withResolvers<"changed">();
  const watcher = watch(folder, { recursive: true }, (_, name) => {
    if (name === null || /\.(ya?ml|json)$/i.test(name)) changed.resolve("changed");
  });
  try {
    for (;;) {
      const code = await runTests(path, options, io);
      io.err("watching for changes; Ctrl-C ends\n");
      if ((await Promise.race([changed.promise, ended.promise])) === "ended") return code;
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      changed = Promise.withResolvers();
    }
  } finally {
    watcher.close();
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

function notThere(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new TideError(
      "FILE_UNREADABLE",
      `${path}: ${codeOf(cause) === "ENOENT" ? "there is no such file or folder" : (codeOf(cause) ?? "it cannot be read")}`,
    );
  };
}

async function testFiles(path: string): Promise<readonly string[]> {
  const there = await stat(path).catch(notThere(path));
  if (!there.isDirectory()) return [path];
  const files: string[] = [];
  const folders = [path];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory()) folders.push(join(next, entry.name));
      else if (/\.test\.ya?ml$/i.test(entry.name)) files.push(join(next, entry.name));
    }
  }
  return files.sort();
}
