import { ExpressionError } from "./fault.ts";
import { wellFormed } from "./go-text.ts";
import { compileFunction } from "./lua/compile-statement.ts";
import { fromJson, toJson } from "./lua/convert.ts";
import { isAbsent, newMachine } from "./lua/library.ts";
import type { Machine } from "./lua/machine.ts";
import { parse } from "./lua/parser.ts";
import { LuaTable } from "./lua/table.ts";
import { toGoText } from "./lua/text.ts";
import { LuaFault, LuaFunction, type LuaValue } from "./lua/values.ts";

export interface LuaOptions {
  /** Steps that one run may take; a step is about one operation of the script. Default 1,000,000. */
  readonly maxSteps?: number;
  /** Bytes of strings and tables that one run may make, those included that are garbage again. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Unix milliseconds: the only clock, for os.time and os.date. Default 0. */
  readonly nowMs?: number;
  /** In [0, 1): the only randomness, for math.random. Default: always 0.5. */
  readonly random?: () => number;
}

/** A compiled script: made once when a manifest is loaded, run per event, each time with globals of its own. */
export interface LuaScript {
  /**
   * A transform: what the script returns with the global `event` = these data (the JSON text of an object), as JSON text
   * in the spelling of Go's json.Marshal. Of several values the last one counts. EXPRESSION_FAILED when the script
   * fails, takes more than the budget, or does not return a table that JSON can hold (reference 3.3).
   */
  transform(json: string, options?: LuaOptions): string;
  /** A filter: whether the (last) value that the script returns is `true`; anything else is false. Fails likewise. */
  passes(json: string, options?: LuaOptions): boolean;
}

/**
 * Natives are priced so that no way of spending the steps is much slower than another: of 90 scripts made to be costly the
 * dearest (patterns that backtrack) took 55 ms of CPU time, endless loops 5 to 10 ms (Node 24). A script that copies and
 * reshapes a list of 1,000 objects takes some 65,000 steps.
 */
const MAX_STEPS = 1_000_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_TEXT = 256 * 1024;

/**
 * Compiles a Lua 5.1 script as gopher-lua 1.1.2 understands it, the VM of Argo Events (reference 3.3, 3.4, F3). A syntax
 * error is an ExpressionError EXPRESSION_INVALID with its position; a script that names what is not offered (files,
 * processes, the environment, modules, code from strings, coroutines, channels) is EXPRESSION_UNSUPPORTED.
 */
export function compileLua(text: string): LuaScript {
  if (text.length > MAX_TEXT) {
    throw new ExpressionError("EXPRESSION_UNSUPPORTED", `the script is longer than ${MAX_TEXT} characters`);
  }
  const chunk = parse(text);
  const unsupported = chunk.globalReads.find(({ name }) => isAbsent(name) && !chunk.globalWrites.has(name));
  if (unsupported !== undefined) {
    const { name, position } = unsupported;
    throw new ExpressionError("EXPRESSION_UNSUPPORTED", `'${name}' is not supported in scripts`, { position });
  }
  const main = new LuaFunction(compileFunction(chunk.main), []);
  return {
    transform: (json, options = {}) =>
      run(main, json, options, (machine, value) => {
        if (!(value instanceof LuaTable)) throw new LuaFault("the script does not return a table");
        return toJson(machine, value);
      }),
    passes: (json, options = {}) => run(main, json, options, (_machine, value) => value === true),
  };
}

function run<T>(
  main: LuaFunction,
  json: string,
  options: LuaOptions,
  finish: (machine: Machine, value: LuaValue) => T,
): T {
  const machine = newMachine({
    maxSteps: options.maxSteps ?? MAX_STEPS,
    maxBytes: options.maxBytes ?? MAX_BYTES,
    nowMs: options.nowMs ?? 0,
    random: options.random ?? (() => 0.5),
  });
  try {
    machine.globals.hash?.set("event", fromJson(json));
    const results = machine.start(main);
    return finish(machine, results.at(-1));
  } catch (thrown) {
    if (thrown instanceof RangeError) throw failed("stack overflow");
    if (thrown instanceof LuaFault) throw failed(messageOf(thrown.value), thrown.position);
    throw thrown;
  }
}

function messageOf(value: LuaValue): string {
  if (typeof value === "string") return wellFormed(toGoText(value));
  return value instanceof LuaTable ? "the script raised a table as an error" : String(value ?? "nil");
}

function failed(message: string, position?: number): ExpressionError {
  return new ExpressionError("EXPRESSION_FAILED", message, position === undefined ? {} : { position });
}
