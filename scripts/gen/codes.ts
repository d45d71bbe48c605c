import { codes } from "../../src/lib/codes/index.ts";
import type { Code } from "../../src/lib/errors.ts";
import { markdownTable } from "./markdown.ts";

/** docs/reference/codes.md: every code, by number; below the table a page for each that has more to say. */
export function codesPage(): string {
  const sorted: readonly Code[] = Object.values(codes).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const rows = sorted.map(({ id, says, fix, retry, why }) => [
    why === undefined ? `\`${id}\`` : `[\`${id}\`](#${id.toLowerCase()})`,
    says,
    fix,
    retry === "never" ? "no" : "after a pause",
  ]);
  return `# Codes

Errors, warnings, dead letters and the answers of the admin API carry one of these. A code never gets a second meaning.
"Tried again" tells what tidemill does by itself, where nothing else (a retry strategy, the target's own word) decides.
\`tidemill explain TM1024\` prints the page of a code.

${markdownTable(["Code", "What it means", "What to do", "Tried again"], rows)}
${sorted
  .filter(({ why }) => why !== undefined)
  .map(codeSection)
  .join("\n")}`;
}

function codeSection({ id, says, why, fix, example }: Code): string {
  const shown =
    example === undefined
      ? ""
      : `\n\`\`\`yaml\n# before\n${example.before}\n\`\`\`\n\n\`\`\`yaml\n# after\n${example.after}\n\`\`\`\n`;
  return `## ${id}

${says}

${why ?? ""}
${shown}
${fix}
`;
}
