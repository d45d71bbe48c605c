import { lowerText, upperText, wellFormed } from "../go-text.ts";
import { argInt, argText, optInt } from "./arguments.ts";
import type { Machine } from "./machine.ts";
import { find, gmatch, gsub, match } from "./pattern-library.ts";
import { format } from "./string-format.ts";
import { endOffset, startOffset } from "./string-offset.ts";
import { fromGoText, toGoText } from "./text.ts";
import { LuaNative, type LuaValue, type NativeCode, NOTHING } from "./values.ts";

function stringByte(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const text = argText(machine, args, 1);
  const { length } = text;
  let start = optInt(machine, args, 2, 1) - 1;
  let end = optInt(machine, args, 3, -1);
  if (start < 0) start = length + start + 1;
  if (end < 0) end = length + end + 1;
  if (args.length === 2) return start < 0 || start >= length ? NOTHING : [text.charCodeAt(start)];
  start = Math.max(start, 0);
  end = Math.min(end, length);
  if (end <= start) return NOTHING;
  machine.checkCount(end - start);
  const bytes: number[] = [];
  for (let i = start; i < end; i++) bytes.push(text.charCodeAt(i));
  return bytes;
}

function stringChar(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  machine.text(args.length);
  let text = "";
  for (let i = 1; i <= args.length; i++) text += String.fromCharCode(Number(BigInt(argInt(machine, args, i)) & 0xffn));
  return [text];
}

function stringRep(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const text = argText(machine, args, 1);
  const count = Math.max(0, argInt(machine, args, 2));
  machine.text(text.length * count);
  return [text.repeat(text === "" ? 0 : count)];
}

function stringSub(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const text = argText(machine, args, 1);
  const start = startOffset(text.length, argInt(machine, args, 2));
  const end = endOffset(text.length, optInt(machine, args, 3, -1));
  if (start >= text.length || end < start) return [""];
  machine.text(end - start);
  return [text.slice(start, end)];
}

function stringReverse(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const text = argText(machine, args, 1);
  machine.text(text.length * 4);
  return [Buffer.from(text, "latin1").reverse().toString("latin1")];
}

/** Go's case mapping, of whole characters: bytes that are not UTF-8 become U+FFFD unless all is ASCII. */
function caseMapping(map: (text: string) => string): NativeCode {
  return (machine, args) => {
    const text = argText(machine, args, 1);
    machine.text(text.length * 4);
    const decoded = toGoText(text);
    if (decoded !== text) machine.spend(text.length);
    return [decoded === text ? map(text) : fromGoText(map(wellFormed(decoded)))];
  };
}

const functions: readonly (readonly [name: string, run: NativeCode])[] = [
  ["byte", stringByte],
  ["char", stringChar],
  ["find", find],
  ["format", format],
  ["gsub", gsub],
  ["len", (machine, args) => [argText(machine, args, 1).length]],
  ["lower", caseMapping(lowerText)],
  ["match", match],
  ["rep", stringRep],
  ["reverse", stringReverse],
  ["sub", stringSub],
  ["upper", caseMapping(upperText)],
];

const gmatchNative = new LuaNative(gmatch);

export const stringLibrary: ReadonlyMap<string, LuaNative> = new Map([
  ...functions.map(([name, run]) => [name, new LuaNative(run)] as const),
  ["gmatch", gmatchNative],
  ["gfind", gmatchNative],
]);
