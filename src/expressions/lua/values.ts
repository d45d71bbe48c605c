import type { Exec } from "./frame.ts";
import type { Machine } from "./machine.ts";
import type { LuaTable } from "./table.ts";

/** `undefined` is nil; strings are bytes (text.ts). */
export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction | LuaNative | LuaCursor;

/** A local variable that a closure holds on to. */
export interface Cell {
  value: LuaValue;
}

/** What is the same for all closures of one `function` in the text. */
export interface Prototype {
  readonly line: number;
  readonly params: number;
  readonly varargs: boolean;
  /** The slot of `arg`, where the function is one with `...` that does not use `...` itself (Lua 5.0's way). */
  readonly argSlot: number | undefined;
  /** Parameters that closures hold on to. */
  readonly capturedParams: readonly number[];
  /** Whether any local is captured: then a frame has cells. */
  readonly hasCells: boolean;
  /** How deep its text is nested: about the JavaScript stack that a call needs. */
  readonly height: number;
  readonly body: Exec;
}

export class LuaFunction {
  readonly proto: Prototype;
  readonly upvalues: readonly Cell[];
  constructor(proto: Prototype, upvalues: readonly Cell[]) {
    this.proto = proto;
    this.upvalues = upvalues;
  }
}

/** What a native gets; it may keep and change the array of arguments. The array it returns is never changed. */
export type NativeCode = (machine: Machine, args: LuaValue[]) => readonly LuaValue[];

/** A function of the libraries. */
export class LuaNative {
  readonly run: NativeCode;
  constructor(run: NativeCode) {
    this.run = run;
  }
}

/** The state of a gmatch, which the peer keeps in a userdata. */
export class LuaCursor {
  readonly results: readonly (readonly LuaValue[])[];
  position = 0;
  constructor(results: readonly (readonly LuaValue[])[]) {
    this.results = results;
  }
}

/** A Lua error on its way to the next pcall. Not an Error: a script that fails in a loop must stay cheap. */
export class LuaFault {
  readonly value: LuaValue;
  /** Where in the script it was raised, as an offset. */
  readonly position: number | undefined;
  constructor(value: LuaValue, position?: number) {
    this.value = value;
    this.position = position;
  }
}

export const NOTHING: readonly LuaValue[] = [];

export function isTrue(value: LuaValue): boolean {
  return value !== undefined && value !== false;
}
