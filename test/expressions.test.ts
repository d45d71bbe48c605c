import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import * as expressions from "../src/expressions/index.ts";
import { temporaryFolder } from "./servers/folder.ts";

const door = fileURLToPath(new URL("../src/expressions/index.ts", import.meta.url));
const page = await readFile(new URL("../docs/specs/expressions.md", import.meta.url), "utf8");
const sections = page.split(/^## /m).slice(1);

/** The languages: every value of the door that is no error class. */
const languages = Object.entries(expressions).flatMap(([name, value]) => (typeof value === "object" ? [name] : []));

/** An example as a program: each `value; // → wanted` becomes a comparison. */
function program(example: string): string {
  const source = example.replaceAll('"tidemill/expressions"', JSON.stringify(pathToFileURL(door).href));
  const checked = source.replace(/^(\S.*); \/\/ → (.*)$/gm, "same($1, $2);");
  return `import { deepStrictEqual as same } from "node:assert";\n${checked}`;
}

test("each language has its section with an example", () => {
  for (const language of languages) {
    const section = sections.find((one) => one.includes(`import { ${language} } from "tidemill/expressions";`));
    expect(section, language).toBeDefined();
    expect(section, language).toContain("; // → ");
    expect(page).toContain(`[${language}](#`);
  }
  expect(languages.length).toBeGreaterThanOrEqual(9);
});

test("each example of the page runs, and gives what it says", async () => {
  const examples = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, source = ""]) => program(source));
  expect(examples.every((example) => example.includes("same("))).toBe(true);
  const folder = await temporaryFolder("expressions");
  const files = await Promise.all(
    examples.map(async (example, index) => {
      const file = join(folder, `example-${index}.ts`);
      await writeFile(file, example);
      return file;
    }),
  );
  const all = join(folder, "all.ts");
  await writeFile(all, files.map((file) => `await import(${JSON.stringify(pathToFileURL(file).href)});`).join("\n"));
  await promisify(execFile)(process.execPath, ["--no-warnings", all]).catch(({ stderr }) => expect.fail(stderr));
});

test("an example that gives something else would be found", () => {
  expect(program("gjson.isValid('{'); // → true")).toContain("same(gjson.isValid('{'), true);");
});

test("every fault is an ExpressionError with a place", () => {
  const { template, govaluate, expr, regexp, conditions, eventPattern, ExpressionError } = expressions;
  const compilers: readonly ((text: string) => unknown)[] = [
    (text) => template.compile(`{{ ${text}`),
    govaluate.compile,
    (text) => expr.compile(text),
    expr.compileFilter,
    (text) => regexp.compile(`(${text}`),
    (text) => conditions.compile(text, ["a"]),
    eventPattern.compile,
  ];
  for (const compile of compilers) {
    let thrown: unknown;
    try {
      compile("a && (");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExpressionError);
    expect(thrown).toMatchObject({ code: "EXPRESSION_INVALID", position: expect.any(Number) });
  }
});
