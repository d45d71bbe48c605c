import type { Block, CallNode, Expression, FunctionNode, Statement, Variable } from "./ast.ts";
import { compileAssign } from "./compile-assign.ts";
import { compileCallee, compileExpression, compileList, compileMulti, nameOf } from "./compile-expression.ts";
import { compileFor, compileIterate } from "./compile-loop.ts";
import { declaring, siteOf } from "./compile-operator.ts";
import { BREAK, type Exec, GOTO, NORMAL, RETURN, TAIL_CALL } from "./frame.ts";
import { isTrue, NOTHING, type Prototype } from "./values.ts";

/** The code of a function, without its upvalues. */
export function compileFunction(node: FunctionNode): Prototype {
  return {
    line: node.line,
    params: node.params.length,
    varargs: node.varargs,
    argSlot: node.arg !== undefined && !node.usesVarargs ? node.arg.slot : undefined,
    capturedParams: [...node.params, ...(node.arg === undefined ? [] : [node.arg])]
      .filter((variable) => variable.captured)
      .map((variable) => variable.slot),
    hasCells: node.hasCells,
    height: node.body.height + 3,
    body: compileBlock(node.body),
  };
}

/** A block pays for all that stands in it, once per run: nothing straight-lined is free. */
function compileBlock(block: Block): Exec {
  const { cost } = block;
  const statements = block.statements.map(compileStatement);
  if (block.labels.size > 0) return compileLabelled(block, statements);
  const [first, second] = statements;
  if (first === undefined) {
    return (frame) => {
      frame.machine.spend(cost);
      return NORMAL;
    };
  }
  if (second === undefined) {
    return (frame) => {
      frame.machine.spend(cost);
      return first(frame);
    };
  }
  return (frame) => {
    frame.machine.spend(cost);
    for (const statement of statements) {
      const completion = statement(frame);
      if (completion !== NORMAL) return completion;
    }
    return NORMAL;
  };
}

function compileLabelled(block: Block, statements: readonly Exec[]): Exec {
  const { cost, labels } = block;
  return (frame) => {
    frame.machine.spend(cost);
    for (let at = 0; at < statements.length; at++) {
      const completion = statements[at]?.(frame) ?? NORMAL;
      if (completion === NORMAL) continue;
      const target = completion === GOTO ? labels.get(frame.label) : undefined;
      if (target === undefined) return completion;
      frame.machine.spend(cost);
      at = target - 1;
    }
    return NORMAL;
  };
}

function compileStatement(node: Statement): Exec {
  switch (node.kind) {
    case "call": {
      const call = compileMulti({ ...node.call, single: false }, compileFunction);
      return (frame) => {
        call?.(frame);
        return NORMAL;
      };
    }
    case "assign":
      return compileAssign(node, compileFunction);
    case "declare":
      return compileDeclare(node.variables, node.values);
    case "do":
      return compileBlock(node.block);
    case "while":
      return compileWhile(node.condition, node.block);
    case "repeat":
      return compileRepeat(node.block, node.condition);
    case "if":
      return compileIf(node);
    case "for":
      return compileFor(node, compileFunction, compileBlock(node.block));
    case "iterate":
      return compileIterate(node, compileFunction, compileBlock(node.block));
    case "return":
      return compileReturn(node.values);
    case "break":
      return () => BREAK;
    case "goto": {
      const { label } = node;
      return (frame) => {
        frame.label = label;
        return GOTO;
      };
    }
  }
}

function compileDeclare(variables: readonly Variable[], values: readonly Expression[]): Exec {
  const declare = variables.map(declaring);
  const [first] = declare;
  const [value] = values;
  if (declare.length === 1 && values.length === 1 && first !== undefined && value !== undefined) {
    const evaluate = compileExpression(value, compileFunction);
    const slot = variables[0]?.slot ?? 0;
    if (value.kind !== "function" || variables[0]?.captured !== true) {
      return (frame) => {
        first(frame, evaluate(frame));
        return NORMAL;
      };
    }
    // The function may hold on to the variable that it becomes the value of.
    return (frame) => {
      first(frame, undefined);
      const made = evaluate(frame);
      const cell = frame.cells[slot];
      if (cell !== undefined) cell.value = made;
      return NORMAL;
    };
  }
  const list = compileList(values, compileFunction);
  return (frame) => {
    const all = list(frame);
    for (let i = 0; i < declare.length; i++) declare[i]?.(frame, all[i]);
    return NORMAL;
  };
}

function compileWhile(conditionNode: Expression, block: Block): Exec {
  const condition = compileExpression(conditionNode, compileFunction);
  const body = compileBlock(block);
  return (frame) => {
    while (isTrue(condition(frame))) {
      const completion = body(frame);
      if (completion === BREAK) break;
      if (completion !== NORMAL) return completion;
    }
    return NORMAL;
  };
}

function compileRepeat(block: Block, conditionNode: Expression): Exec {
  const condition = compileExpression(conditionNode, compileFunction);
  const body = compileBlock(block);
  return (frame) => {
    do {
      const completion = body(frame);
      if (completion === BREAK) break;
      if (completion !== NORMAL) return completion;
    } while (!isTrue(condition(frame)));
    return NORMAL;
  };
}

function compileIf(node: Statement & { kind: "if" }): Exec {
  const branches = node.branches.map(({ condition, block }) => ({
    condition: compileExpression(condition, compileFunction),
    body: compileBlock(block),
  }));
  const otherwise = node.otherwise === undefined ? undefined : compileBlock(node.otherwise);
  const [first] = branches;
  if (branches.length === 1 && first !== undefined) {
    const { condition, body } = first;
    return (frame) => {
      if (isTrue(condition(frame))) return body(frame);
      return otherwise === undefined ? NORMAL : otherwise(frame);
    };
  }
  return (frame) => {
    for (const { condition, body } of branches) if (isTrue(condition(frame))) return body(frame);
    return otherwise === undefined ? NORMAL : otherwise(frame);
  };
}

function compileReturn(values: readonly Expression[]): Exec {
  const [only] = values;
  if (only === undefined) {
    return (frame) => {
      frame.results = NOTHING;
      return RETURN;
    };
  }
  if (values.length === 1 && only.kind === "call" && !only.single) return compileTailCall(only);
  const list = compileList(values, compileFunction);
  return (frame) => {
    frame.results = list(frame);
    return RETURN;
  };
}

function compileTailCall(node: CallNode): Exec {
  const both = compileCallee(node, compileFunction);
  const site = siteOf(node, node.method ?? nameOf(node.callee));
  return (frame) => {
    const [callee, args] = both(frame);
    frame.machine.at(site);
    frame.callee = callee;
    frame.results = args;
    return TAIL_CALL;
  };
}
