import { Composer, type CST, type Document, Parser } from "yaml";
import type { CodeName } from "../lib/errors.ts";
import type { Path, Repair } from "../lib/finding.ts";
import { type Lines, linesOf, locate, type Place, type PlaceOptions, placeOf } from "./yaml-place.ts";
import { maxDepth, toPlain } from "./yaml-value.ts";

/** Something found in the text itself, before anything is known about the object. */
interface TextFinding extends Place {
  readonly severity: "error" | "warning";
  readonly code: CodeName;
  readonly message: string;
  readonly repair?: Repair;
}

export interface YamlDocument {
  /** Plain JSON values. Never changed. */
  readonly value: unknown;
  at(path: Path, options?: PlaceOptions): Place;
  /** The text has a fault: what could be made out of it is only good for its name. */
  readonly broken: boolean;
  /** Doubtful scalars and faults inside: of interest only if the document is one of ours. */
  readonly findings: readonly TextFinding[];
}

export interface YamlText {
  readonly documents: readonly YamlDocument[];
  /** Faults for which a document could not be read. */
  readonly findings: readonly TextFinding[];
}

/** Faults told of one document; a broken one easily has hundreds that follow from the first. */
const maxErrors = 10;

/**
 * Reads YAML or JSON text: several documents, several faults, each with its place. Pure.
 */
export function readYaml(text: string): YamlText {
  const lines = linesOf(text);
  const findings: TextFinding[] = [];
  const tooDeep = (token: CST.Token): void => {
    const message = `nested deeper than ${maxDepth} levels`;
    findings.push({ severity: "error", code: "YAML_TOO_DEEP", message, ...placeOf(lines, firstOffset(token)) });
  };
  const documents: YamlDocument[] = [];
  const composer = new Composer({ version: "1.2", schema: "core", uniqueKeys: false, prettyErrors: false });
  for (const document of composer.compose(flatEnough(text, tooDeep))) {
    findings.push(...faults(document, lines));
    if (document.contents !== null) documents.push(plainDocument(document, lines));
  }
  return { documents, findings };
}

/** One document after the other: the tokens of a file take ten times its size. */
function* flatEnough(text: string, tooDeep: (token: CST.Token) => void): Iterable<CST.Token> {
  for (const token of new Parser().parse(text)) {
    if (nesting(token) <= maxDepth) yield token;
    else tooDeep(token);
  }
}

function faults(document: Document.Parsed, lines: Lines): TextFinding[] {
  return document.errors.slice(0, maxErrors).map((fault) => ({
    severity: "error",
    code: "YAML_INVALID",
    message: shorten(fault.message),
    ...placeOf(lines, fault.pos[0]),
  }));
}

/** The library's messages may quote the text at length. */
function shorten(message: string): string {
  const text = message.length > 200 ? `${message.slice(0, 200)}…` : message;
  return /^[A-Z][a-z ]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

function plainDocument(document: Document.Parsed, lines: Lines): YamlDocument {
  const { value, members, findings } = toPlain(document);
  const root = { lines, root: document.contents, value, members };
  return {
    value,
    broken: document.errors.length > 0,
    at: (path, options) => locate(root, path, options),
    findings: [
      ...document.warnings.slice(0, maxErrors).map((warning) => ({
        severity: "warning" as const,
        code: "YAML_AMBIGUOUS" as const,
        message: shorten(warning.message),
        ...placeOf(lines, warning.pos[0]),
      })),
      ...findings.map(({ node, ...finding }) => ({ ...finding, ...placeOf(lines, node?.range?.[0] ?? 0) })),
    ],
  };
}

function firstOffset(token: CST.Token): number {
  return "offset" in token ? token.offset : 0;
}

/**
 * How deep a token nests, counted without recursion: composing is recursive, so that what is too deep must never reach
 * it.
 */
function nesting(token: CST.Token): number {
  let deepest = 0;
  const open: { readonly token: CST.Token; readonly depth: number }[] = [{ token, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    deepest = Math.max(deepest, next.depth);
    if (next.token.type === "document" && next.token.value) open.push({ token: next.token.value, depth: next.depth });
    if (!("items" in next.token)) continue;
    for (const item of next.token.items) {
      if (item.key) open.push({ token: item.key, depth: next.depth + 1 });
      if (item.value) open.push({ token: item.value, depth: next.depth + 1 });
    }
  }
  return deepest;
}
