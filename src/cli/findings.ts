import { readFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { codes } from "../lib/codes/index.ts";
import type { PlacedFinding } from "../lib/finding.ts";
import { findingJson, formatFinding } from "../manifests/render.ts";
import { sourceLine } from "./source-line.ts";

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
      (finding) =>
        `${formatFinding(finding, { sourceLine: sourceLine(lines.get(finding.file) ?? [], finding), colour })}\n\n`,
    )
    .join("");
}

/** SARIF 2.1.0: what code scanning services read. */
export function sarif(findings: readonly PlacedFinding[], version: string): object {
  const used = [...new Set(findings.map(({ code }) => code))].sort((a, b) => (codes[a].id < codes[b].id ? -1 : 1));
  const rules = used.map((code) => ({
    id: codes[code].id,
    shortDescription: { text: codes[code].says },
    help: { text: codes[code].fix },
  }));
  const results = findings.map((finding) => {
    const { file, line, column, severity, code, message, fix } = findingJson(finding);
    const region = { startLine: line, startColumn: column };
    return {
      ruleId: code,
      ruleIndex: used.indexOf(finding.code),
      level: severity,
      message: { text: sentences(message, fix) },
      locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file) }, region } }],
    };
  });
  const driver = { name: "tidemill", version, rules };
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }],
  };
}

/** A relative path stays relative, which readers take from the root of the repository. */
function uriOf(file: string): string {
  if (isAbsolute(file)) return pathToFileURL(file).href;
  const parts = file.replaceAll("\\", "/").split("/");
  return parts
    .map(encodeURIComponent)
    .join("/")
    .replace(/^(?:\.\/)+/, "");
}

/** Workflow commands: GitHub shows each at its line of a pull request. */
export function githubCommands(findings: readonly PlacedFinding[]): string {
  return findings
    .map((finding) => {
      const { file, line, column, severity, code, message, fix } = findingJson(finding);
      const place = `file=${property(file)},line=${line},col=${column},title=${code}`;
      return `::${severity} ${place}::${encoded(sentences(message, fix))}\n`;
    })
    .join("");
}

function sentences(message: string, fix: string): string {
  return `${message}${/[.?!]$/.test(message) ? "" : "."} ${fix}`;
}

function encoded(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return encoded(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
