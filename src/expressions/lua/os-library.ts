import { civilOf, formatTime, UTC } from "../go-time.ts";
import { argAny, argInt, argText } from "./arguments.ts";
import { type Machine, typeOf } from "./machine.ts";
import { parseNumber, toInt } from "./numbers.ts";
import { LuaTable } from "./table.ts";
import { fromGoText } from "./text.ts";
import { LuaNative, type LuaValue, type NativeCode } from "./values.ts";

const layouts: ReadonlyMap<string, string> = new Map([
  ["a", "mon"],
  ["A", "Monday"],
  ["b", "Jan"],
  ["B", "January"],
  ["c", "02 Jan 06 15:04 MST"],
  ["d", "02"],
  ["F", "2006-01-02"],
  ["H", "15"],
  ["I", "03"],
  ["m", "01"],
  ["M", "04"],
  ["p", "PM"],
  ["P", "pm"],
  ["S", "05"],
  ["x", "15/04/05"],
  ["X", "15:04:05"],
  ["y", "06"],
  ["Y", "2006"],
  ["z", "-0700"],
  ["Z", "MST"],
]);

/** Beyond this, dates are not computed any more: the years of JavaScript's Date. */
const MAX_SECONDS = 8.64e12;

function seconds(machine: Machine): number {
  return Math.floor(machine.nowMs / 1000);
}

function date(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const format = args.length === 0 ? "%c" : argText(machine, args, 1).replace(/^!+/, "");
  const at = args.length < 2 ? seconds(machine) : argInt(machine, args, 2);
  if (Math.abs(at) > MAX_SECONDS) machine.raise("time out of range");
  const civil = civilOf(at, 0);
  if (format.startsWith("*t")) {
    machine.grow(1024);
    const entries: [LuaValue, LuaValue][] = [
      ["year", civil.year],
      ["month", civil.month],
      ["day", civil.day],
      ["hour", civil.hour],
      ["min", civil.minute],
      ["sec", civil.second],
      ["wday", civil.weekday + 1],
      ["yday", 0],
      ["isdst", false],
    ];
    return [new LuaTable([], new Map(entries))];
  }
  machine.text(format.length * 512);
  const instant = { seconds: at, nanos: 0 };
  const text = format.replace(/%([\s\S])/g, (whole, letter: string) => {
    if (letter === "%") return "%";
    if (letter === "w") return String(civil.weekday);
    const layout = layouts.get(letter);
    return layout === undefined ? whole : fromGoText(formatTime(instant, UTC, layout));
  });
  return [text];
}

/** Without a table the present second; with one the time that it says, fields out of range carried over. */
function time(machine: Machine, args: readonly LuaValue[]): readonly LuaValue[] {
  const value = args.length === 0 ? undefined : argAny(machine, args, 1);
  if (value === undefined) return [seconds(machine)];
  if (!(value instanceof LuaTable)) machine.badArgument(1, `table expected, got ${typeOf(value)}`);
  const field = (name: string, absent: number): number => {
    const given = value.hash?.get(name);
    if (typeof given === "number") return toInt(given);
    if (typeof given !== "string") return absent;
    const digits = /^ *0+(?!x)(.*)$/is.exec(given)?.[1] ?? given.replace(/^ +/, "");
    const number = digits === "" ? 0 : parseNumber(digits);
    return number === undefined ? absent : toInt(number);
  };
  const moment = new Date(0);
  moment.setUTCFullYear(field("year", -1), field("month", -1) - 1, field("day", -1));
  moment.setUTCHours(field("hour", 12), field("min", 0), field("sec", 0));
  const result = moment.getTime() / 1000;
  if (Number.isNaN(result)) machine.raise("time out of range");
  return [result];
}

const functions: readonly (readonly [name: string, run: NativeCode])[] = [
  ["clock", () => [0]],
  ["date", date],
  ["difftime", (machine, args) => [argInt(machine, args, 1) - argInt(machine, args, 2)]],
  ["time", time],
];

/** What is there of `os`: the clock, which stands still during a run. The zone is UTC, as in Argo's images. */
export const osLibrary: ReadonlyMap<string, LuaValue> = new Map(
  functions.map(([name, run]) => [name, new LuaNative(run)]),
);
