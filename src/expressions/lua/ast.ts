import type { ArithmeticOperator } from "./operations.ts";

/** A local variable of one function. */
export interface Variable {
  readonly name: string;
  readonly slot: number;
  /** A closure uses it, so that it lives in a cell. Known when its scope has ended. */
  captured: boolean;
}

/** Where a closure finds an upvalue when it is made: a local of the function around it, or one of its upvalues. */
export type Capture = { readonly local: Variable } | { readonly upvalue: number };

interface Node {
  readonly line: number;
  readonly position: number;
  /** How deep the text below is nested: what evaluating it needs of the JavaScript stack. */
  readonly height: number;
}

export interface FunctionNode {
  readonly line: number;
  readonly params: readonly Variable[];
  readonly varargs: boolean;
  /** The implicit `arg`, in a function with `...`. */
  readonly arg: Variable | undefined;
  usesVarargs: boolean;
  captures: readonly Capture[];
  hasCells: boolean;
  body: Block;
}

export type Comparison = "==" | "~=" | "<" | "<=" | ">" | ">=";

interface LocalNode extends Node {
  readonly kind: "local";
  readonly variable: Variable;
}
interface IndexNode extends Node {
  readonly kind: "index";
  readonly object: Expression;
  readonly key: Expression;
}
export interface CallNode extends Node {
  readonly kind: "call";
  readonly callee: Expression;
  /** `object:method(...)`: the object is `callee`. */
  readonly method: string | undefined;
  readonly args: readonly Expression[];
  /** In parentheses: one value. */
  readonly single: boolean;
}
interface VarargNode extends Node {
  readonly kind: "vararg";
  readonly single: boolean;
}
export interface TableItem {
  readonly key: Expression | undefined;
  readonly value: Expression;
}
export type Target =
  | LocalNode
  | IndexNode
  | (Node & { readonly kind: "upvalue"; readonly index: number; readonly name: string })
  | (Node & { readonly kind: "global"; readonly name: string });

export type Expression =
  | Target
  | CallNode
  | VarargNode
  | (Node & { readonly kind: "constant"; readonly value: undefined | boolean | number | string })
  | (Node & { readonly kind: "function"; readonly made: FunctionNode })
  | (Node & { readonly kind: "table"; readonly items: readonly TableItem[] })
  | (Node & {
      readonly kind: "arithmetic";
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & {
      readonly kind: "compare";
      readonly operator: Comparison;
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & { readonly kind: "and" | "or" | "concat"; readonly parts: readonly Expression[] })
  | (Node & { readonly kind: "not" | "negate" | "length"; readonly operand: Expression });

export interface Block {
  readonly statements: readonly Statement[];
  /** Index of the statement that follows each label. */
  readonly labels: ReadonlyMap<string, number>;
  readonly height: number;
  /** Nodes in it, those of nested blocks and functions not counted: what one run of it costs. */
  readonly cost: number;
}

interface Branch {
  readonly condition: Expression;
  readonly block: Block;
}

export type Statement =
  | { readonly kind: "call"; readonly call: CallNode }
  | { readonly kind: "assign"; readonly targets: readonly Target[]; readonly values: readonly Expression[] }
  | { readonly kind: "declare"; readonly variables: readonly Variable[]; readonly values: readonly Expression[] }
  | { readonly kind: "do"; readonly block: Block }
  | { readonly kind: "while"; readonly condition: Expression; readonly block: Block }
  | { readonly kind: "repeat"; readonly block: Block; readonly condition: Expression }
  | { readonly kind: "if"; readonly branches: readonly Branch[]; readonly otherwise: Block | undefined }
  | {
      readonly kind: "for";
      readonly variable: Variable;
      readonly from: Expression;
      readonly to: Expression;
      readonly step: Expression | undefined;
      readonly block: Block;
      readonly line: number;
      readonly position: number;
    }
  | {
      readonly kind: "iterate";
      readonly variables: readonly Variable[];
      readonly values: readonly Expression[];
      readonly block: Block;
      readonly line: number;
      readonly position: number;
    }
  | { readonly kind: "return"; readonly values: readonly Expression[] }
  | { readonly kind: "break" }
  | { readonly kind: "goto"; readonly label: string };
