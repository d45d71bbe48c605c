import { bindClosure, bindValue, type Env, envAt, type Machine, type Node } from "./machine.ts";
import { aside } from "./nodes.ts";

/** A function of the program: its body is known once it has been compiled, after calls to it from inside. */
export interface Callee {
  body: Node | undefined;
  /** How many things are in scope where it is defined. */
  readonly depth: number;
  /** Which parameters are `$name`: after the closures, their values are put in scope too. */
  readonly params: readonly { readonly isValue: boolean }[];
}

/** A call of a function of the program, or of one that is written in jq. `distance` leads to where it was defined. */
export function callFunction(callee: Callee, args: readonly Node[], distance: number): Node {
  const values = callee.params.flatMap(({ isValue }, i) => (isValue ? [i] : []));
  const enter = (m: Machine): void => {
    m.op = (callee.body as Node).step;
  };
  return {
    pure: undefined,
    step: (m) => {
      const caller = m.e;
      let env = envAt(caller, distance);
      for (const arg of args) env = bindClosure(env, arg, caller);
      m.meter.members(args.length);
      if (values.length === 0) {
        m.e = env;
        enter(m);
      } else bindValues(m, { caller, args, values, at: 0, env, enter });
    },
  };
}

interface Values {
  readonly caller: Env;
  readonly args: readonly Node[];
  readonly values: readonly number[];
  readonly at: number;
  readonly env: Env;
  readonly enter: (m: Machine) => void;
}

/** The first `$parameter` is the outermost loop. */
function bindValues(m: Machine, state: Values): void {
  const arg = state.args[state.values[state.at] ?? -1];
  if (arg === undefined) {
    m.e = state.env;
    state.enter(m);
  } else {
    m.e = state.caller;
    aside(m, arg, (n, value) => bindValues(n, { ...state, at: state.at + 1, env: bindValue(state.env, value) }));
  }
}

/** A closure that was given as a parameter. */
export function callClosure(distance: number): Node {
  return {
    pure: undefined,
    step: (m) => {
      const closure = envAt(m.e, distance)?.closure;
      if (closure === null || closure === undefined) return m.backtrack();
      m.e = closure.env;
      m.op = closure.node.step;
    },
  };
}
