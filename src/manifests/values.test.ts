import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ValuesDocument } from "./manifests.ts";
import { createValues, variableOf } from "./values.ts";

let dir = "";

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tidemill-values-"));
  await mkdir(join(dir, "secrets", "db"), { recursive: true });
  await writeFile(join(dir, "secrets", "db", "password"), "from file\n\n");
  await writeFile(join(dir, "outside"), "never");
});

afterAll(() => rm(dir, { recursive: true, force: true }));

function document(name: string, data: Record<string, string>, namespace = "default"): ValuesDocument {
  return { namespace, name, data: new Map(Object.entries(data)) };
}

const secrets = [
  document("db", { password: "from document", user: "me\n" }),
  document("db", { user: "other" }, "team"),
];

test("environment, then folder, then documents, each read afresh", async () => {
  const env: Record<string, string> = {};
  const values = createValues({ env, secretsDir: join(dir, "secrets"), secrets, configMaps: [] });
  const ref = { name: "db", key: "password" };
  expect(await values.secret("default", ref)).toBe("from file\n");
  env.TIDEMILL_SECRET_DB__PASSWORD = "from env\n";
  expect(await values.secret("default", ref)).toBe("from env");
  delete env.TIDEMILL_SECRET_DB__PASSWORD;
  await writeFile(join(dir, "secrets", "db", "password"), "changed");
  expect(await values.secret("default", ref)).toBe("changed");
  await rm(join(dir, "secrets", "db", "password"));
  expect(await values.secret("default", ref)).toBe("from document");
});

test("namespaces keep their documents apart, and one newline is trimmed", async () => {
  const values = createValues({ env: {}, secrets, configMaps: [document("c", { k: "v\n\n" })] });
  expect(await values.secret("default", { name: "db", key: "user" })).toBe("me");
  expect(await values.secret("team", { name: "db", key: "user" })).toBe("other");
  expect(await values.configMap("default", { name: "c", key: "k" })).toBe("v\n");
});

test("a missing secret says where it was looked for", async () => {
  const values = createValues({ env: {}, secretsDir: join(dir, "secrets"), secrets, configMaps: [] });
  await expect(values.secret("default", { name: "no.such-one", key: "k", optional: true })).rejects.toMatchObject({
    code: "SECRET_MISSING",
    message: expect.stringMatching(/TIDEMILL_SECRET_NO_SUCH_ONE__K, .*no\.such-one.k, the manifests/),
  });
  await expect(values.configMap("default", { name: "db", key: "user" })).rejects.toMatchObject({
    code: "SECRET_MISSING",
  });
});

test("names cannot lead out of the folder", async () => {
  const values = createValues({ env: {}, secretsDir: join(dir, "secrets"), secrets, configMaps: [] });
  for (const [name, key] of [
    ["..", "outside"],
    ["db", "../../outside"],
    [".", "x"],
    ["db/..", "x"],
    ["db", "\0"],
    ["", "k"],
  ] as const) {
    await expect(values.secret("default", { name, key })).rejects.toMatchObject({ code: "SECRET_NAME_INVALID" });
  }
});

test("two references never share a variable", async () => {
  const both = [document("a-b", { c: "1" }), document("a.b", { c: "2" })];
  const env = { [variableOf({ name: "a-b", key: "c" })]: "x" };
  const values = createValues({ env, secrets: both, configMaps: [] });
  await expect(values.secret("default", { name: "a-b", key: "c" })).rejects.toMatchObject({
    code: "SECRET_VARIABLE_CLASH",
  });
  const unset = createValues({ env: {}, secrets: both, configMaps: [] });
  expect(await unset.secret("default", { name: "a.b", key: "c" })).toBe("2");
  // Not in any document: the clash shows when the second one is asked for.
  const asked = createValues({ env, secrets: [], configMaps: [] });
  expect(await asked.secret("default", { name: "a-b", key: "c" })).toBe("x");
  await expect(asked.secret("default", { name: "a.b", key: "c" })).rejects.toMatchObject({
    code: "SECRET_VARIABLE_CLASH",
  });
});
