import { readFile, writeFile } from "node:fs/promises";
import type { CodeName } from "../../lib/errors.ts";
import { readFiles } from "../files.ts";
import { planTexts } from "../plan.ts";
import { lists } from "../read.ts";
import { fixText } from "./fix.ts";

export interface Fixed {
  /** In the order in which they were made. */
  readonly changes: readonly { readonly file: string; readonly line: number; readonly what: string }[];
}

/** In a text with such a fault nothing is certain. */
const unreadable: ReadonlySet<CodeName> = new Set<CodeName>(["YAML_INVALID", "YAML_TOO_DEEP"]);

/** One repair can uncover another (a renamed map shows what is in it); three rounds are the most that was met. */
const maxRounds = 10;

/**
 * Repairs the files in place until nothing certain is left, so that a second time changes nothing. A byte order mark and
 * line ends stay. Throws when a file cannot be written.
 */
export async function fixFiles(paths: readonly string[]): Promise<Fixed> {
  const changes: { file: string; line: number; what: string }[] = [];
  for (let round = 0; round < maxRounds; round++) {
    const { texts } = await readFiles(paths);
    const { findings } = planTexts(texts, lists, { traps: true });
    let changed = false;
    for (const { file, text } of texts) {
      const inFile = findings.filter((finding) => finding.file === file);
      const repairs = inFile.filter(({ repair }) => repair !== undefined);
      if (repairs.length === 0 || inFile.some(({ code }) => unreadable.has(code))) continue;
      const fixed = fixText(text, repairs);
      if (fixed.text === text) continue;
      const mark = (await readFile(file)).subarray(0, 3).equals(Buffer.from("\ufeff")) ? "\ufeff" : "";
      await writeFile(file, mark + fixed.text);
      changed = true;
      changes.push(...fixed.changes.map((change) => ({ file, ...change })));
    }
    if (!changed) break;
  }
  return { changes };
}
