import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFiles } from "./files.ts";
import { readManifests } from "./read.ts";

const manifest = (name: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: ${name}}\nspec: {jetstream: {version: latest}}\n`;

let dir = "";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-read-"));
  await mkdir(join(dir, "m", "deep"), { recursive: true });
  await mkdir(join(dir, "m", ".git"));
  await mkdir(join(dir, "m", "node_modules"));
  await writeFile(join(dir, "m", "b.yaml"), `\ufeff${manifest("b")}`);
  await writeFile(join(dir, "m", "a.yml"), manifest("a"));
  await writeFile(
    join(dir, "m", "deep", "c.json"),
    '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"c"},\n\t"data":{}}',
  );
  await writeFile(join(dir, "m", "tsconfig.json"), "// no JSON\n{}");
  await writeFile(join(dir, "m", "values.yaml"), "replicas: 3\n");
  await writeFile(join(dir, "m", "a.test.yaml"), "apiVersion: tidemill/v1\nkind: Test\n");
  await writeFile(join(dir, "m", "readme.md"), "# no");
  await writeFile(join(dir, "m", ".git", "x.yaml"), manifest("hidden"));
  await writeFile(join(dir, "m", "node_modules", "x.yaml"), manifest("module"));
  await symlink(join(dir, "m"), join(dir, "m", "deep", "round"));
  await symlink(join(dir, "m", "a.yml"), join(dir, "m", "deep", "linked.yaml"));
  await writeFile(join(dir, "latin1.yaml"), Buffer.from("apiVersion: v1\nkind: Secr\xe9t\n", "latin1"));
  await writeFile(join(dir, "utf16.yaml"), Buffer.from("\ufeffapiVersion: v1\n", "utf16le"));
  await writeFile(join(dir, "large.yaml"), "");
  await truncate(join(dir, "large.yaml"), 11 * 1024 * 1024);
});

afterAll(() => rm(dir, { recursive: true, force: true }));

describe("files", () => {
  test("a folder gives its manifests, sorted, without what is hidden or no manifest", async () => {
    const { texts, findings } = await readFiles([join(dir, "m")]);
    expect(findings).toEqual([]);
    expect(texts.map(({ file }) => relative(dir, file))).toEqual([
      "m/a.yml",
      "m/b.yaml",
      "m/deep/c.json",
      "m/deep/linked.yaml",
    ]);
  });

  test("globs and files are read once each", async () => {
    const read = await readManifests([
      join(dir, "m", "*.{yml,yaml}"),
      join(dir, "m", "b.yaml"),
      join(dir, "m", "a.yml"),
    ]);
    expect(read.buses.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(read.files).toHaveLength(4);
    expect(read.findings).toMatchObject([{ code: "OBJECT_INVALID", file: join(dir, "m", "values.yaml") }]);
  });

  test.each([
    ["nowhere.yaml", "FILE_UNREADABLE", "1:1"],
    ["no*.yaml", "FILE_UNREADABLE", "1:1"],
    ["m/.git/none/", "FILE_UNREADABLE", "1:1"],
    ["latin1.yaml", "FILE_NOT_UTF8", "2:11"],
    ["utf16.yaml", "FILE_NOT_UTF8", "1:1"],
    ["large.yaml", "FILE_TOO_LARGE", "1:1"],
  ])("%s is a finding", async (path, code, place) => {
    const { findings } = await readManifests([join(dir, path)]);
    expect(findings.map((f) => [f.severity, f.code, `${f.line}:${f.column}`])).toEqual([["error", code, place]]);
  });
});

const examples = process.env.TIDEMILL_UPSTREAM_EXAMPLES ?? resolve("../shared/upstream-examples");

/** Examples that are not right themselves, with the code that says so. */
const expected: Readonly<Record<string, string>> = {
  // The key is openWhisk: no type, nothing would run.
  "sensors/trigger-openwhisk.yaml": "SENSOR_INVALID",
  // serverURL, which has no effect: the key is url, and is required.
  "tutorials/09-http-trigger/sensor-01.yaml": "FIELD_MISSING",
  "tutorials/09-http-trigger/sensor-02.yaml": "FIELD_MISSING",
};

describe.runIf(existsSync(examples))("the examples of Argo Events", () => {
  test("every one is read, and only the wrong ones are refused", async () => {
    const { texts } = await readFiles([examples]);
    expect(texts).toHaveLength(134);
    const refused: Record<string, string> = {};
    let objects = 0;
    for (const { file } of texts) {
      const read = await readManifests([file], { traps: true, portable: true });
      objects +=
        read.sensors.length + read.invalidSensors.length + new Set(read.sources.map((s) => s.eventSource)).size;
      for (const finding of read.findings) {
        if (finding.severity === "error") refused[relative(examples, file)] = finding.code;
      }
    }
    expect(refused).toEqual(expected);
    expect(objects).toBe(94 + 34);
  });
});
