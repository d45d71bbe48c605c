import { execFile } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { codes } from "../src/lib/codes/index.ts";
import { temporaryFolder } from "./servers/folder.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const own = { cwd: root, exclude: ["**/node_modules/**", "dist/**", "**/.tidemill/**"] };

interface Page {
  readonly file: string;
  readonly text: string;
}

const pages: readonly Page[] = await Promise.all(
  globSync("**/*.md", own)
    .sort()
    .map(async (file) => ({ file, text: await readFile(join(root, file), "utf8") })),
);
const ids: ReadonlySet<string> = new Set(Object.values(codes).map(({ id }) => id));
const scripts = Object.keys(
  (JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly scripts: object }).scripts,
);

/** What stands outside fenced blocks. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, "");
const withoutCode = (text: string): string => prose(text).replace(/`[^`\n]*`/g, "");

/** The anchors of a page, as GitHub makes them from headings. */
function anchors(text: string): ReadonlySet<string> {
  const headings = Array.from(prose(text).matchAll(/^#+ (.+)$/gm), ([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** The links of a page that lead nowhere. */
function dead({ file, text }: Page): readonly string[] {
  const links = Array.from(prose(text).matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? join(root, file) : resolve(root, dirname(file), path);
    if (!existsSync(target)) return true;
    if (anchor === undefined) return false;
    const page = pages.find((one) => join(root, one.file) === target);
    return page === undefined || !anchors(page.text).has(anchor);
  });
}

describe.each(pages.map((page) => [page.file, page] as const))("%s", (_, page) => {
  test("has no link that leads nowhere", () => {
    expect(dead(page)).toEqual([]);
  });

  test("names only codes that there are", () => {
    const named = page.text.match(/\bTM\d{4}\b/g) ?? [];
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
  });

  test("names only scripts of package.json that there are", () => {
    const named = Array.from(page.text.matchAll(/\bnpm run ([a-z:-]+)/g), ([, name = ""]) => name);
    expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
  });

  test("names only verbs that there are", () => {
    const named = Array.from(page.text.matchAll(/(?:`|npx )tidemill ([a-z]+)/g), ([, name = ""]) => name);
    expect(named.filter((name) => !existsSync(join(root, "src", "cli", `${name}.ts`)))).toEqual([]);
  });

  test("names only files of the tree that there are", () => {
    const named = Array.from(
      prose(page.text).matchAll(/`((?:src|test|docs|examples|bench|scripts)\/[\w./-]+)`/g),
      ([, path = ""]) => path,
    );
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test("the tests that a specification names are there", async () => {
  const named = pages
    .filter(({ file }) => file.startsWith("docs/specs/"))
    .flatMap(({ text }) => Array.from(withoutCode(text).matchAll(/"([a-z][^"|]+)"/g), ([, name = ""]) => name));
  expect(named.length).toBeGreaterThan(10);
  const suites = ["test/conformance.test.ts", "src/bus/conformance.ts", "src/bus/key-order/conformance.ts"];
  const held = (await Promise.all(suites.map((file) => readFile(join(root, file), "utf8")))).join("\n");
  expect(named.filter((name) => !held.includes(`("${name}"`))).toEqual([]);
});

test("each code is there once, and says what it is and what to do", () => {
  const all = Object.values(codes);
  expect(ids.size).toBe(all.length);
  for (const { id, says, fix } of all) {
    expect(id).toMatch(/^TM\d{4}$/);
    expect(says).toMatch(/\.$/);
    expect(fix.length).toBeGreaterThan(10);
  }
});

/** The code blocks of a page that begin with the path of the file that they are. */
function filesOf(text: string): readonly { readonly path: string; readonly source: string }[] {
  return Array.from(text.matchAll(/^```ts\n\/\/ (src\/\S+)\n([\s\S]*?)^```/gm), ([, path = "", source = ""]) => ({
    path,
    source,
  }));
}

test("the source of CONTRIBUTING.md compiles, and its test passes", async () => {
  const files = filesOf(pages.find(({ file }) => file === "CONTRIBUTING.md")?.text ?? "");
  expect(files.map(({ path }) => path)).toEqual(["src/sources/drop-folder.ts", "src/sources/drop-folder.test.ts"]);
  const folder = await temporaryFolder("docs");
  await mkdir(join(folder, "src", "sources"), { recursive: true });
  for (const name of ["node_modules", "src/kit", "src/lib"]) await symlink(join(root, name), join(folder, name));
  for (const { path, source } of files) await writeFile(join(folder, path), source);
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  const tsconfig = { extends: join(root, "tsconfig.json"), include: ["src/sources"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  const run = promisify(execFile);
  const bin = join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ""}`, NO_COLOR: "1" };
  const said = (error: { readonly stdout?: string }): never => expect.fail(error.stdout ?? String(error));
  await run(join(bin, "tsc"), ["-p", "."], { cwd: folder, env }).catch(said);
  const { stdout } = await run(join(bin, "vitest"), ["run", "--root", folder, "src/sources"], {
    cwd: folder,
    env,
  }).catch(said);
  expect(stdout).toMatch(/Tests\s+2 passed/);
});
