import { isScalar, type Node, type Pair, type YAMLMap } from "yaml";

/** A piece of text that is replaced; offsets in the text before. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A key with its value, and where it stands. */
export interface Held {
  readonly pair: Pair<Node, Node | null>;
  readonly map: YAMLMap;
  /** The member that holds the map; undefined for the root and for items of lists. */
  readonly holder: Held | undefined;
}

export function rangeOf(node: Node): { readonly start: number; readonly end: number } {
  const [start, end] = node.range ?? [0, 0];
  return { start, end };
}

export function keyText(held: Held | undefined): string | undefined {
  const key = held?.pair.key;
  return isScalar(key) && typeof key.value === "string" ? key.value : undefined;
}

export function has(map: YAMLMap, name: string): boolean {
  return map.items.some(({ key }) => isScalar(key) && key.value === name);
}
