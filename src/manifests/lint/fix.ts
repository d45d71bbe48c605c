import { isCollection, isMap, isScalar, isSeq, type Node, type Pair, parseAllDocuments, type Scalar } from "yaml";
import type { PlacedFinding, Repair } from "../../lib/finding.ts";
import { linesOf, placeOf } from "../yaml-place.ts";
import { type Edit, type Held, has, keyText, rangeOf } from "./held.ts";
import { moved } from "./move.ts";

export interface FixedText {
  readonly text: string;
  readonly changes: readonly { readonly line: number; readonly what: string }[];
}

/**
 * Applies the repairs of findings to the text that they were found in. Only the characters concerned change: comments and
 * formatting stay. A repair that does not fit the text (an alias, a flow map, a key that is there already) is left out.
 */
export function fixText(text: string, findings: readonly PlacedFinding[]): FixedText {
  const lines = linesOf(text);
  const { keys, scalars } = placesOf(text);
  const edits: Edit[] = [];
  const changes: { line: number; what: string }[] = [];
  // What is unquoted and must be text is quoted: the same word read as true or false is only what it was taken for.
  const inOrder = findings.toSorted((a, b) => Number(b.repair?.do === "quote") - Number(a.repair?.do === "quote"));
  for (const { line, column, repair } of inOrder) {
    const offset = (lines.starts[line - 1] ?? 0) + column - 1;
    const made =
      repair === undefined ? undefined : editsOf(repair, { text, key: keys.get(offset), scalar: scalars.get(offset) });
    if (made === undefined || made.edits.some((edit) => edits.some((other) => overlap(edit, other)))) continue;
    edits.push(...made.edits);
    changes.push({ line: placeOf(lines, offset).line, what: made.what });
  }
  const fixed = edits
    .toSorted((a, b) => b.start - a.start || b.end - a.end)
    .reduce((after, { start, end, text: written }) => after.slice(0, start) + written + after.slice(end), text);
  return { text: fixed, changes };
}

function overlap(a: Edit, b: Edit): boolean {
  return a.start <= b.end && b.start <= a.end;
}

interface At {
  readonly text: string;
  readonly key: Held | undefined;
  readonly scalar: Scalar | undefined;
}

interface Made {
  readonly edits: readonly Edit[];
  readonly what: string;
}

function editsOf(repair: Repair, { text, key, scalar }: At): Made | undefined {
  switch (repair.do) {
    case "rename": {
      const name = keyText(key);
      if (key === undefined || name === undefined || has(key.map, repair.to)) return undefined;
      const { start, end } = rangeOf(key.pair.key);
      const quote = /^['"]/.exec(text.slice(start, end))?.[0] ?? "";
      return { edits: [{ start, end, text: quote + repair.to + quote }], what: `${name} is now ${repair.to}` };
    }
    case "move":
      return key === undefined ? undefined : moved(text, key, repair.to);
    default:
      return scalar === undefined ? undefined : rewritten(repair, text, scalar);
  }
}

function rewritten(repair: Exclude<Repair, { do: "rename" | "move" }>, text: string, scalar: Scalar): Made | undefined {
  const { start, end } = rangeOf(scalar);
  const source = text.slice(start, end);
  if (scalar.anchor !== undefined || scalar.tag !== undefined) return undefined;
  const written = newText(repair, source, scalar);
  if (written === undefined || written === source) return undefined;
  return { edits: [{ start, end, text: written }], what: `${source} is now ${written}` };
}

function newText(
  repair: Exclude<Repair, { do: "rename" | "move" }>,
  source: string,
  scalar: Scalar,
): string | undefined {
  const plain = scalar.type === "PLAIN";
  if (repair.do === "value")
    return plain || scalar.type === "QUOTE_DOUBLE" || scalar.type === "QUOTE_SINGLE" ? repair.text : undefined;
  if (repair.do === "quote") return plain && /^[\w.+:-]+$/.test(source) ? `"${source}"` : undefined;
  if (scalar.type !== "QUOTE_DOUBLE" && scalar.type !== "QUOTE_SINGLE") return undefined;
  const content = String(scalar.value).toLowerCase();
  return /^(?:true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/.test(content) ? content : undefined;
}

/** Keys and scalar values by the offset at which they begin. */
function placesOf(text: string): {
  readonly keys: ReadonlyMap<number, Held>;
  readonly scalars: ReadonlyMap<number, Scalar>;
} {
  const keys = new Map<number, Held>();
  const scalars = new Map<number, Scalar>();
  const open: { readonly node: unknown; readonly holder: Held | undefined }[] = [];
  const documents = parseAllDocuments(text, { version: "1.2", schema: "core", uniqueKeys: false, prettyErrors: false });
  for (const document of Array.isArray(documents) ? documents : [])
    open.push({ node: document.contents, holder: undefined });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, holder } = next;
    if (isScalar(node)) scalars.set(rangeOf(node).start, node);
    if (!isCollection(node)) continue;
    if (isSeq(node)) for (const item of node.items) open.push({ node: item, holder: undefined });
    if (!isMap(node)) continue;
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const held: Held = { pair, map: node, holder };
      if (isScalar(pair.key)) keys.set(rangeOf(pair.key).start, held);
      open.push({ node: pair.value, holder: held });
    }
  }
  return { keys, scalars };
}
