import { styleText } from "node:util";
import { codes } from "../lib/codes/index.ts";
import type { Path, PlacedFinding } from "../lib/finding.ts";

export interface RenderOptions {
  /** The text of the finding's line. */
  readonly sourceLine?: string | undefined;
  readonly colour?: boolean | undefined;
}

/** Where a long line is cut, and how much of it stays before the column. */
const maxLine = 120;

/**
 * A finding for people:
 * ```
 * warning[TM1024]: eventSorceName is not known here; did you mean eventSourceName?
 *   --> sensor.yaml:8:7   spec.dependencies[0].eventSorceName
 *    |  eventSorceName: github
 *    |  ^
 *   fix: Write eventSourceName.
 * ```
 */
export function formatFinding(finding: PlacedFinding, options: RenderOptions = {}): string {
  const { severity, file, line, column } = finding;
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    options.colour ? styleText(style, text, { validateStream: false }) : text;
  const head = paint([severity === "error" ? "red" : "yellow", "bold"], `${severity}[${codes[finding.code].id}]`);
  const path = pathText(finding.path);
  const place = `${paint("cyan", "  -->")} ${printable(file)}:${line}:${column}${path === "" ? "" : `   ${path}`}`;
  const rows = [`${head}: ${printable(finding.message)}`, place];
  if (options.sourceLine !== undefined && options.sourceLine.trim() !== "") {
    const { text, at } = excerpt(options.sourceLine, column);
    rows.push(`${paint("cyan", "   |")}  ${text}`, `${paint("cyan", "   |")}  ${" ".repeat(at)}${paint("bold", "^")}`);
  }
  rows.push(`  fix: ${printable(fixOf(finding))}`);
  return rows.join("\n");
}

/** A finding for programs. */
export interface FindingJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  /** `TMnnnn`. */
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

export function findingJson(finding: PlacedFinding): FindingJson {
  const { file, line, column, severity, message } = finding;
  return { file, line, column, severity, code: codes[finding.code].id, message, fix: fixOf(finding) };
}

function fixOf(finding: PlacedFinding): string {
  return finding.fix ?? codes[finding.code].fix;
}

/** `spec.triggers[0].template.http`. */
export function pathText(path: Path): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[\w-]+$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** The part of a line around the column, without the indentation, and where the column is in it. */
function excerpt(line: string, column: number): { readonly text: string; readonly at: number } {
  const indent = line.length - line.trimStart().length;
  const wanted = Math.max(0, column - 1 - indent);
  const bare = line.trim();
  const start = wanted > maxLine - 20 ? wanted - 40 : 0;
  const text = printable(bare.slice(start, start + maxLine));
  return { text, at: Math.min(wanted - start, maxLine) };
}

/** Control characters of a manifest must not reach a terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, " ");
}
