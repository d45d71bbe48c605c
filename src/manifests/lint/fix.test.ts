import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planTexts } from "../plan.ts";
import { lists } from "../read.ts";
import { fixText } from "./fix.ts";
import { fixFiles } from "./fix-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-fix-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The text after `--fix`, which a second time leaves as it is. */
async function fixed(text: string): Promise<string> {
  const file = join(folder, "m.yaml");
  await writeFile(file, text);
  await fixFiles([file]);
  const after = await readFile(file, "utf8");
  expect(await fixFiles([file])).toEqual({ changes: [] });
  expect(await readFile(file, "utf8")).toBe(after);
  return after;
}

const head = (kind: string) =>
  `# kept\napiVersion: argoproj.io/v1alpha1\nkind: ${kind}\nmetadata:\n  name: x # kept too\nspec:\n`;
const source = (lines: string) =>
  `${head("EventSource")}  webhook:\n    e:\n      endpoint: /e\n      method: POST\n${lines}`;
const sensor = (dependency: string, trigger: string) =>
  `${head("Sensor")}  dependencies:\n    - name: a\n      eventSourceName: es\n      eventName: e\n${dependency}  triggers:\n${trigger}`;
const log = "    - template:\n        name: t\n        log: {}\n";

test.each([
  [
    "a misspelt key",
    source("      port: '1'\n      maxPaylodSize: 5   # why\n"),
    source("      port: '1'\n      maxPayloadSize: 5   # why\n"),
  ],
  ["a number that must be text", source("      port: 12000 # !\n"), source('      port: "12000" # !\n')],
  [
    "a text that must be a number",
    source("      port: '1'\n      maxPayloadSize: \"5\"\n"),
    source("      port: '1'\n      maxPayloadSize: 5\n"),
  ],
  ["a method", source("      port: '1'\n").replace("POST", "'post'"), source("      port: '1'\n")],
  [
    "yes as a text",
    source("      port: '1'\n      metadata:\n        a: yes\n"),
    source("      port: '1'\n      metadata:\n        a: \"yes\"\n"),
  ],
  ["an old boolean", sensor("", `${log}      atLeastOnce: on\n`), sensor("", `${log}      atLeastOnce: true\n`)],
  ["a quoted boolean", sensor("", `${log}      atLeastOnce: 'True'\n`), sensor("", `${log}      atLeastOnce: true\n`)],
  [
    "a quoted factor",
    sensor("", `${log}      retryStrategy: {factor: "2", steps: 3}\n`),
    sensor("", `${log}      retryStrategy: {factor: 2, steps: 3}\n`),
  ],
  ["a trigger type", sensor("", log.replace("log:", "Log:")), sensor("", log)],
  [
    "serverURL",
    sensor("", log.replace("log: {}", "http:\n          serverURL: http://x")),
    sensor("", log.replace("log: {}", "http:\n          url: http://x")),
  ],
  ["eventSource", sensor("", log).replace("eventSourceName", "eventSource"), sensor("", log)],
])("%s is corrected, and nothing else", async (_, before, after) => {
  expect(await fixed(before)).toBe(after);
});

describe("misplaced keys move to their place", () => {
  test("out of the template, with everything inside, its comments and its order", async () => {
    const inside = log.replace(
      "        log: {}\n",
      "        retryStrategy:\n          # three\n          steps: 3\n\n          duration: 1s\n        log: {}\n",
    );
    expect(await fixed(sensor("", `${inside}    # last\n`))).toBe(
      sensor("", `${log}      retryStrategy:\n        # three\n        steps: 3\n\n        duration: 1s\n    # last\n`),
    );
  });

  test("as the last key of the template and of the file, also without a line break at the end", async () => {
    expect(await fixed(sensor("", `${log}        atLeastOnce: true`))).toBe(
      sensor("", `${log}      atLeastOnce: true`),
    );
  });

  test("into the template", async () => {
    const trigger =
      "    - template:\n        name: t\n      log:\n        intervalSeconds: 5\n      atLeastOnce: true\n";
    expect(await fixed(sensor("", trigger))).toBe(
      sensor(
        "",
        "    - template:\n        name: t\n        log:\n          intervalSeconds: 5\n      atLeastOnce: true\n",
      ),
    );
  });

  test("into filters, which are made where they are missing, and out of them", async () => {
    const item = (indent: string) =>
      `${indent}data:\n${indent}  - path: body.a\n${indent}    type: string\n${indent}    value:\n${indent}      - x\n`;
    expect(await fixed(sensor(item("      "), log))).toBe(sensor(`      filters:\n${item("        ")}`, log));
    const wrong = `      filters:\n        filtersLogicalOperator: or\n${item("        ")}`;
    expect(await fixed(sensor(wrong, log))).toBe(
      sensor(`      filters:\n${item("        ")}      filtersLogicalOperator: or\n`, log),
    );
  });

  test.each([
    ["in a flow map", sensor("", "    - template: {name: t, log: {}, atLeastOnce: true}\n")],
    ["on the line of the dash", sensor("", "    - log: {}\n      template:\n        name: t\n")],
    ["that is there already", sensor("", `${log}        atLeastOnce: true\n      atLeastOnce: true\n`)],
  ])("not a key %s", async (_, text) => {
    expect(await fixed(text)).toBe(text);
  });
});

test("what is not certain stays: a key that could be two, one that is there already, a broken file, an alias", async () => {
  for (const text of [
    source("      port: '1'\n      por: '2'\n"),
    source("      port: 12000\n      a: [\n"),
    sensor("", log.replace("log: {}", "openFaas: {}")),
  ])
    expect(await fixed(text)).toBe(text);
});

test("line ends, a byte order mark, and the other documents stay", async () => {
  const other = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {a: yes, port: 12}\n";
  const before = `\ufeff${other}---\n${source("      port: 12000\n")}`.replaceAll("\n", "\r\n");
  expect(await fixed(before)).toBe(before.replace("port: 12000", 'port: "12000"'));
});

test("whatever is cut out of a text, repairing it never fails, and never loses a line", () => {
  const text =
    source("      port: 12000\n      maxPaylodSize: '5'\n") +
    `---\n${sensor("      data: []\n", `${log}        atLeastOnce: yes\n`)}`;
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(30), fc.string({ maxLength: 5 }), (at, cut, written) => {
      const changed = text.slice(0, at) + written + text.slice(at + cut);
      const { findings } = planTexts([{ text: changed, file: "m", folder: "/", named: true }], lists, { traps: true });
      const { text: after } = fixText(changed, findings);
      // renamed and quoted keys change letters; no word of the manifest goes
      const lines = (one: string) => one.split("\n").filter((line) => line.trim() !== "").length;
      expect(lines(after)).toBeGreaterThanOrEqual(lines(changed));
    }),
    { numRuns: 300 },
  );
});

test("an unquoted yes of a ConfigMap is left to the author", async () => {
  const text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: yes\n";
  expect(await fixed(text)).toBe(text);
});

test("the changes are told with file and line", async () => {
  const file = join(folder, "m.yaml");
  await writeFile(file, source("      port: 12000\n"));
  expect(await fixFiles([file])).toEqual({ changes: [{ file, line: 11, what: '12000 is now "12000"' }] });
});
