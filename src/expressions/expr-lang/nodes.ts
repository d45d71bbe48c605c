import type { Matcher } from "../pratt.ts";

interface Place {
  /** UTF-16 offset in the expression. */
  readonly at: number;
}

export type Node = Place &
  (
    | { readonly kind: "nil" }
    | { readonly kind: "bool"; readonly value: boolean }
    | { readonly kind: "int"; readonly value: bigint }
    | { readonly kind: "float"; readonly value: number }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "identifier"; readonly name: string }
    | { readonly kind: "unary"; readonly operator: string; readonly operand: Node }
    | BinaryNode
    /** The end of an `a?.b.c`: where a nil on the way lands. */
    | { readonly kind: "chain"; readonly node: Node }
    | MemberNode
    | { readonly kind: "slice"; readonly node: Node; readonly from: Node | undefined; readonly to: Node | undefined }
    | CallNode
    | BuiltinNode
    | { readonly kind: "pointer"; readonly name: string }
    | { readonly kind: "let"; readonly name: string; readonly value: Node; readonly body: Node }
    | { readonly kind: "conditional"; readonly test: Node; readonly yes: Node; readonly no: Node }
    /** `constant`: all literals, so it costs no memory at evaluation. */
    | { readonly kind: "array"; readonly items: readonly Node[]; readonly constant?: boolean }
    | { readonly kind: "map"; readonly pairs: readonly { readonly key: Node; readonly value: Node }[] }
    /** `x in ["a", "b"]`: a set, in which Go cannot look for anything but a string. */
    | { readonly kind: "inStrings"; readonly left: Node; readonly values: ReadonlySet<string> }
  );

export interface BinaryNode extends Place {
  readonly kind: "binary";
  readonly operator: string;
  readonly left: Node;
  readonly right: Node;
  /** The pattern of `matches` where it is a literal. */
  readonly regex?: Matcher;
  /** A short range of literals, made once at load. */
  readonly constant?: readonly bigint[];
}

export interface MemberNode extends Place {
  readonly kind: "member";
  readonly node: Node;
  readonly property: Node;
  readonly optional: boolean;
}

export interface CallNode extends Place {
  readonly kind: "call";
  readonly callee: Node;
  readonly args: readonly Node[];
}

export interface BuiltinNode extends Place {
  readonly kind: "builtin";
  readonly name: string;
  readonly args: readonly Node[];
  /** What `find`, `findLast` and `filter` make of an element they take, when a `map` was joined to them. */
  readonly mapped?: Node;
  /** `filter(...)[0]`, which fails where nothing is found. */
  readonly throws?: boolean;
}

/** The nodes right below a node. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case "unary":
      return [node.operand];
    case "binary":
      return [node.left, node.right];
    case "inStrings":
      return [node.left];
    case "chain":
      return [node.node];
    case "member":
      return [node.node, node.property];
    case "slice":
      return [node.node, node.from, node.to].filter((child) => child !== undefined);
    case "call":
      return [node.callee, ...node.args];
    case "builtin":
      return node.mapped === undefined ? node.args : [...node.args, node.mapped];
    case "let":
      return [node.value, node.body];
    case "conditional":
      return [node.test, node.yes, node.no];
    case "array":
      return node.items;
    case "map":
      return node.pairs.flatMap(({ key, value }) => [key, value]);
    default:
      return [];
  }
}
