import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithServer } from "../servers/describe.ts";
import { temporaryFolder } from "../servers/folder.ts";
import { root } from "./files.ts";
import { faultsOf } from "./infra.ts";

const terraform = join(root, "examples", "jobs", "terraform");

describeWithServer("infra", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await temporaryFolder("terraform");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A copy of the files in which one text stands in place of another. */
  async function broken(file: string, from: string, to: string): Promise<string> {
    const copy = join(folder, file);
    await cp(terraform, copy, { recursive: true });
    const text = await readFile(join(copy, file), "utf8");
    expect(text).toContain(from);
    await writeFile(join(copy, file), text.replaceAll(from, to));
    return copy;
  }

  test("the Terraform of the jobs example is well formed, and speaks of nothing that is not there", () => {
    expect(faultsOf("terraform", terraform)).toBe("");
  });

  test("a resource that is not there is found, with its place", async () => {
    const copy = await broken("topic.tf", "aws_sns_topic.failed.arn", "aws_sns_topic.missing.arn");
    expect(faultsOf("terraform", copy)).toMatch(/topic\.tf:\d+,\d+-\d+: Unknown reference; aws_sns_topic\.missing/);
  });

  test("a brace too few is found", async () => {
    expect(faultsOf("terraform", await broken("outputs.tf", "}", ""))).toContain("outputs.tf");
  });
});
