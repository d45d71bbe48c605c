import { printPlain } from "../go-fmt.ts";
import { CallFault, GoMap, type GoValue, int, isTrue } from "../go-value.ts";
import { deeper, evalPipe, setVariable } from "./evaluate.ts";
import { failure, type Run } from "./faults.ts";
import { type List, type Node, type Pipe, pipeText } from "./nodes.ts";

/** How a list ended: ran through, or reached `{{break}}` or `{{continue}}`. */
type Ending = "done" | "break" | "continue";

const NODE_COST = 8;

/** Executes a list of nodes; what they print is added to `run.out`. */
export function execute(run: Run, dot: GoValue, nodes: List): Ending {
  for (const node of nodes) {
    run.cx.meter.spend(NODE_COST);
    const ending = executeNode(run, dot, node);
    if (ending !== "done") return ending;
  }
  return "done";
}

function executeNode(run: Run, dot: GoValue, node: Node): Ending {
  switch (node.kind) {
    case "text":
      write(run, node.text);
      return "done";
    case "action": {
      const value = evalPipe(run, dot, node.pipe);
      if (node.pipe.variables.length === 0) {
        write(run, value === undefined ? "<no value>" : printPlain(value, run.cx.meter));
      }
      return "done";
    }
    case "if":
    case "with":
      return scoped(run, () => executeBranch(run, dot, node));
    case "range":
      return scoped(run, () => executeRange(run, dot, node));
    case "template":
      callTemplate(run, dot, node);
      return "done";
    case "break":
    case "continue":
      return node.kind;
  }
}

function write(run: Run, text: string): void {
  run.cx.meter.spend(text.length);
  run.out += text;
  if (run.out.length > run.maxOutput) throw new CallFault(`the output is longer than ${run.maxOutput} characters`);
}

/** Variables declared inside end with the block. */
function scoped(run: Run, body: () => Ending): Ending {
  const mark = run.variables.length;
  const ending = deeper(run, body);
  run.variables.length = mark;
  return ending;
}

function executeBranch(run: Run, dot: GoValue, node: Node & { kind: "if" | "with" }): Ending {
  const value = evalPipe(run, dot, node.pipe);
  if (isTrue(value)) return execute(run, node.kind === "with" ? value : dot, node.body);
  return node.otherwise === undefined ? "done" : execute(run, dot, node.otherwise);
}

function executeRange(run: Run, dot: GoValue, node: Node & { kind: "range" }): Ending {
  const value = evalPipe(run, dot, node.pipe);
  const mark = run.variables.length;
  let ran = false;
  for (const [index, element] of elementsOf(run, node.pipe, value)) {
    ran = true;
    run.cx.meter.spend(NODE_COST);
    bind(run, node.pipe, { index, element });
    const ending = execute(run, element, node.body);
    run.variables.length = mark;
    if (ending === "break") break;
  }
  return ran || node.otherwise === undefined ? "done" : execute(run, dot, node.otherwise);
}

/** One variable gets the element, two get index (or key) and element. */
function bind(run: Run, pipe: Pipe, at: { readonly index: GoValue; readonly element: GoValue }): void {
  const { variables } = pipe;
  const values = variables.length > 1 ? [at.index, at.element] : [at.element];
  variables.forEach((name, i) => {
    if (pipe.assigns) setVariable(run, name, values[i], pipe);
    else {
      const variable = run.variables[run.variables.length - variables.length + i];
      if (variable !== undefined) variable.value = values[i];
    }
  });
}

function* elementsOf(run: Run, pipe: Pipe, value: GoValue): Generator<readonly [GoValue, GoValue]> {
  if (value === undefined || value === null) return;
  if (value instanceof GoMap) {
    for (const key of value.keys()) yield [key, value.get(key)];
    return;
  }
  const at = { pos: pipe.pos, text: pipeText(pipe) };
  if (typeof value === "object" && value.go === "list") {
    for (let i = 0; i < value.items.length; i++) yield [int(i), value.items[i]];
    return;
  }
  if (typeof value !== "object" || value.go !== "int") {
    throw failure(run, at, `range can't iterate over ${printPlain(value, run.cx.meter)}`);
  }
  if (pipe.variables.length > 1) {
    throw failure(run, at, `can't use ${value.value} to iterate over more than one variable`);
  }
  for (let i = 0n; i < value.value; i++) yield [undefined, { go: "int", type: value.type, value: i }];
}

function callTemplate(run: Run, dot: GoValue, node: Node & { kind: "template" }): void {
  const body = run.templates.get(node.name);
  const at = { pos: node.pos, text: `{{template "${node.name}"}}` };
  if (body === undefined) throw failure(run, at, `template "${node.name}" not defined`);
  const value = node.pipe === undefined ? undefined : evalPipe(run, dot, node.pipe);
  const { variables, template } = run;
  run.variables = [{ name: "$", value }];
  run.template = node.name;
  deeper(run, () => execute(run, value, body));
  run.variables = variables;
  run.template = template;
}
