import type { Instruction, Pattern } from "./pattern.ts";
import type { Meter } from "./table.ts";
import { LuaFault } from "./values.ts";

/** Where a match and its captures begin and end: slots 0 and 1 are the whole, then two per capture. */
export type Match = readonly number[];

/**
 * All matches from `start` on, at most `limit`. The next one is looked for behind the last, or one byte further after an
 * empty one. As in the peer a limit of 0 stops only where the first place does not match.
 */
export function findMatches(pattern: Pattern, source: string, range: Range, meter: Meter): readonly Match[] {
  const found: Match[] = [];
  const first = pattern.code[1];
  for (let at = range.start; at <= source.length; ) {
    const cannot = first?.op === "char" && (at >= source.length || !first.matches(source.charCodeAt(at)));
    const match = cannot ? undefined : matchAt(pattern.code, source, at, meter);
    meter.spend(cannot ? 1 / 8 : 1);
    at += 1;
    if (match !== undefined) {
      at = Math.max(at, match[1] ?? 0);
      meter.spend(2 + match.length);
      meter.grow(32 + 8 * match.length);
      found.push(match);
    }
    if (found.length === range.limit || pattern.anchored) break;
  }
  return found;
}

interface Range {
  readonly start: number;
  readonly limit: number;
}

/** Matches at exactly this place. Each instruction costs a sixth of a step. */
function matchAt(code: readonly Instruction[], source: string, start: number, meter: Meter): Match | undefined {
  const slots: number[] = [0, 0];
  /** Pairs: a place in the code (>= 0) with a place in the source, or ~slot with its former value. */
  const undo: number[] = [];
  let pc = 0;
  let at = start;
  for (let work = 1; ; work++) {
    if (work % 256 === 0) meter.spend(256 / 6);
    const step = code[pc];
    pc += 1;
    let fails = false;
    switch (step?.op) {
      case "char":
        fails = at >= source.length || !step.matches(source.charCodeAt(at));
        at += 1;
        break;
      case "split":
        undo.push(step.second, at);
        pc = step.first;
        break;
      case "jump":
        pc = step.to;
        break;
      case "save":
      case "position":
        while (slots.length <= step.slot) slots.push(0);
        if (step.op === "save") undo.push(~step.slot, slots[step.slot] ?? 0);
        slots[step.slot] = at;
        if (step.op === "position") slots[step.slot + 1] = at;
        break;
      case "balance":
      case "again": {
        const end = step.op === "balance" ? balanced(source, at, step) : repeated(source, at, slots, step.capture);
        meter.spend(Math.abs(end - at) / 16);
        fails = end < 0;
        at = end;
        break;
      }
      default:
        fails = step?.op === "match at end" && at < source.length;
        if (fails) break;
        meter.spend((work % 256) / 6);
        return slots;
    }
    if (!fails) continue;
    for (;;) {
      const place = undo.pop();
      const mark = undo.pop();
      if (place === undefined || mark === undefined) {
        meter.spend((work % 256) / 6);
        return undefined;
      }
      if (mark >= 0) {
        pc = mark;
        at = place;
        break;
      }
      slots[~mark] = place;
    }
  }
}

/** The end of the balanced text at `at`, or the negative of where the search ended. */
function balanced(source: string, at: number, pair: { readonly open: number; readonly close: number }): number {
  const { open, close } = pair;
  if (at >= source.length || source.charCodeAt(at) !== open) return -at - 1;
  let depth = 1;
  for (let i = at + 1; i < source.length; i++) {
    const byte = source.charCodeAt(i);
    if (byte === close) depth -= 1;
    if (depth === 0) return i + 1;
    if (byte === open) depth += 1;
  }
  return -source.length;
}

function repeated(source: string, at: number, slots: readonly number[], capture: number): number {
  const slot = capture * 2;
  if (slot >= slots.length - 1) throw new LuaFault("invalid capture index");
  const [from = 0, to = 0] = slots.slice(slot, slot + 2);
  if (from > to) throw new LuaFault("invalid capture index");
  return source.startsWith(source.slice(from, to), at) ? at + to - from : -1;
}
