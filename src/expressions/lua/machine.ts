import { ExpressionError } from "../fault.ts";
import { Frame, RETURN, type Site, TAIL_CALL } from "./frame.ts";
import { LuaTable, type Meter } from "./table.ts";
import { LuaCursor, LuaFault, LuaFunction, LuaNative, type LuaValue, NOTHING } from "./values.ts";

/** The peer's call stack: 256 frames, natives that call back included. */
const MAX_DEPTH = 256;
/** Levels of nested text of all running functions: about the JavaScript frames in use. Node's stack holds some 10,000. */
const MAX_HEIGHT = 2500;
/** The peer's registry has 5,120 places; more values at a time are its "registry overflow". */
const MAX_VALUES = 5000;

const NATIVE: Site = { line: 0, name: "(anonymous)", position: 0 };

export interface Limits {
  readonly maxSteps: number;
  readonly maxBytes: number;
  readonly nowMs: number;
  readonly random: () => number;
}

/** One run of a script: its globals, its call stack, and the budget, which no pcall can catch. */
export class Machine implements Meter {
  readonly nowMs: number;
  readonly random: () => number;
  readonly globals: LuaTable;
  /** Metatables of types: strings have one from the start, others where a script sets one. */
  readonly typeMetas = new Map<string, LuaTable>();
  readonly #limits: Limits;
  #steps: number;
  #bytes: number;
  #depth = 0;
  #height = 0;
  /** Per frame the call or operation that it is at; the frame of a native is NATIVE. */
  readonly #sites: Site[] = [NATIVE];
  /** Per frame how many tail calls ended in it. */
  readonly #tails: number[] = [0];
  readonly #addresses = new Map<LuaValue, number>();

  constructor(limits: Limits, globals: LuaTable) {
    this.#limits = limits;
    this.#steps = limits.maxSteps;
    this.#bytes = limits.maxBytes;
    this.nowMs = limits.nowMs;
    this.random = limits.random;
    this.globals = globals;
  }

  /** A step is about one operation of the script. */
  spend(steps: number): void {
    this.#steps -= steps;
    if (!(this.#steps >= 0)) throw exceeded(`took more than ${this.#limits.maxSteps} steps`);
  }

  /** Bytes made, whether they are still in use or not. */
  grow(bytes: number): void {
    this.#bytes -= bytes;
    if (!(this.#bytes >= 0)) throw exceeded(`made more than ${this.#limits.maxBytes} bytes of strings and tables`);
  }

  /** A string of this length is about to be made. */
  text(length: number): void {
    this.grow(length + 16);
    this.spend(1 + length / 32);
  }

  /** Runs the script itself. */
  start(main: LuaFunction): readonly LuaValue[] {
    return this.#run(main, []);
  }

  /** A call from Lua code. */
  call(callee: LuaValue, args: LuaValue[], site: Site): readonly LuaValue[] {
    this.#sites[this.#depth] = site;
    if (callee instanceof LuaFunction) return this.#run(callee, args);
    if (callee instanceof LuaNative) return callee.run(this, args);
    return this.#callOther(callee, args);
  }

  /** A call from a native, which is a frame of its own. */
  invoke(callee: LuaValue, args: LuaValue[]): readonly LuaValue[] {
    if (this.#depth >= MAX_DEPTH) this.raise("stack overflow");
    this.spend(1);
    this.#sites[++this.#depth] = NATIVE;
    this.#tails[this.#depth] = 0;
    this.#height += 4;
    const results = this.call(callee, args, NATIVE);
    this.#height -= 4;
    this.#depth -= 1;
    return results;
  }

  /** pcall: what the body throws is given to `caught`, with the stack as it was. Budget errors pass. */
  protect(body: () => readonly LuaValue[], caught: (value: LuaValue) => readonly LuaValue[]): readonly LuaValue[] {
    const depth = this.#depth;
    const height = this.#height;
    try {
      return body();
    } catch (thrown) {
      const overflow = thrown instanceof RangeError;
      if (!overflow && !(thrown instanceof LuaFault)) throw thrown;
      this.#depth = depth;
      this.#height = height;
      this.spend(12);
      return caught(overflow ? `${this.where(1)} stack overflow` : thrown.value);
    }
  }

  #run(first: LuaFunction, args: LuaValue[]): readonly LuaValue[] {
    const height = this.#height;
    if (this.#depth >= MAX_DEPTH) this.raise("stack overflow");
    const depth = ++this.#depth;
    this.#sites[depth] = NATIVE;
    this.#tails[depth] = 0;
    let frame = this.#enter(first, args, height);
    let completion = first.proto.body(frame);
    while (completion === TAIL_CALL) {
      const callee = frame.callee;
      // The array of a caller's results may be shared, that of a frame's slots must not.
      const passed = frame.results as LuaValue[];
      if (!(callee instanceof LuaFunction)) {
        const results = this.call(callee, passed, this.site());
        return this.#leave(depth, height, results);
      }
      this.#tails[depth] = (this.#tails[depth] ?? 0) + 1;
      frame = this.#enter(callee, passed, height);
      completion = callee.proto.body(frame);
    }
    return this.#leave(depth, height, completion === RETURN ? frame.results : NOTHING);
  }

  #enter(callee: LuaFunction, args: LuaValue[], height: number): Frame {
    const { proto } = callee;
    this.spend(2 + args.length / 8);
    this.#height = height + proto.height;
    if (this.#height > MAX_HEIGHT) this.raise("stack overflow");
    const frame = new Frame(this, callee, args);
    if (proto.argSlot !== undefined) this.#makeArg(frame, proto.argSlot);
    return frame;
  }

  #leave(depth: number, height: number, results: readonly LuaValue[]): readonly LuaValue[] {
    this.#depth = depth - 1;
    this.#height = height;
    return results;
  }

  #makeArg(frame: Frame, slot: number): void {
    this.grow(frame.varargs.length * 16 + 128);
    const entries = new Map<LuaValue, LuaValue>([["n", frame.varargs.length]]);
    const table = new LuaTable([...frame.varargs], entries);
    const cell = frame.cells[slot];
    if (cell === undefined) frame.slots[slot] = table;
    else cell.value = table;
  }

  #callOther(callee: LuaValue, args: LuaValue[]): readonly LuaValue[] {
    const handler = this.metamethod(callee, "__call");
    if (!isFunction(handler)) this.raise("attempt to call a non-function object");
    this.spend(1);
    return this.call(handler, [callee, ...args], this.site());
  }

  metatable(value: LuaValue): LuaTable | undefined {
    return value instanceof LuaTable ? value.meta : this.typeMetas.get(typeOf(value));
  }

  metamethod(value: LuaValue, event: string): LuaValue {
    return this.metatable(value)?.hash?.get(event);
  }

  /** Says that the running function is at this operation; for operations that may call a metamethod or fail. */
  at(site: Site): void {
    this.#sites[this.#depth] = site;
  }

  /** Where the running function is. */
  site(): Site {
    return this.#sites[this.#depth] ?? NATIVE;
  }

  /** How many values there are, when that many are about to be passed or returned. */
  checkCount(count: number): void {
    if (count > MAX_VALUES) this.raise("registry overflow");
    this.spend(count / 2);
    this.grow(count * 8);
  }

  raise(message: string): never {
    throw new LuaFault(`${this.where(1)} ${message}`, this.position());
  }

  /** `index` counts from 1. */
  badArgument(index: number, problem: string): never {
    this.raise(`bad argument #${index} to ${this.#sites[this.#depth]?.name ?? "?"} (${problem})`);
  }

  position(): number | undefined {
    for (let depth = this.#depth; depth > 0; depth--) {
      const site = this.#sites[depth];
      if (site !== undefined && site !== NATIVE) return site.position;
    }
    return undefined;
  }

  /** `<string>:LINE:` of the frame at this level, 1 being the running one; natives are passed over. */
  where(level: number): string {
    let depth = this.#depth;
    let left = level - 1;
    while (left > 0 && depth > 0) {
      left -= 1 + (this.#tails[depth] ?? 0);
      depth -= 1;
    }
    if (left < 0) depth = 1;
    while (depth > 0 && this.#sites[depth] === NATIVE) depth -= 1;
    return depth === 0 ? "" : `<string>:${this.#sites[depth]?.line ?? 0}:`;
  }

  /** What tostring shows for a table or function: the peer prints addresses, here they are counted. */
  addressOf(value: LuaValue): string {
    const known = this.#addresses.get(value);
    const number = known ?? this.#addresses.size;
    if (known === undefined) {
      this.grow(64);
      this.#addresses.set(value, number);
    }
    return `${typeOf(value)}: 0xc${(number * 64).toString(16).padStart(9, "0")}`;
  }
}

function exceeded(what: string): ExpressionError {
  return new ExpressionError("EXPRESSION_FAILED", `the script ${what}`);
}

export function isFunction(value: LuaValue): value is LuaFunction | LuaNative {
  return value instanceof LuaFunction || value instanceof LuaNative;
}

export function typeOf(value: LuaValue): string {
  if (value === undefined) return "nil";
  if (value instanceof LuaTable) return "table";
  if (isFunction(value)) return "function";
  return value instanceof LuaCursor ? "userdata" : typeof value;
}
