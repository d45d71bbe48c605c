import { codes } from "../../src/lib/codes/index.ts";
import { markdownTable } from "./markdown.ts";

/** docs/reference/codes.md: every code, by number. */
export function codesPage(): string {
  const rows = Object.values(codes)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, says, fix, retry }) => [`\`${id}\``, says, fix, retry === "never" ? "no" : "after a pause"]);
  return `# Codes

Errors, warnings, dead letters and the answers of the admin API carry one of these. A code never gets a second meaning.
"Tried again" tells what tidemill does by itself, where nothing else (a retry strategy, the target's own word) decides.

${markdownTable(["Code", "What it means", "What to do", "Tried again"], rows)}`;
}
