import { didYouMean } from "../lib/did-you-mean.ts";
import { type JsonSchema, kindSchema, type SchemaKind, schemaKinds, typeWords } from "./json-schema.ts";
import type { Lists } from "./lists.ts";

/** What is known of one field of a manifest. */
export interface FieldPage {
  readonly kind: SchemaKind;
  /** From the object's root: `spec.triggers[].template.http.url`; `*` stands for a name of the user's. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string | undefined;
  readonly description: string;
  readonly extension: boolean;
  readonly fields: readonly MemberLine[];
}

/** A field inside of it. */
export interface MemberLine {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  readonly extension: boolean;
}

/** The page of one field, or why there is none. */
export type Explained =
  | { readonly page: FieldPage }
  | { readonly several: readonly string[] }
  | { readonly unknown: string; readonly meant: string | undefined };

interface Node {
  readonly kind: SchemaKind;
  readonly path: string;
  /** The names that a person writes: without indexes and the user's own names. */
  readonly words: readonly string[];
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/**
 * Finds a field by a dotted path from its kind (`sensor.spec.triggers.template.http.url`), or by an end of one that only
 * one field has (`http.url`). Case does not matter; indexes and event names are left out, or written as `[]`, `*` or 0.
 */
export function explainField(query: string, lists: Lists): Explained {
  const words = query.split(/[.[\]]+/).filter((word) => word !== "" && word !== "*" && !/^\d+$/.test(word));
  const wanted = words.map((word) => word.toLowerCase());
  const nodes = schemaKinds.flatMap((kind) => nodesOf(kind, lists));
  const ends = nodes.filter(({ words: have }) => endsWith(have, wanted));
  const whole = ends.filter(({ words: have }) => have.length === wanted.length);
  const found = whole.length > 0 ? whole : ends;
  const [first, ...more] = found;
  if (first !== undefined && more.length === 0) return { page: pageOf(first, lists) };
  if (first !== undefined) return { several: found.map(nameOf) };
  return { unknown: query, meant: nearest(words, nodes) };
}

function nameOf({ kind, words }: Node): string {
  return [kind.toLowerCase(), ...words.slice(1)].join(".");
}

function endsWith(have: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0 || wanted.length > have.length) return false;
  const offset = have.length - wanted.length;
  return wanted.every((word, i) => (have[offset + i] ?? "").toLowerCase() === word);
}

/** The last word that is wrong, corrected: by the words that may stand there. */
function nearest(words: readonly string[], nodes: readonly Node[]): string | undefined {
  for (let at = 0; at < words.length; at++) {
    const before = words.slice(0, at).map((word) => word.toLowerCase());
    const around = before.length === 0 ? nodes : nodes.filter(({ words: have }) => endsWith(have.slice(0, -1), before));
    const candidates = new Set(around.map(({ words: have }) => have.at(-1) ?? ""));
    const word = words[at] ?? "";
    if ([...candidates].some((one) => one.toLowerCase() === word.toLowerCase())) continue;
    const meant = didYouMean(word, candidates);
    return meant === undefined ? undefined : words.with(at, meant).join(".");
  }
  return undefined;
}

function* walk(node: Node, root: JsonSchema, depth: number): Iterable<Node> {
  yield node;
  if (depth === 0 || node.schema.ref !== undefined) return;
  const { schema, path } = inside(node, root);
  const required = new Set(schema.required);
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    // A dlqTrigger is a trigger: its fields are explained there.
    const deeper = name === "dlqTrigger" ? 0 : depth - 1;
    const inner = { kind: node.kind, path: `${path}.${name}`, words: [...node.words, name], schema: member };
    yield* walk({ ...inner, required: required.has(name) }, root, deeper);
  }
}

/** What is inside of lists, maps and references, and how the path is written then. */
function inside(
  { schema: outer, path: at }: Pick<Node, "schema" | "path">,
  root: JsonSchema,
): { schema: JsonSchema; path: string } {
  let schema = outer;
  let path = at;
  for (;;) {
    const long = schema.anyOf?.find((one) => one.properties !== undefined);
    if (schema.$ref !== undefined) schema = root.$defs?.trigger ?? {};
    else if (long !== undefined) schema = long;
    else if (schema.items !== undefined) [schema, path] = [schema.items, `${path}[]`];
    else if (schema.properties === undefined && isSchema(schema.additionalProperties))
      [schema, path] = [schema.additionalProperties, `${path}.*`];
    else return { schema, path };
  }
}

function isSchema(value: JsonSchema["additionalProperties"]): value is JsonSchema {
  return typeof value === "object" && Object.keys(value).length > 0;
}

function nodesOf(kind: SchemaKind, lists: Lists): readonly Node[] {
  const root = kindSchema(kind, lists);
  const node: Node = { kind, path: "", words: [kind.toLowerCase()], schema: root, required: true };
  return [...walk(node, root, 12)];
}

function pageOf(node: Node, lists: Lists): FieldPage {
  const root = kindSchema(node.kind, lists);
  const { schema } = inside(node, root);
  const required = new Set(schema.required);
  const members = node.schema.ref === undefined ? Object.entries(schema.properties ?? {}) : [];
  const said = describe(node.schema);
  return {
    kind: node.kind,
    path: node.path.replace(/^\./, ""),
    required: node.required,
    // Go's own default, where the description tells no other.
    default: defaultOf(said.description) ?? (node.schema.type === "boolean" ? "false" : undefined),
    ...said,
    fields: members.map(([name, member]) => ({ name, required: required.has(name), ...describe(member) })),
  };
}

function describe(schema: JsonSchema): { type: string; description: string; extension: boolean } {
  return {
    type: typeWords(schema),
    description: schema.description ?? schema.title ?? "",
    extension: schema.extension === true,
  };
}

/** Descriptions tell defaults in words: `Default 60.` or `POST by default`. */
function defaultOf(description: string): string | undefined {
  const told = /\bDefault:? ([^;:]+?)(?:\.(?:\s|$)|;|$)/.exec(description)?.[1];
  return (
    told ?? /([\w./+-]+) by default/.exec(description)?.[1] ?? /([A-Z][\w./+-]*) \(default\)/.exec(description)?.[1]
  );
}
