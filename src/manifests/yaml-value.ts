import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { CodeName } from "../lib/errors.ts";
import type { Repair } from "../lib/finding.ts";
import { isOldBoolean, readPlain } from "./yaml-scalar.ts";

/** Where a member of a map or list stands. */
interface Member {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

/** The members of every map and list of a document, by the value made of it. */
export type Members = WeakMap<object, ReadonlyMap<string | number, Member>>;

interface NodeFinding {
  readonly severity: "error" | "warning";
  readonly code: CodeName;
  readonly message: string;
  readonly node: Node | undefined;
  readonly repair?: Repair;
}

export interface PlainValue {
  readonly value: unknown;
  readonly members: Members;
  readonly findings: readonly NodeFinding[];
}

/** The nesting that is read, aliases followed. A manifest has about 20 levels. */
export const maxDepth = 100;
/** Values that aliases may add to a document beyond those written. */
const maxAliased = 100_000;
/** Findings of one document; what is wrong a thousand times is wrong once. */
const maxFindings = 100;

interface Converted {
  readonly value: unknown;
  /** Values inside, itself included, aliases counted as often as they are used. */
  readonly size: number;
  readonly depth: number;
}

interface Reading {
  readonly members: Members;
  /** `null` while the anchored value itself is being read: an alias to it then is a cycle. */
  readonly anchors: Map<string, Converted | null>;
  readonly findings: NodeFinding[];
  aliased: number;
}

const nothing: Converted = { value: null, size: 1, depth: 0 };

/**
 * Makes plain JSON values of a parsed document, as Kubernetes would: merge keys applied, aliases followed, every key
 * text. `__proto__` is a key like any other. Linear in the size of the document: duplicate keys and anchors are looked
 * up in maps (the YAML library's own checks are quadratic, so they are switched off).
 */
export function toPlain(document: Document.Parsed): PlainValue {
  const reading: Reading = { members: new WeakMap(), anchors: new Map(), findings: [], aliased: 0 };
  const { value } = convert(document.contents, 0, reading);
  return { value, members: reading.members, findings: reading.findings };
}

function report(reading: Reading, finding: NodeFinding): void {
  if (reading.findings.length < maxFindings) reading.findings.push(finding);
}

function convert(node: unknown, depth: number, reading: Reading): Converted {
  if (isAlias(node)) return follow(node, depth, reading);
  if (isMap(node)) return anchored(node, reading, () => convertMap(node, depth, reading));
  if (isSeq(node)) {
    return anchored(node, reading, () => {
      const items: unknown[] = [];
      const members = new Map<number, Member>();
      let size = 1;
      let deepest = 0;
      for (const item of node.items) {
        const child = convert(item, depth + 1, reading);
        members.set(items.length, { key: undefined, value: item as Node });
        items.push(child.value);
        size += child.size;
        deepest = Math.max(deepest, child.depth);
      }
      reading.members.set(items, members);
      return { value: items, size, depth: deepest + 1 };
    });
  }
  if (isScalar(node)) return anchored(node, reading, () => ({ value: scalar(node, reading), size: 1, depth: 0 }));
  return nothing;
}

function anchored(node: { anchor?: string | undefined }, reading: Reading, read: () => Converted): Converted {
  const { anchor } = node;
  if (anchor === undefined) return read();
  reading.anchors.set(anchor, null);
  const converted = read();
  reading.anchors.set(anchor, converted);
  return converted;
}

function follow(alias: Node & { source: string }, depth: number, reading: Reading): Converted {
  const target = reading.anchors.get(alias.source);
  const fail = (message: string, code: CodeName = "YAML_ALIAS"): Converted => {
    report(reading, { severity: "error", code, message, node: alias });
    return nothing;
  };
  if (target === undefined) return fail(`no anchor &${alias.source} stands before this alias`);
  if (target === null) return fail(`*${alias.source} contains itself`);
  if (depth + target.depth > maxDepth) return fail("aliases nest too deep", "YAML_TOO_DEEP");
  reading.aliased += target.size;
  if (reading.aliased > maxAliased) {
    return reading.aliased - target.size > maxAliased ? nothing : fail(`aliases add more than ${maxAliased} values`);
  }
  return target;
}

function convertMap(node: YAMLMap, depth: number, reading: Reading): Converted {
  const object: Record<string, unknown> = {};
  const members = new Map<string, Member>();
  const merges: Pair[] = [];
  let size = 1;
  let deepest = 0;
  for (const pair of node.items) {
    if (isMerge(pair.key)) {
      merges.push(pair);
      continue;
    }
    const key = keyText(pair.key, reading);
    const child = convert(pair.value, depth + 1, reading);
    if (key === undefined) continue;
    if (members.has(key)) {
      report(reading, {
        severity: "error",
        code: "YAML_DUPLICATE_KEY",
        message: `"${key}" is there twice`,
        node: pair.key as Node,
      });
      continue;
    }
    members.set(key, { key: pair.key as Node, value: (pair.value ?? undefined) as Node | undefined });
    setOwn(object, key, child.value);
    size += child.size;
    deepest = Math.max(deepest, child.depth);
  }
  for (const pair of merges) {
    const child = convert(pair.value, depth + 1, reading);
    deepest = Math.max(deepest, child.depth);
    size += child.size;
    merge(child.value, pair, { object, members, reading });
  }
  reading.members.set(object, members);
  return { value: object, size, depth: deepest + 1 };
}

function isMerge(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.source === "<<" && key.tag === undefined;
}

/** Adds what the map does not have itself; of several merged maps the first that has a key gives it. */
function merge(
  merged: unknown,
  pair: Pair,
  into: { object: Record<string, unknown>; members: Map<string, Member>; reading: Reading },
): void {
  for (const source of Array.isArray(merged) ? merged : [merged]) {
    const from = typeof source === "object" && source !== null ? into.reading.members.get(source) : undefined;
    if (from === undefined || Array.isArray(source)) {
      const message = "<< takes a map, or a list of maps";
      report(into.reading, { severity: "error", code: "YAML_INVALID", message, node: pair.key as Node });
      continue;
    }
    for (const [key, member] of from) {
      if (typeof key !== "string" || into.members.has(key)) continue;
      into.members.set(key, member);
      setOwn(into.object, key, (source as Record<string, unknown>)[key]);
    }
  }
}

/** Sets a property without ever reaching a setter: `__proto__` becomes a plain key. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function keyText(key: unknown, reading: Reading): string | undefined {
  if (isAlias(key)) {
    const target = follow(key, 0, reading).value;
    if (typeof target === "string") return target;
  }
  if (isScalar(key)) {
    if (typeof key.value === "string") {
      if (key.type === "PLAIN" && key.tag === undefined && isOldBoolean(key.value)) {
        const message = `Kubernetes reads the unquoted key ${key.value} as a boolean`;
        report(reading, { severity: "warning", code: "YAML_AMBIGUOUS", message, node: key });
      }
      return key.value;
    }
    if (key.value !== null && key.value !== undefined) return key.source ?? String(key.value);
  }
  report(reading, { severity: "error", code: "YAML_INVALID", message: "a key must be text", node: key as Node });
  return undefined;
}

function scalar(node: Node & { value: unknown; type?: string; source?: string; tag?: string }, reading: Reading) {
  const { value, source } = node;
  if (node.type !== "PLAIN" || source === undefined || node.tag !== undefined) return plainText(value);
  const read = readPlain(source, value);
  if (read.surprise !== undefined) {
    const repair: Repair | undefined =
      typeof read.value === "boolean" ? { do: "value", text: String(read.value) } : undefined;
    const found = { severity: "warning", code: "YAML_AMBIGUOUS", message: read.surprise, node } as const;
    report(reading, repair === undefined ? found : { ...found, repair });
  }
  if (typeof read.value === "number" && !Number.isFinite(read.value)) {
    report(reading, { severity: "error", code: "YAML_INVALID", message: `${source} is no JSON number`, node });
    return null;
  }
  return plainText(read.value);
}

/** Whatever a tag made of a scalar, as JSON has it. */
function plainText(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return typeof value === "object" || typeof value === "bigint" ? String(value) : value;
}
