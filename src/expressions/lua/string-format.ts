import { sprintf } from "../go-fmt.ts";
import { CallFault, type GoValue, int64, Meter } from "../go-value.ts";
import { argText } from "./arguments.ts";
import { isFunction, type Machine } from "./machine.ts";
import { numberText, parseNumber, toInt } from "./numbers.ts";
import { plainText } from "./operations.ts";
import { LuaTable } from "./table.ts";
import { fromGoText, toGoText } from "./text.ts";
import type { LuaValue } from "./values.ts";

const directive = /%([ #+\-0]*)(\d*)(\.\d*)?(.?)/gsu;
/** Go refuses larger widths itself. */
const MAX_WIDTH = 1_000_000;

/**
 * string.format, which in gopher-lua is Go's Sprintf with verbs adapted to the value: `%d` of 3.7 is 3, `%5s` of a
 * number works, mistakes are told in the text itself (`%!d(MISSING)`). Not here: `*` widths and `[n]` operands.
 */
export function format(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const text = toGoText(argText(machine, args, 1));
  machine.text(text.length * 2);
  const wanted = Math.max(0, text.split("%").length - 1 - (text.split("%%").length - 1));
  machine.text(wanted * 128);
  const operands = args.slice(1, 1 + wanted);
  let used = 0;
  let length = text.length;
  const out = text.replace(directive, (...[, flags, width, precision, verb]: string[]) => {
    if (verb === "" || verb === undefined) return "%!(NOVERB)";
    if (verb === "%") return "%";
    if (used >= operands.length) return `%!${verb}(MISSING)`;
    const value = operands[used++];
    const size = Math.min(Number(width), MAX_WIDTH) + Math.min(Number(precision?.slice(1) ?? 0), MAX_WIDTH);
    machine.text(size * 4);
    // Quoting looks at each character.
    if (typeof value === "string") machine.text(value.length * (verb === "s" ? 4 : 128));
    const shown = show(machine, `%${flags}${width}${precision ?? ""}`, verb, value);
    length += shown.length;
    return shown;
  });
  machine.text(length);
  const extra = operands.slice(used).map((value) => `${goType(value)}=${toGoText(plainText(machine, value))}`);
  return [fromGoText(extra.length === 0 ? out : `${out}%!(EXTRA ${extra.join(", ")})`)];
}

function show(machine: Machine, flags: string, verb: string, value: LuaValue): string {
  const print = (as: string, operand: GoValue): string => {
    try {
      return sprintf(flags + as, [operand], new Meter(64 * MAX_WIDTH));
    } catch (thrown) {
      if (thrown instanceof CallFault) machine.raise(thrown.reason);
      throw thrown;
    }
  };
  if (typeof value === "number") {
    if ("qs".includes(verb)) return print(verb, numberText(value));
    if ("bcdoxXU".includes(verb)) return print(verb, int64(BigInt(toInt(value))));
    if ("eEfFgG".includes(verb)) return print(verb, value);
    if (verb === "i") return print("d", int64(BigInt(toInt(value))));
    return print(verb, Number.isInteger(value) && toInt(value) === value ? int64(BigInt(value)) : value);
  }
  if (typeof value === "string") {
    if (verb !== "d" && verb !== "i") return print(verb, toGoText(value));
    return parseNumber(value) === undefined ? print("d", int64(0n)) : print("s", toGoText(value));
  }
  const text = plainText(machine, value);
  if ("vsxXq".includes(verb)) return print(verb, text);
  if (value === undefined) return "&{}";
  if (typeof value !== "boolean") return `%!${verb}(${goType(value)}=${text})`;
  return verb === "t" ? print(verb, value) : `%!${verb}(lua.LBool=${print("t", value)})`;
}

function goType(value: LuaValue): string {
  if (value === undefined) return "*lua.LNilType";
  if (value instanceof LuaTable) return "*lua.LTable";
  if (isFunction(value)) return "*lua.LFunction";
  if (typeof value === "object") return "*lua.LUserData";
  return `lua.L${typeof value === "boolean" ? "Bool" : typeof value === "string" ? "String" : "Number"}`;
}
