import type { Tree } from "./expand.ts";
import { type PatternPath, shown } from "./fault.ts";
import { matchesTree, passes, someLeaf } from "./match.ts";
import type { Group, Leaf } from "./parse.ts";
import type { Scalar } from "./value.ts";

/** What became of one member of a pattern, or of a `$or`. */
export interface PatternClause {
  /** Where it is in the pattern; of one inside a `$or` the others may do. Empty: the pattern as a whole. */
  readonly path: PatternPath;
  readonly passed: boolean;
  /** What the event has there, as JSON, cut to 80 characters; absent when it has nothing or is not asked. */
  readonly value?: string;
  /** What was wanted, and why that is so or not. */
  readonly reason: string;
}

const MOST_SHOWN = 5;

/**
 * A clause per leaf and per `$or`, in the order of the pattern; each leaf is looked at alone. When all hold, but not in one
 * and the same element of a list, a last clause says so.
 */
export function explainPattern(root: Group, trees: readonly Tree[], data: unknown): readonly PatternClause[] {
  const tree = trees.find((one) => matchesTree(one, data));
  const met = tree === undefined ? new Set<Leaf>() : leavesOf(tree);
  const clauses: PatternClause[] = [];
  const passed = addGroup(root, { data, keys: [], met, clauses });
  if (passed && tree === undefined) {
    clauses.push({ path: [], passed: false, reason: "each member matches, but not all within one element of a list" });
  }
  return clauses;
}

function leavesOf({ entries }: Tree): Set<Leaf> {
  const leaves = entries.flatMap(({ node }) => (node.kind === "leaf" ? [node] : [...leavesOf(node.tree)]));
  return new Set(leaves);
}

interface Telling {
  readonly data: unknown;
  /** The names that lead to the group. */
  readonly keys: readonly string[];
  /** The leaves that matched together. */
  readonly met: ReadonlySet<Leaf>;
  readonly clauses: PatternClause[];
}

function addGroup(group: Group, telling: Telling): boolean {
  let passed = true;
  for (const [key, node] of group.members) {
    const below = { ...telling, keys: [...telling.keys, key] };
    passed = (node.kind === "leaf" ? addLeaf(node, below) : addGroup(node, below)) && passed;
  }
  for (const { path, alternatives } of group.choices) {
    const which = alternatives.map((alternative) => addGroup(alternative, telling)).indexOf(true);
    const reason =
      which < 0
        ? `none of the ${alternatives.length} alternatives matches`
        : `alternative ${which + 1} of ${alternatives.length} matches`;
    telling.clauses.push({ path, passed: which >= 0, reason });
    passed = which >= 0 && passed;
  }
  return passed;
}

function addLeaf(leaf: Leaf, { data, keys, met, clauses }: Telling): boolean {
  const found: Scalar[] = [];
  let matched = false;
  someLeaf(data, keys, (value) => {
    matched ||= passes(leaf, value);
    found.push(value);
    return matched || found.length > 1_000;
  });
  // A list may have more values than are kept for the message.
  matched ||= someLeaf(data, keys, (value) => passes(leaf, value));
  const alone = matched || (leaf.absent && found.length === 0);
  const passed = alone || met.has(leaf);
  clauses.push({ path: leaf.path, passed, ...valueAs(found), reason: reasonFor({ leaf, found, alone, passed }) });
  return passed;
}

function valueAs(found: readonly Scalar[]): { readonly value?: string } {
  const [first] = found;
  if (first === undefined) return {};
  if (found.length === 1) return { value: shown(first) };
  const some = found.slice(0, MOST_SHOWN).map(shown).join(", ");
  return { value: `[${some}${found.length > MOST_SHOWN ? ", …" : ""}]` };
}

interface Verdict {
  readonly leaf: Leaf;
  readonly found: readonly Scalar[];
  readonly alone: boolean;
  readonly passed: boolean;
}

function reasonFor({ leaf, found, alone, passed }: Verdict): string {
  const wanted = leaf.tests.map((test) => test.wanted).join(" or ");
  if (passed && !alone) return `${wanted}: it is not in the element of the list that matches`;
  if (found.length === 0) return passed ? "there is no value, as wanted" : `there is no value; wanted: ${wanted}`;
  return passed ? `wanted: ${wanted}` : `is not what is wanted: ${wanted}`;
}
