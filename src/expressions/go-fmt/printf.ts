import { type GoInt, type GoValue, type Meter, typeName } from "../go-value.ts";
import { type Flags, PLAIN } from "./flags.ts";
import { printArg, printPlain } from "./print.ts";

/** Widths and precisions above this are refused by Go as well. */
const MAX_WIDTH = 1_000_000;

type Draft = { -readonly [K in keyof Flags]: Flags[K] };

interface Run {
  readonly format: string;
  readonly args: readonly GoValue[];
  readonly meter: Meter;
  out: string;
  at: number;
  arg: number;
  reordered: boolean;
  goodIndex: boolean;
}

/** `fmt.Sprintf`, with Go's way of telling mistakes in the text itself (`%!d(string=x)`). */
export function sprintf(format: string, args: readonly GoValue[], meter: Meter): string {
  const run: Run = { format, args, meter, out: "", at: 0, arg: 0, reordered: false, goodIndex: true };
  meter.spend(format.length);
  while (run.at < format.length) {
    const next = format.indexOf("%", run.at);
    if (next < 0) {
      run.out += format.slice(run.at);
      break;
    }
    run.out += format.slice(run.at, next);
    run.at = next + 1;
    directive(run);
  }
  if (!run.reordered && run.arg < args.length) {
    const extra = args.slice(run.arg).map((arg) => {
      if (arg === undefined || arg === null) return "<nil>";
      return `${typeName(arg)}=${printPlain(arg, meter)}`;
    });
    run.out += `%!(EXTRA ${extra.join(", ")})`;
  }
  return run.out;
}

function directive(run: Run): void {
  const { format } = run;
  const flags: Draft = { ...PLAIN };
  run.goodIndex = true;
  let afterIndex = false;
  readFlags(run, flags);
  afterIndex = readIndex(run, afterIndex);
  if (format.charAt(run.at) === "*") {
    run.at += 1;
    starWidth(run, flags);
    afterIndex = false;
  } else {
    const width = readNumber(run);
    if (width !== undefined) {
      flags.width = width;
      if (afterIndex) run.goodIndex = false;
    }
  }
  if (format.charAt(run.at) === ".") {
    run.at += 1;
    if (afterIndex) run.goodIndex = false;
    afterIndex = readIndex(run, afterIndex);
    if (format.charAt(run.at) === "*") {
      run.at += 1;
      starPrecision(run, flags);
      afterIndex = false;
    } else flags.precision = readNumber(run) ?? 0;
  }
  if (!afterIndex) afterIndex = readIndex(run, afterIndex);
  if (run.at >= format.length) {
    run.out += "%!(NOVERB)";
    return;
  }
  const verb = String.fromCodePoint(format.codePointAt(run.at) ?? 0);
  run.at += verb.length;
  verbOut(run, verb, flags);
}

function verbOut(run: Run, verb: string, flags: Draft): void {
  if (verb === "%") {
    run.out += "%";
    return;
  }
  if (!run.goodIndex) {
    run.out += `%!${verb}(BADINDEX)`;
    return;
  }
  if (run.arg >= run.args.length) {
    run.out += `%!${verb}(MISSING)`;
    return;
  }
  if (verb === "v") {
    flags.sharpV = flags.sharp;
    flags.sharp = false;
    flags.plus = false;
  }
  run.meter.spend((flags.width ?? 0) + (flags.precision ?? 0));
  run.out += printArg(run.args[run.arg], { verb, flags, meter: run.meter });
  run.arg += 1;
}

function readFlags(run: Run, flags: Draft): void {
  for (; run.at < run.format.length; run.at++) {
    const unit = run.format.charAt(run.at);
    if (unit === "#") flags.sharp = true;
    else if (unit === "0") flags.zero = true;
    else if (unit === "+") flags.plus = true;
    else if (unit === "-") flags.minus = true;
    else if (unit === " ") flags.space = true;
    else return;
  }
}

/** `undefined` when there are no digits, or too many. */
function readNumber(run: Run): number | undefined {
  const start = run.at;
  let value = 0;
  while (/[0-9]/.test(run.format.charAt(run.at))) {
    value = value * 10 + Number(run.format.charAt(run.at));
    run.at += 1;
    if (value > MAX_WIDTH) return undefined;
  }
  return run.at === start ? undefined : value;
}

/** Reads `[n]`, which picks the operand. */
function readIndex(run: Run, found: boolean): boolean {
  if (run.format.charAt(run.at) !== "[") return found;
  run.reordered = true;
  const end = run.format.indexOf("]", run.at);
  const text = end < 0 ? "" : run.format.slice(run.at + 1, end);
  run.at = end < 0 ? run.at + 1 : end + 1;
  const index = /^[0-9]+$/.test(text) ? Number(text) - 1 : -1;
  if (index >= 0 && index < run.args.length) {
    run.arg = index;
    return true;
  }
  run.goodIndex = false;
  return end >= 0;
}

function starInt(run: Run): number | undefined {
  const arg = run.args[run.arg];
  if (run.arg < run.args.length) run.arg += 1;
  const isInt = typeof arg === "object" && arg !== null && arg.go === "int";
  const value = isInt ? Number((arg as GoInt).value) : Number.NaN;
  return Math.abs(value) <= MAX_WIDTH ? value : undefined;
}

function starWidth(run: Run, flags: Draft): void {
  const width = starInt(run);
  if (width === undefined) run.out += "%!(BADWIDTH)";
  else {
    flags.width = Math.abs(width);
    if (width < 0) {
      flags.minus = true;
      flags.zero = false;
    }
  }
}

function starPrecision(run: Run, flags: Draft): void {
  const precision = starInt(run);
  if (precision === undefined || precision < 0) {
    if (precision === undefined) run.out += "%!(BADPREC)";
  } else flags.precision = precision;
}

/** `fmt.Sprint`: a space between operands when neither is a string. */
export function sprint(args: readonly GoValue[], meter: Meter): string {
  let out = "";
  args.forEach((arg, i) => {
    if (i > 0 && typeof arg !== "string" && typeof args[i - 1] !== "string") out += " ";
    out += printPlain(arg, meter);
    meter.spend(1);
  });
  return out;
}

/** `fmt.Sprintln`. */
export function sprintln(args: readonly GoValue[], meter: Meter): string {
  return `${args.map((arg) => printPlain(arg, meter)).join(" ")}\n`;
}
