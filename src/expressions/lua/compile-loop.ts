import type { Statement } from "./ast.ts";
import { compileExpression, compileList, type MakePrototype } from "./compile-expression.ts";
import { declaring, siteOf } from "./compile-operator.ts";
import { BREAK, type Completion, type Exec, type Frame, NORMAL } from "./frame.ts";
import { ipairsStep, pairsStep } from "./iterators.ts";
import type { Machine } from "./machine.ts";
import { LuaTable } from "./table.ts";
import type { LuaValue } from "./values.ts";

function numberOf(machine: Machine, value: LuaValue, what: "init" | "limit" | "step"): number {
  if (typeof value !== "number") machine.raise(`for statement ${what} must be a number`);
  return value;
}

/**
 * `for i = from, to, step`. The peer goes one step back first and forward again before each turn, so the sums are
 * rounded as there; a step of 0 never ends by itself.
 */
export function compileFor(node: Statement & { kind: "for" }, make: MakePrototype, body: Exec): Exec {
  const from = compileExpression(node.from, make);
  const to = compileExpression(node.to, make);
  const by = node.step === undefined ? () => 1 : compileExpression(node.step, make);
  const site = siteOf(node);
  const set = declaring(node.variable);
  return (frame) => {
    const { machine } = frame;
    const given = [from(frame), to(frame), by(frame)] as const;
    machine.at(site);
    const first = numberOf(machine, given[0], "init");
    const step = numberOf(machine, given[2], "step");
    const limit = numberOf(machine, given[1], "limit");
    for (let value = first - step + step; step > 0 ? value <= limit : step <= 0 && value >= limit; value += step) {
      set(frame, value);
      const completion = body(frame);
      if (completion === BREAK) break;
      if (completion !== NORMAL) return completion;
    }
    return NORMAL;
  };
}

export function compileIterate(node: Statement & { kind: "iterate" }, make: MakePrototype, body: Exec): Exec {
  const list = compileList(node.values, make);
  const site = siteOf(node);
  const set = node.variables.map(declaring);
  const ignore = (): void => undefined;
  const [setKey = ignore, setValue = ignore] = set;
  const rest = set.slice(2);
  const bind = (frame: Frame, key: LuaValue, value: LuaValue): void => {
    setKey(frame, key);
    setValue(frame, value);
    for (const more of rest) more(frame, undefined);
  };
  return (frame) => {
    const [step, state, first] = list(frame);
    if (state instanceof LuaTable && first === undefined && step === pairsStep) return overPairs(frame, state);
    if (state instanceof LuaTable && first === 0 && step === ipairsStep) return overItems(frame, state);
    const { machine } = frame;
    for (let control = first; ; ) {
      const values = machine.call(step, [state, control], site);
      control = values[0];
      if (control === undefined) return NORMAL;
      for (let i = 0; i < set.length; i++) set[i]?.(frame, values[i]);
      const completion = body(frame);
      if (completion === BREAK) return NORMAL;
      if (completion !== NORMAL) return completion;
    }
  };

  function overPairs(frame: Frame, table: LuaTable): Completion {
    const { machine } = frame;
    for (let key = table.next(undefined, machine); key !== undefined; key = table.next(key, machine)) {
      bind(frame, key, table.get(key, machine));
      const completion = body(frame);
      if (completion === BREAK) break;
      if (completion !== NORMAL) return completion;
    }
    return NORMAL;
  }

  function overItems(frame: Frame, table: LuaTable): Completion {
    for (let position = 1; ; position++) {
      const value = table.array[position - 1];
      if (value === undefined) return NORMAL;
      bind(frame, position, value);
      const completion = body(frame);
      if (completion === BREAK) return NORMAL;
      if (completion !== NORMAL) return completion;
    }
  }
}
