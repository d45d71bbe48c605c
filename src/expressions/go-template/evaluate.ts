import {
  CallFault,
  GO_TYPES,
  type GoFunction,
  GoMap,
  type GoValue,
  isTrue,
  type ParamType,
  typeName,
} from "../go-value.ts";
import { checkType, evalLiteral, failAt, literalValue } from "./arguments.ts";
import { failure, type Run } from "./faults.ts";
import { commandText, type Operand, operandText, type Pipe, pipeText } from "./nodes.ts";

/** No value was piped in: not the same as a value that is missing. */
const NONE = Symbol("none");
type Final = GoValue | typeof NONE;

/** Nested evaluation that a JavaScript stack of one megabyte surely holds. */
const MAX_DEPTH = 300;
const NODE_COST = 8;

/** Runs `body` one level deeper; a template that calls itself for ever ends here. */
export function deeper<T>(run: Run, body: () => T): T {
  if (run.depth >= MAX_DEPTH) throw new CallFault(`exceeded maximum template depth (${MAX_DEPTH})`);
  run.depth += 1;
  const value = body();
  run.depth -= 1;
  return value;
}

/** The value of a pipeline, given to its variables too. A nil interface comes out as no value. */
export function evalPipe(run: Run, dot: GoValue, pipe: Pipe): GoValue {
  if (run.depth >= MAX_DEPTH) throw new CallFault(`exceeded maximum template depth (${MAX_DEPTH})`);
  run.depth += 1;
  let value: Final = NONE;
  for (const command of pipe.commands) value = evalCommand(run, dot, { command, final: value }) ?? undefined;
  const result = value === NONE ? undefined : value;
  for (const name of pipe.variables) {
    if (pipe.assigns) setVariable(run, name, result, pipe);
    else run.variables.push({ name, value: result });
  }
  run.depth -= 1;
  return result;
}

export function setVariable(run: Run, name: string, value: GoValue, pipe: Pipe): void {
  for (let i = run.variables.length - 1; i >= 0; i--) {
    const variable = run.variables[i];
    if (variable?.name !== name) continue;
    variable.value = value;
    return;
  }
  throw failure(run, { pos: pipe.pos, text: pipeText(pipe) }, `undefined variable: ${name}`);
}

function getVariable(run: Run, node: Operand, name: string): GoValue {
  for (let i = run.variables.length - 1; i >= 0; i--) {
    const variable = run.variables[i];
    if (variable?.name === name) return variable.value;
  }
  return failAt(run, node, `undefined variable: ${name}`);
}

interface Stage {
  readonly command: readonly Operand[];
  readonly final: Final;
}

function evalCommand(run: Run, dot: GoValue, stage: Stage): GoValue {
  const [first] = stage.command;
  if (first === undefined) return undefined;
  run.cx.meter.spend(NODE_COST);
  if (first.kind === "function") return evalFunction(run, dot, { ...stage, node: first });
  if (first.kind === "field") return evalFields(run, dot, { ...stage, node: first, receiver: dot, names: first.names });
  if (first.kind === "variable" && first.names.length > 0) {
    const receiver = getVariable(run, first, first.name);
    return evalFields(run, dot, { ...stage, node: first, receiver, names: first.names });
  }
  if (first.kind === "chain") {
    const receiver = evalReceiver(run, dot, first.of);
    return evalFields(run, dot, { ...stage, node: first, receiver, names: first.names });
  }
  if (stage.command.length > 1 || stage.final !== NONE) {
    failAt(run, first, `can't give argument to non-function ${operandText(first)}`);
  }
  return evalOperand(run, dot, first);
}

/** What a chain of fields hangs on. */
function evalReceiver(run: Run, dot: GoValue, node: Operand): GoValue {
  if (node.kind === "nil") failAt(run, node, "indirection through explicit nil in nil");
  return evalOperand(run, dot, node);
}

/** An operand alone, where any type will do. */
function evalOperand(run: Run, dot: GoValue, node: Operand): GoValue {
  switch (node.kind) {
    case "dot":
      return dot;
    case "nil":
      return failAt(run, node, "nil is not a command");
    case "bool":
    case "string":
    case "number":
      return literalValue(run, node);
    case "pipe":
      return evalPipe(run, dot, node);
    case "variable":
      if (node.names.length === 0) return getVariable(run, node, node.name);
      return evalCommand(run, dot, { command: [node], final: NONE });
    default:
      return evalCommand(run, dot, { command: [node], final: NONE });
  }
}

interface FieldChain extends Stage {
  readonly node: Operand;
  readonly receiver: GoValue;
  readonly names: readonly string[];
}

function evalFields(run: Run, dot: GoValue, chain: FieldChain): GoValue {
  let { receiver } = chain;
  const last = chain.names.length - 1;
  for (let i = 0; i <= last; i++) {
    const stage: Stage = i === last ? chain : { command: [chain.node], final: NONE };
    receiver = evalField(run, dot, { ...stage, node: chain.node, receiver, name: chain.names[i] ?? "" });
  }
  return receiver;
}

interface FieldAccess extends Stage {
  readonly node: Operand;
  readonly receiver: GoValue;
  readonly name: string;
}

function evalField(run: Run, dot: GoValue, access: FieldAccess): GoValue {
  const { receiver, name, node } = access;
  if (receiver === undefined) return undefined;
  if (receiver instanceof GoMap) {
    if (access.command.length > 1 || access.final !== NONE)
      failAt(run, node, `${name} is not a method but has arguments`);
    return receiver.get(name);
  }
  if (receiver === null) failAt(run, node, `nil pointer evaluating interface {}.${name}`);
  const method = methodOf(receiver, name);
  if (method !== undefined) return evalCall(run, dot, { ...access, node, name, fn: method });
  return failAt(run, node, `can't evaluate field ${name} in type ${typeName(receiver)}`);
}

function methodOf(receiver: GoValue, name: string): GoFunction | undefined {
  if (typeof receiver !== "object" || receiver === null) return undefined;
  if (receiver.go === "object") return receiver.method(name);
  return receiver.go === "int" ? receiver.methods?.get(name) : undefined;
}

interface FunctionCall extends Stage {
  readonly node: Operand;
  readonly name: string;
  readonly fn: GoFunction;
}

function evalFunction(
  run: Run,
  dot: GoValue,
  stage: Stage & { readonly node: Operand & { kind: "function" } },
): GoValue {
  const { node } = stage;
  if (node.name === "and" || node.name === "or") return evalLogic(run, dot, { ...stage, name: node.name, fn: node.fn });
  return evalCall(run, dot, { ...stage, name: node.name, fn: node.fn });
}

/** `and` and `or` stop at the first argument that decides. */
function evalLogic(run: Run, dot: GoValue, call: FunctionCall): GoValue {
  checkCount(run, call);
  let value: GoValue;
  for (const node of call.command.slice(1)) {
    value = toAny(run, dot, node);
    if (isTrue(value) === (call.name === "or")) return value;
  }
  return call.final === NONE ? value : call.final;
}

function checkCount(run: Run, call: FunctionCall): void {
  const given = call.command.length - 1 + (call.final === NONE ? 0 : 1);
  const wanted = call.fn.params.length;
  if (call.fn.rest === undefined ? given === wanted : given >= wanted) return;
  const least = call.fn.rest === undefined ? "" : "at least ";
  failAt(run, call.node, `wrong number of args for ${call.name}: want ${least}${wanted} got ${given}`);
}

function evalCall(run: Run, dot: GoValue, call: FunctionCall): GoValue {
  checkCount(run, call);
  const { fn, command } = call;
  const args: GoValue[] = [];
  for (let i = 1; i < command.length; i++) {
    const node = command[i];
    if (node !== undefined) args.push(evalArg(run, dot, { node, type: fn.params[i - 1] ?? fn.rest ?? "any" }));
  }
  if (call.final !== NONE) {
    const type = fn.params[args.length] ?? fn.rest ?? "any";
    args.push(checkType(run, call.node, { value: call.final, type }));
  }
  try {
    for (const arg of args) run.cx.meter.spend(costOf(arg) / 8);
    const value = fn.call(args, run.cx);
    run.cx.meter.spend(costOf(value));
    return value;
  } catch (cause) {
    if (!(cause instanceof CallFault)) throw cause;
    const text = call.node.kind === "function" ? commandText(command) : operandText(call.node);
    throw failure(run, { pos: call.node.pos, text }, `error calling ${call.name}: ${cause.reason}`);
  }
}

/** What a function made is paid for by its size, what it looks at by an eighth of it. */
function costOf(value: GoValue): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  if (value.go === "list") return value.items.length * 4;
  return value.go === "map" ? 4 : 1;
}

interface Wanted {
  readonly node: Operand;
  readonly type: ParamType;
}

/** An argument in the shape that functions take: see `Shapes` of go-value.ts. */
function evalArg(run: Run, dot: GoValue, wanted: Wanted): GoValue {
  const { node, type } = wanted;
  switch (node.kind) {
    case "nil":
      if (type === "any" || type === "value") return null;
      if (type === "dict") return new GoMap("interface {}", { isNil: true });
      return failAt(run, node, `cannot assign nil to ${GO_TYPES[type]}`);
    case "bool":
    case "string":
    case "number":
      return evalLiteral(run, node, type);
    default:
      return checkType(run, node, { value: evalOperand(run, dot, node), type });
  }
}

function toAny(run: Run, dot: GoValue, node: Operand): GoValue {
  return evalArg(run, dot, { node, type: "any" });
}
