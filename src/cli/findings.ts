import { readFile } from "node:fs/promises";
import type { PlacedFinding } from "../lib/finding.ts";
import { formatFinding } from "../manifests/render.ts";

/** Findings for people, each with its line of the file. */
export async function sayFindings(findings: readonly PlacedFinding[], colour: boolean): Promise<string> {
  const lines = new Map<string, readonly string[]>();
  for (const file of new Set(findings.map((finding) => finding.file))) {
    // a finding about a path that cannot be read has no line to show
    lines.set(
      file,
      await readFile(file, "utf8").then(
        (text) => text.split(/\r?\n/),
        () => [],
      ),
    );
  }
  return findings
    .map(
      (finding) => `${formatFinding(finding, { sourceLine: lines.get(finding.file)?.[finding.line - 1], colour })}\n\n`,
    )
    .join("");
}
