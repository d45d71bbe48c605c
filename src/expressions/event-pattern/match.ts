import { MAX_DATA_DEPTH, tooDeep } from "../pratt.ts";
import type { Tree } from "./expand.ts";
import type { Leaf } from "./parse.ts";
import type { Scalar } from "./value.ts";

/*
 * event-ruler flattens an event to (name, value, which element of which list), tries the pattern's names in their order, and
 * drops a combination whose values come from two elements of one list. Here the event is walked as the tree that it is, which
 * gives the same without trying combinations: under a list, one element must hold all that the pattern wants there. One
 * rule needs care. `exists: false` looks only at the elements that are settled by names before it; as long as none has
 * settled which element of a list is meant, there must be no value in any element. `Open` is the outermost such list.
 */
interface Open {
  readonly list: readonly unknown[];
  /** Answers, since every element of the list asks the same. */
  readonly known: Map<Leaf, boolean>;
}

/** The names that lead from an open list to where the walk is, the last one first. */
interface Trail {
  readonly name: string;
  readonly before: Trail | undefined;
  /** The name is the first part of one with dots: what comes next belongs to it. */
  readonly isPart: boolean;
}

interface Place {
  readonly open: Open | undefined;
  readonly trail: Trail | undefined;
}

/** No; yes without having met a value; yes, by a value (which settles the elements around it). */
type Outcome = 0 | 1 | 2;

const outside: Place = { open: undefined, trail: undefined };

export function matchesTree(tree: Tree, data: unknown): boolean {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return false;
  return matchObject(tree, data, outside) > 0;
}

function matchObject(tree: Tree, value: unknown, around: Place): Outcome {
  let place = around;
  let met: Outcome = 1;
  for (const entry of tree.entries) {
    const split = entry.nested !== undefined && !has(value, entry.key);
    const { node, key } = split && entry.nested !== undefined ? entry.nested : entry;
    const member = has(value, key) ? Reflect.get(value, key) : undefined;
    const outcome =
      node.kind === "tree"
        ? matchValue(node.tree, member, under(place, key, split), 0)
        : anyPasses(node, member)
          ? 2
          : node.absent && !isThere(node, key, value, place)
            ? 1
            : 0;
    if (outcome === 0) return 0;
    if (outcome === 2) {
      met = 2;
      place = outside;
    }
  }
  return met;
}

function under(place: Place, name: string, isPart: boolean): Place {
  return place.open === undefined ? place : { open: place.open, trail: along(place.trail, name, isPart) };
}

function along(trail: Trail | undefined, name: string, isPart: boolean): Trail {
  if (trail?.isPart !== true) return { name, before: trail, isPart };
  return { name: `${trail.name}.${name}`, before: trail.before, isPart };
}

function matchValue(tree: Tree, value: unknown, place: Place, depth: number): Outcome {
  if (!Array.isArray(value)) return matchObject(tree, value, place);
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  const inside: Place =
    place.open === undefined ? { open: { list: value, known: new Map() }, trail: undefined } : place;
  if (value.length === 0) return matchObject(tree, undefined, inside);
  let best: Outcome = 0;
  for (const element of value) {
    const outcome = matchValue(tree, element, inside, depth + 1);
    if (outcome === 2) return 2;
    if (outcome === 1) best = 1;
  }
  return best;
}

function anyPasses(leaf: Leaf, value: unknown): boolean {
  return someScalar(value, (scalar) => passes(leaf, scalar));
}

/** Whether there is a value where `exists: false` looks: in this object, or in all elements of the open list. */
function isThere(leaf: Leaf, key: string, object: unknown, { open, trail }: Place): boolean {
  if (open === undefined) return hasScalar(object, [key]);
  const known = open.known.get(leaf);
  if (known !== undefined) return known;
  const names: string[] = [];
  for (let step: Trail | undefined = along(trail, key, false); step !== undefined; step = step.before) {
    names.push(step.name);
  }
  const there = hasScalar(open.list, names.reverse());
  open.known.set(leaf, there);
  return there;
}

/** Whether one of a leaf's values is what the event has. */
export function passes(leaf: Leaf, value: Scalar): boolean {
  for (const test of leaf.tests) if (test.test(value)) return true;
  return false;
}

function has(value: unknown, key: string): value is object {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

/** Whether a value, or one in its lists, is a leaf of an event that passes; what is in objects is none of it. */
function someScalar(value: unknown, test: (value: Scalar) => boolean, depth = 0): boolean {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return test(value);
    case "bigint":
      return test(Number(value));
    case "object":
      if (value === null) return test(value);
      if (!Array.isArray(value)) return false;
      if (depth > MAX_DATA_DEPTH) return tooDeep();
      return value.some((element) => someScalar(element, test, depth + 1));
    default:
      return false;
  }
}

function hasScalar(from: unknown, keys: readonly string[]): boolean {
  return someLeaf(from, keys, () => true);
}

/** Whether one of the leaves that the names lead to, through all lists on the way, is what is looked for. */
export function someLeaf(from: unknown, keys: readonly string[], test: (value: Scalar) => boolean): boolean {
  return someBelow(from, { keys, at: 0, test }, 0);
}

interface Search {
  readonly keys: readonly string[];
  /** Which of the names comes next. */
  readonly at: number;
  readonly test: (value: Scalar) => boolean;
}

function someBelow(from: unknown, search: Search, depth: number): boolean {
  const { keys, at, test } = search;
  const key = keys[at];
  if (key === undefined) return someScalar(from, test);
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (Array.isArray(from)) return from.some((element) => someBelow(element, search, depth + 1));
  if (has(from, key)) return someBelow(Reflect.get(from, key), { keys, at: at + 1, test }, depth);
  const dot = key.indexOf(".");
  if (dot < 0) return false;
  const split = [key.slice(0, dot), key.slice(dot + 1), ...keys.slice(at + 1)];
  return someBelow(from, { keys: split, at: 0, test }, depth);
}
