import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { failure } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tidemill-artifact-"));
  await writeFile(path.join(folder, "bom.yaml"), "\ufeffkind: Job\n");
  await writeFile(path.join(folder, "latin1.yaml"), Buffer.from("a: \xfc\n", "latin1"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(file: string): Promise<unknown> {
  await using one = await artifactTrial({ folder });
  return await one.read({ file: { path: file } });
}

it("a file may begin with a byte order mark, and must be UTF-8", async () => {
  expect(await read("bom.yaml")).toEqual({ kind: "Job" });
  expect(await failure(read("latin1.yaml"))).toMatchObject({ code: "ARTIFACT_INVALID", retry: "never" });
});

it.skipIf(process.platform === "win32")("a device is no file, and is not read without end", async () => {
  expect(await failure(read("/dev/zero"))).toMatchObject({ code: "ARTIFACT_UNREADABLE", retry: "never" });
});
