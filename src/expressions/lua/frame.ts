import type { Machine } from "./machine.ts";
import type { Cell, LuaFunction, LuaValue } from "./values.ts";

/** How a statement ended. */
export const NORMAL = 0;
export const BREAK = 1;
export const RETURN = 2;
/** A `return f(...)`: the frame is done before f runs, as in the peer, so that tail recursion has no depth. */
export const TAIL_CALL = 3;
export const GOTO = 4;
export type Completion = typeof NORMAL | typeof BREAK | typeof RETURN | typeof TAIL_CALL | typeof GOTO;

export type Eval = (frame: Frame) => LuaValue;
/** All values of a call or of `...`; the caller must not change the array. */
export type EvalAll = (frame: Frame) => readonly LuaValue[];
export type Exec = (frame: Frame) => Completion;

/** Where a call or an operation stands; `name` is what argument errors call the called function. */
export interface Site {
  readonly line: number;
  readonly name: string;
  readonly position: number;
}

/** One running function. */
export class Frame {
  readonly machine: Machine;
  readonly upvalues: readonly Cell[];
  /** Locals by slot; the parameters come first. Slots out of scope hold what was last in them. */
  readonly slots: LuaValue[];
  /** Locals that closures hold on to, by slot. */
  readonly cells: Cell[];
  readonly varargs: readonly LuaValue[];
  /** After RETURN the values, after TAIL_CALL the arguments. */
  results: readonly LuaValue[] = noValues;
  callee: LuaValue = undefined;
  label = "";

  constructor(machine: Machine, callee: LuaFunction, args: LuaValue[]) {
    const { proto } = callee;
    this.machine = machine;
    this.upvalues = callee.upvalues;
    this.varargs = proto.varargs ? args.slice(proto.params) : noValues;
    if (args.length > proto.params) args.length = proto.params;
    this.slots = args;
    for (let i = args.length; i < proto.params; i++) args.push(undefined);
    this.cells = proto.hasCells ? [] : noCells;
    for (const slot of proto.capturedParams) this.cells[slot] = { value: args[slot] };
  }
}

const noValues: readonly LuaValue[] = [];
const noCells: Cell[] = [];
