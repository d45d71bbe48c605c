import type { PlacedFinding } from "../lib/finding.ts";

/** Names of fields that hold a secret where somebody wrote it into the manifest itself. */
const secretName =
  /secret|passw|token|access[-_]?key|api[-_]?key|private[-_]?key|credential|authorization|basicauth|secure/i;

/** A key of that kind and a plain or quoted value behind it, in block or flow YAML. */
const secretValue =
  /(["']?[\w.-]*(?:secret|passw|token|access[-_]?key|api[-_]?key|private[-_]?key|credential|authorization)[\w.-]*["']?\s*:\s+|"[\w.-]*(?:secret|passw|token|access[-_]?key|api[-_]?key|private[-_]?key|credential|authorization)[\w.-]*"\s*:\s*)("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\s"'{[&*!|>#,}\]][^,}\]]*)/gi;

/**
 * The line of a finding, to be shown: logs of a CI are read by many. Nothing of a document that is a Secret, nothing where
 * the finding is about a field for a secret, and stars in place of other values of such fields on the line.
 */
export function sourceLine(
  lines: readonly string[],
  { line, path }: Pick<PlacedFinding, "line" | "path">,
): string | undefined {
  const text = lines[line - 1];
  if (text === undefined || text.length > longest || isInSecret(lines, line - 1)) return undefined;
  if (path.some((part) => typeof part === "string" && secretName.test(part))) return undefined;
  return text.replace(secretValue, (_, key: string, value: string) => key + "*".repeat(value.length));
}

/** A line of a program; nobody reads it. */
const longest = 20_000;

/** Whether the YAML document around this line is of the kind Secret, as far as its text tells. */
function isInSecret(lines: readonly string[], at: number): boolean {
  let from = at;
  while (from > 0 && !isEnd(lines[from])) from -= 1;
  for (let n = from; n < lines.length && (n <= at || !isEnd(lines[n])); n++) {
    if (/(^|[\s{,])["']?kind["']?\s*:\s*["']?Secret(List)?\b/.test((lines[n] ?? "").slice(0, longest))) return true;
  }
  return false;
}

function isEnd(line: string | undefined): boolean {
  return line?.startsWith("---") === true || line?.startsWith("...") === true;
}
