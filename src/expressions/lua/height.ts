import type { Statement } from "./ast.ts";

/** How deep a statement is nested, blocks within it included: what running it needs of the JavaScript stack. */
export function heightOf(statement: Statement): number {
  switch (statement.kind) {
    case "call":
      return statement.call.height;
    case "assign":
      return tallest(statement.targets, statement.values);
    case "declare":
    case "return":
      return tallest(statement.values);
    case "do":
      return statement.block.height + 1;
    case "while":
    case "repeat":
      return Math.max(statement.condition.height, statement.block.height) + 1;
    case "if": {
      const blocks = statement.branches.flatMap(({ condition, block }) => [condition, block]);
      return tallest(blocks, statement.otherwise === undefined ? [] : [statement.otherwise]) + 1;
    }
    case "for":
      return tallest([statement.from, statement.to, statement.block], statement.step ? [statement.step] : []) + 1;
    case "iterate":
      return tallest(statement.values, [statement.block]) + 1;
    default:
      return 1;
  }
}

function tallest(...lists: readonly (readonly { readonly height: number }[])[]): number {
  let height = 0;
  for (const list of lists) for (const each of list) height = Math.max(height, each.height);
  return height + 1;
}
