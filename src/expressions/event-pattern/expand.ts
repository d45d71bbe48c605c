import { PatternError } from "./fault.ts";
import { type Group, type Leaf, MAX_COMBINATIONS } from "./parse.ts";

/** A pattern without `$or`: what of an object must hold, in event-ruler's order (by full name, in UTF-16 units). */
export interface Tree {
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: string;
  readonly node: Leaf | TreeNode;
  /** For a key with a dot: the same as members of members, for an event that has no member of the whole name. */
  readonly nested: Entry | undefined;
}

export interface TreeNode {
  readonly kind: "tree";
  readonly tree: Tree;
}

/** Conditions over all combinations: what a hostile pattern may make of `$or`. */
const MAX_CONDITIONS = 100_000;

/** While expanding: leaves and groups by name; both may have the same one (a list may hold values and objects). */
interface Draft {
  readonly leaves: ReadonlyMap<string, Leaf>;
  readonly groups: ReadonlyMap<string, Draft>;
}

const nothing: Draft = { leaves: new Map(), groups: new Map() };

/** One tree for each way to choose from the `$or`s, as event-ruler makes its sub-rules. */
export function expand(root: Group): readonly Tree[] {
  const combinations = count(root);
  if (combinations * leafCount(root) > MAX_CONDITIONS) {
    throw new PatternError(`with all alternatives of $or the pattern has more than ${MAX_CONDITIONS} conditions`, []);
  }
  return draftsOf(root).map(finish);
}

/** How many combinations there are; too many is refused at the object or `$or` that makes them so. */
function count(group: Group): number {
  let product = 1;
  const times = (factor: number, path: Leaf["path"]): void => {
    product *= factor;
    if (product > MAX_COMBINATIONS) {
      throw new PatternError(`the alternatives of $or make more than ${MAX_COMBINATIONS} combinations`, path);
    }
  };
  for (const [, node] of group.members) if (node.kind === "group") times(count(node), node.path);
  for (const { alternatives, path } of group.choices) {
    times(
      alternatives.reduce((sum, alternative) => sum + count(alternative), 0),
      path,
    );
  }
  return product;
}

function leafCount({ members, choices }: Group): number {
  const below = members.map(([, node]) => (node.kind === "leaf" ? 1 : leafCount(node)));
  const chosen = choices.flatMap(({ alternatives }) => alternatives.map(leafCount));
  return [...below, ...chosen].reduce((sum, each) => sum + each, 0);
}

function draftsOf(group: Group): readonly Draft[] {
  let drafts: readonly Draft[] = [nothing];
  for (const [key, node] of group.members) {
    const added: readonly Draft[] =
      node.kind === "leaf"
        ? [{ leaves: new Map([[key, node]]), groups: new Map() }]
        : draftsOf(node).map((draft) => ({ leaves: new Map(), groups: new Map([[key, draft]]) }));
    drafts = combine(drafts, added);
  }
  for (const { alternatives } of group.choices) drafts = combine(drafts, alternatives.flatMap(draftsOf));
  return drafts;
}

function combine(some: readonly Draft[], others: readonly Draft[]): readonly Draft[] {
  return some.flatMap((one) => others.map((other) => merge(one, other)));
}

function merge(one: Draft, other: Draft): Draft {
  if (one === nothing) return other;
  const leaves = new Map(one.leaves);
  for (const [key, leaf] of other.leaves) {
    if (leaves.has(key)) {
      throw new PatternError(
        `"${key}" is asked twice: beside $or and in it, or in two of them; join the two`,
        leaf.path,
      );
    }
    leaves.set(key, leaf);
  }
  const groups = new Map(one.groups);
  for (const [key, group] of other.groups) groups.set(key, merge(groups.get(key) ?? nothing, group));
  return { leaves, groups };
}

function finish({ leaves, groups }: Draft): Tree {
  const entries: Entry[] = [];
  for (const [key, leaf] of leaves) entries.push(entry(key, leaf));
  for (const [key, group] of groups) entries.push(entry(key, { kind: "tree", tree: finish(group) }));
  return { entries: entries.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)) };
}

function orderOf({ key, node }: Entry): string {
  return node.kind === "leaf" ? key : `${key}.`;
}

function entry(key: string, node: Leaf | TreeNode): Entry {
  const dot = key.indexOf(".");
  if (dot < 0) return { key, node, nested: undefined };
  const rest = entry(key.slice(dot + 1), node);
  const tree: TreeNode = { kind: "tree", tree: { entries: [rest] } };
  return { key, node, nested: { key: key.slice(0, dot), node: tree, nested: undefined } };
}
