import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import { templates } from "./templates/index.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));
async function newFolder(): Promise<string> {
  const folder = await temporaryFolder("init");
  folders.push(folder);
  return folder;
}

const files = ["README.md", "eventsource.yaml", "sensor.test.yaml", "sensor.yaml"];

describe.each(templates.map(({ name }) => name))("the template %s", (name) => {
  test("is written whole, has nothing that lint finds, and its test passes", async () => {
    const folder = await newFolder();
    const dir = join(folder, "a folder");
    const written = await tidemill(["init", name, dir, "-o", "json"]);
    expect(written).toMatchObject({ code: 0, err: "" });
    expect(answers.init.parse(JSON.parse(written.out))).toMatchObject({ template: name, dir });
    expect((await readdir(dir)).sort()).toEqual(files);
    const linted = await tidemill(["lint", dir, "--strict", "-o", "json"]);
    expect(answers.lint.parse(JSON.parse(linted.out)).findings).toEqual([]);
    const { code, out } = await tidemill(["test", dir, "-o", "json"]);
    const ran = answers.test.parse(JSON.parse(out));
    expect([code, ran.failed, ran.invalid]).toEqual([0, 0, []]);
    expect(ran.passed).toBeGreaterThan(0);
  });
});

describe("init", () => {
  test("without a name writes hello where it stands, and says what comes next", async () => {
    const folder = await newFolder();
    const { code, out, err } = await tidemill(["init"], { cwd: folder });
    expect([code, out.trim().split("\n").toSorted()]).toEqual([0, files]);
    expect(err).toContain("tidemill dev .");
    expect(await readFile(join(folder, "sensor.yaml"), "utf8")).toContain("name: hello");
  });

  test("overwrites nothing, and writes nothing when one file is there", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "sensor.yaml"), "mine");
    const { code, out, err } = await tidemill(["init", "hello", folder]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(`${join(folder, "sensor.yaml")} is there already, and is not overwritten`);
    expect(await readdir(folder)).toEqual(["sensor.yaml"]);
    expect(await readFile(join(folder, "sensor.yaml"), "utf8")).toBe("mine");
  });

  test("refuses a name that it does not know with the one that was meant", async () => {
    const { code, err } = await tidemill(["init", "sqs-htp"]);
    expect(code).toBe(2);
    expect(err).toContain("did you mean sqs-http?");
  });

  test("refuses a place that is no folder", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "there"));
    await writeFile(join(folder, "there", "file"), "");
    const { code, err } = await tidemill(["init", "hello", join(folder, "there", "file")]);
    expect(code).toBe(2);
    expect(err).toMatch(/cannot be written: E(NOTDIR|EXIST)/);
  });

  test("lists the templates", async () => {
    const { out } = await tidemill(["init", "--list"]);
    expect(out).toMatch(/^hello +What arrives at a webhook is logged\n/);
    const answer = answers["init-list"].parse(JSON.parse((await tidemill(["init", "--list", "-o", "json"])).out));
    expect(answer.items.map(({ name }) => name)).toEqual(templates.map(({ name }) => name));
  });
});
