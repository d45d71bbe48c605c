import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { describedSources } from "../src/manifests/types/source-types.ts";
import { describedTriggers } from "../src/manifests/types/trigger-types.ts";
import { sources } from "../src/sources/index.ts";
import { triggers } from "../src/triggers/index.ts";

/* The page for those who come from Argo Events promises what tests show: so its tests must be there. */

const root = fileURLToPath(new URL("..", import.meta.url));
const page = await readFile(join(root, "docs", "coming-from-argo-events.md"), "utf8");

/** The lines of a section, under its heading of the second level. */
function section(heading: string): string {
  const [, text = ""] = page.split(`\n## ${heading}\n`);
  return text.split("\n## ")[0] ?? "";
}

/** The rows of the tables of a section, without head and rule, as their cells. */
function rows(heading: string): readonly (readonly string[])[] {
  const lines = section(heading)
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | +\|$/g, "").trim()));
}

interface Named {
  readonly file: string;
  readonly name: string;
}

/** The tests of a cell: after the link to a file, its tests in quotes. */
function testsIn(cell: string): readonly Named[] {
  return Array.from(cell.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\): ((?:"[^"]+"(?:; )?)+)/g)).flatMap(
    ([, text, file = "", list = ""]) => {
      expect(text).toBe(file);
      return Array.from(list.matchAll(/"([^"]+)"/g), ([, name = ""]) => ({ file, name }));
    },
  );
}

const tables = ["The same", "Better", "Different"];

test.each(tables)("every line of '%s' names tests, and each is there under that name", async (heading) => {
  const all = rows(heading);
  expect(all.length).toBeGreaterThan(10);
  for (const cells of all) {
    const named = testsIn(cells.at(-1) ?? "");
    expect(named.length, cells[0]).toBeGreaterThan(0);
    for (const { file, name } of named) {
      const text = await readFile(join(root, file), "utf8");
      // the title of a test, or of a table of tests
      expect(
        text.includes(`("${name}"`) || text.includes(`(\`${name}\``) || text.includes(`(\n  "${name}"`),
        `${file}: ${name}`,
      ).toBe(true);
      expect(file).toMatch(/\.test\.ts$|conformance\.ts$/);
    }
  }
});

test("every fault of Argo Events that is known by an id is on the page: mended, or not there yet", () => {
  const mentioned = new Set<string>();
  const text = rows("Better")
    .map(([id = ""]) => id)
    .concat(section("Not there yet"))
    .join("\n");
  for (const [, letter = "", from = "", , to] of text.matchAll(/\b([LSFTKC])(\d+)( to [LSFTKC](\d+))?/g)) {
    for (let n = Number(from); n <= Number(to ?? from); n++) mentioned.add(`${letter}${n}`);
  }
  const counts = { L: 15, S: 27, F: 10, T: 12, K: 5, C: 5 };
  const all = Object.entries(counts).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
  );
  expect(all.filter((id) => !mentioned.has(id))).toEqual([]);
  expect([...mentioned].filter((id) => !all.includes(id))).toEqual([]);
});

test("what is not there yet is not there, and all of it is named", () => {
  const kinds = (label: string): readonly string[] => {
    const [, list = ""] = new RegExp(`^- \\*\\*${label}\\*\\*: (.*)$`, "m").exec(section("Not there yet")) ?? [];
    return Array.from(list.matchAll(/`(\w+)`/g), ([, kind = ""]) => kind).sort();
  };
  const missing = (described: readonly { readonly kind: string }[], there: readonly { readonly kind: string }[]) =>
    described
      .map(({ kind }) => kind)
      .filter((kind) => !there.some((one) => one.kind === kind))
      .sort();
  expect(kinds("Sources")).toEqual(missing(describedSources, sources));
  expect(kinds("Triggers")).toEqual(missing(describedTriggers, triggers));
});
