import { Break, bindLabel, type Choice, envAt, type Machine, type Node } from "./machine.ts";
import type { Value } from "./value.ts";

/** Stands for no label at all. */
const NOWHERE = {};

/** `label $name | body`: the body has the label as the innermost of its environment. */
export function labelled(body: Node): Node {
  return {
    pure: undefined,
    step: (m) => {
      const label = pushLabel(m);
      m.e = bindLabel(m.e, label);
      m.op = body.step;
    },
  };
}

/** A choice that ends the `break` for the label. */
export function pushLabel(m: Machine): object {
  m.meter.frame();
  const label: Choice = {
    resume: (n) => n.backtrack(),
    fail: (n, failure) => {
      if (!(failure instanceof Break) || failure.label !== label) return false;
      n.backtrack();
      return true;
    },
  };
  m.choices.push(label);
  return label;
}

export function breakTo(distance: number): Node {
  return {
    pure: undefined,
    step: (m) => {
      throw new Break(envAt(m.e, distance)?.label ?? NOWHERE);
    },
  };
}

/** `first(body)`. */
export function firstOf(body: Node): Node {
  return {
    pure: body.pure,
    step: (m) => {
      const { k } = m;
      const label = pushLabel(m);
      m.k = (n) => {
        if (n.choices[n.choices.length - 1] === label) n.choices.pop();
        else
          n.choices.push({
            resume: () => {
              throw new Break(label);
            },
          });
        n.k = k;
        n.op = k;
      };
      m.op = body.step;
    },
  };
}

/** `last(body)`: like gojq's, it forgets where the output came from. */
export function lastOf(body: Node): Node {
  return {
    pure: undefined,
    step: (m) => {
      const { p, e, k } = m;
      let last: { readonly value: Value } | undefined;
      m.choices.push({
        resume: (n) => {
          if (last === undefined) return n.backtrack();
          n.p = p;
          n.e = e;
          n.k = k;
          n.ret(last.value);
        },
      });
      m.k = (n) => {
        last = { value: n.v };
        n.backtrack();
      };
      m.op = body.step;
    },
  };
}
