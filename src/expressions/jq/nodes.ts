import { extendTrail, getPath, index, isOnTrail, slice } from "./access.ts";
import { badPath } from "./faults.ts";
import { always, type Choice, type Machine, type Node, type Pure, type Step } from "./machine.ts";
import { isArray, type JqObject, type Value } from "./value.ts";

export const identity: Node = { pure: (value) => value, step: (m) => m.ret(m.v) };

export const empty: Node = { pure: undefined, step: (m) => m.backtrack() };

export function constant(value: Value): Node {
  return always(() => value);
}

/** A node with a quick way for when nobody asks for paths and no part has several outputs. */
export function quick(pure: Pure | undefined, slow: Step): Node {
  if (pure === undefined) return { pure, step: slow };
  return { pure, step: (m) => (m.p === null ? m.ret(pure(m.v, m.e, m)) : slow(m)) };
}

/** Notes where `value` was found in `from`. */
function follow(m: Machine, from: Value, key: Value, value: Value): void {
  if (m.p === null) return;
  if (!isOnTrail(from, m.p)) throw badPath(from);
  m.p = extendTrail(m.p, key, value);
}

export function pipe(left: Node, right: Node): Node {
  if (left === identity) return right;
  if (right === identity) return left;
  const first = left.pure;
  const second = right.pure;
  const slow: Step = (m) => {
    const { e, k } = m;
    m.meter.members(2);
    m.k = (n) => {
      n.e = e;
      n.k = k;
      n.op = right.step;
    };
    m.op = left.step;
  };
  if (first === undefined) return { pure: undefined, step: slow };
  if (second !== undefined) return quick((value, env, m) => second(first(value, env, m), env, m), slow);
  const step: Step = (m) => {
    if (m.p !== null) return slow(m);
    m.v = first(m.v, m.e, m);
    m.op = right.step;
  };
  return { pure: undefined, step };
}

export function comma(left: Node, right: Node): Node {
  return {
    pure: undefined,
    step: (m) => {
      m.meter.members(16);
      m.choices.push(again(m, right));
      m.op = left.step;
    },
  };
}

/** The choice to run a node on the registers as they are now. */
function again(m: Machine, node: Node): Choice {
  const { v, p, e, k } = m;
  return {
    resume: (n) => {
      n.p = p;
      n.run(node, v, e, k);
    },
  };
}

/** Runs a part whose path nobody wants: a key, a condition, the source of a binding. */
export function aside(m: Machine, node: Node, then: (m: Machine, value: Value) => void): void {
  const { v, p, e, k } = m;
  if (node.pure !== undefined) {
    then(m, node.pure(v, e, m));
    return;
  }
  m.meter.frame();
  m.p = null;
  m.k = (n) => {
    const result = n.v;
    n.v = v;
    n.p = p;
    n.e = e;
    n.k = k;
    then(n, result);
  };
  m.op = node.step;
}

export function indexConstant(key: Value): Node {
  return quick(
    (value, _env, m) => index(value, key, m.meter),
    (m) => {
      const from = m.v;
      const found = index(from, key, m.meter);
      follow(m, from, key, found);
      m.ret(found);
    },
  );
}

/** `target[key]`: the key is computed first, on the input. */
export function indexBy(target: Node, key: Node): Node {
  const { pure: targetOf } = target;
  const { pure: keyOf } = key;
  const pure: Pure | undefined =
    targetOf === undefined || keyOf === undefined
      ? undefined
      : (value, env, m) => {
          const place = keyOf(value, env, m);
          return index(targetOf(value, env, m), place, m.meter);
        };
  return quick(pure, (m) =>
    aside(m, key, (n, place) => {
      const { k } = n;
      n.k = (o) => {
        const from = o.v;
        const found = index(from, place, o.meter);
        follow(o, from, place, found);
        o.k = k;
        o.ret(found);
      };
      n.op = target.step;
    }),
  );
}

/** `target[start:end]`: the start is the outer loop. */
export function sliceBy(target: Node, start: Node, end: Node): Node {
  return {
    pure: undefined,
    step: (m) =>
      aside(m, start, (m1, from) =>
        aside(m1, end, (m2, to) => {
          const { k } = m2;
          m2.k = (m3) => {
            const whole = m3.v;
            const part = slice(whole, from, to, m3.meter);
            const key: JqObject = { start: from, end: to };
            follow(m3, whole, key, part);
            m3.k = k;
            m3.ret(part);
          };
          m2.op = target.step;
        }),
      ),
  };
}

export const getpath = (path: Node): Node => ({
  pure: undefined,
  step: (m) =>
    aside(m, path, (n, keys) => {
      const from = n.v;
      const found = getPath(from, keys, n.meter);
      let trail = n.p;
      if (trail !== null && isArray(keys)) {
        if (!isOnTrail(from, trail)) throw badPath(from);
        for (const key of keys) trail = extendTrail(trail, key, found);
        n.p = trail;
      }
      n.ret(found);
    }),
});
