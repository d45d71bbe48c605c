import type { Statement, Target } from "./ast.ts";
import { compileExpression, compileList, compileMulti, type MakePrototype } from "./compile-expression.ts";
import { siteOf } from "./compile-operator.ts";
import { type Eval, type Exec, type Frame, NORMAL } from "./frame.ts";
import { setIndex } from "./operations.ts";
import { LuaTable } from "./table.ts";
import type { LuaValue } from "./values.ts";

/** A target whose object and key have been evaluated. */
interface Prepared {
  readonly object: LuaValue;
  readonly key: LuaValue;
}

interface Place {
  readonly isLocal: boolean;
  prepare(frame: Frame): Prepared;
  assign(frame: Frame, at: Prepared, value: LuaValue): void;
}

const NO_PLACE: Prepared = { object: undefined, key: undefined };
const noPlace = (): Prepared => NO_PLACE;

function placeOf(target: Target, make: MakePrototype): Place {
  const site = siteOf(target);
  switch (target.kind) {
    case "local": {
      const { slot, captured } = target.variable;
      const assign: Place["assign"] = captured
        ? (frame, _at, value) => {
            const cell = frame.cells[slot];
            if (cell !== undefined) cell.value = value;
          }
        : (frame, _at, value) => {
            frame.slots[slot] = value;
          };
      return { isLocal: true, prepare: noPlace, assign };
    }
    case "upvalue": {
      const at = target.index;
      return {
        isLocal: false,
        prepare: noPlace,
        assign: (frame, _at, value) => {
          const cell = frame.upvalues[at];
          if (cell !== undefined) cell.value = value;
        },
      };
    }
    case "global": {
      const { name } = target;
      return {
        isLocal: false,
        prepare: noPlace,
        assign: ({ machine }, _at, value) => {
          machine.at(site);
          setIndex(machine, machine.globals, name, value);
        },
      };
    }
    case "index": {
      const object = compileExpression(target.object, make);
      const key = compileExpression(target.key, make);
      // A local is looked at only when its field is set.
      const late = target.object.kind === "local";
      const prepare = late
        ? (frame: Frame) => ({ object: undefined, key: key(frame) })
        : (frame: Frame) => ({ object: object(frame), key: key(frame) });
      return {
        isLocal: false,
        prepare,
        assign: (frame, at, value) => setField(frame, late ? object(frame) : at.object, at.key, value, site),
      };
    }
  }
}

function setField(
  frame: Frame,
  ...[object, key, value, site]: [LuaValue, LuaValue, LuaValue, ReturnType<typeof siteOf>]
) {
  const { machine } = frame;
  if (object instanceof LuaTable && object.meta === undefined && typeof key === "string") {
    object.setEntry(key, value, machine);
    return;
  }
  machine.at(site);
  setIndex(machine, object, key, value);
}

export function compileAssign(node: Statement & { kind: "assign" }, make: MakePrototype): Exec {
  const places = node.targets.map((target) => placeOf(target, make));
  const [place] = places;
  const [value] = node.values;
  if (places.length === 1 && node.values.length === 1 && place !== undefined && value !== undefined) {
    const evaluate = compileExpression(value, make);
    return (frame) => {
      const at = place.prepare(frame);
      place.assign(frame, at, evaluate(frame));
      return NORMAL;
    };
  }
  return compileSeveral(places, node, make);
}

/**
 * Several targets, in the peer's order: a local of the function gets its value at once, before the next value is
 * evaluated (`a, b = b, a` leaves both with b's), unless the value is one of several that a call gave; all other targets
 * are assigned at the end, the last one first.
 */
function compileSeveral(places: readonly Place[], node: Statement & { kind: "assign" }, make: MakePrototype): Exec {
  const singles: Eval[] = node.values.map((each) => compileExpression(each, make));
  const lastIndex = node.values.length - 1;
  const last = node.values[lastIndex];
  const rest = last === undefined || lastIndex >= places.length ? undefined : compileMulti(last, make);
  const surplus = compileList(node.values.slice(places.length), make);
  return (frame) => {
    const prepared = places.map((place) => place.prepare(frame));
    const pending: LuaValue[] = [];
    let expanded = places.length;
    for (let i = 0; i < places.length; i++) {
      if (rest !== undefined && i === lastIndex) {
        pending.push(...rest(frame).slice(0, places.length - i));
        expanded = i;
        break;
      }
      const value = singles[i]?.(frame);
      pending.push(value);
      if (places[i]?.isLocal === true) places[i]?.assign(frame, NO_PLACE, value);
    }
    surplus(frame);
    for (let i = places.length - 1; i >= 0; i--) {
      const place = places[i];
      if (place !== undefined && (!place.isLocal || i >= expanded)) {
        place.assign(frame, prepared[i] ?? NO_PLACE, pending[i]);
      }
    }
    return NORMAL;
  };
}
