import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { answers } from "../src/console/answers.ts";
import { testFileSchema } from "../src/rehearsal/test-file.ts";
import { codesPage } from "./gen/codes.ts";
import { typesPage } from "./gen/types.ts";

/* `npm run gen`: the generated part of docs/reference. The same sources give the same bytes. */

const reference = fileURLToPath(new URL("../docs/reference", import.meta.url));

async function main(): Promise<void> {
  const cli = join(reference, "cli");
  await mkdir(cli, { recursive: true });
  const names = Object.entries(answers).map(([verb, schema]) => ({ name: `${verb}.json`, schema, verb }));
  for (const { name, schema, verb } of names) {
    const title = `tidemill ${verb.replace("-", " ")} -o json`;
    const written = { title, ...z.toJSONSchema(schema, { io: "output" }) };
    await writeFile(join(cli, name), `${JSON.stringify(written, undefined, 2)}\n`);
  }
  // a verb that is gone leaves no schema behind
  const kept = new Set(names.map(({ name }) => name));
  for (const name of await readdir(cli)) if (!kept.has(name)) await rm(join(cli, name));
  const testFile = { title: "A test file: *.test.yaml", ...z.toJSONSchema(testFileSchema, { io: "input" }) };
  await writeFile(join(reference, "test-file.json"), `${JSON.stringify(testFile, undefined, 2)}\n`);
  await writeFile(join(reference, "codes.md"), codesPage());
  await writeFile(join(reference, "sources.md"), typesPage("sources"));
  await writeFile(join(reference, "triggers.md"), typesPage("triggers"));
}

await main();
