import { index } from "./access.ts";
import { add, type Binary } from "./arithmetic.ts";
import { badKey } from "./faults.ts";
import { always, type Machine, type Node, type Pure } from "./machine.ts";
import { identity, quick } from "./nodes.ts";
import { emptyDraft, put, type Value } from "./value.ts";

/** A function of evaluated arguments. */
export type Native = (input: Value, args: readonly Value[], m: Machine) => Value;

/** Evaluates the arguments, the last one as the outermost loop, and calls. */
export function callNative(native: Native, args: readonly Node[]): Node {
  const pures = args.map((arg) => arg.pure);
  const isPure = pures.every((pure) => pure !== undefined);
  if (args.length === 0) return always((value, _env, m) => native(value, [], m));
  const pure: Pure = (value, env, m) => {
    const values: Value[] = new Array(pures.length);
    for (let i = pures.length - 1; i >= 0; i--) values[i] = pures[i]?.(value, env, m) ?? null;
    return native(value, values, m);
  };
  return quick(isPure ? pure : undefined, (m) => evaluateAll(m, args, (n, values) => n.ret(native(n.v, values, n))));
}

/** Evaluates nodes on the input, the last one as the outermost loop; `then` runs with the input back in `m.v`. */
export function evaluateAll(m: Machine, nodes: readonly Node[], then: (m: Machine, values: Value[]) => void): void {
  const { v, e, k } = m;
  m.meter.frame();
  const values: Value[] = new Array(nodes.length).fill(null);
  const evaluate = (n: Machine, i: number): void => {
    const node = nodes[i];
    n.v = v;
    n.e = e;
    if (node === undefined) {
      n.k = k;
      then(n, values);
    } else if (n.p === null && node.pure !== undefined) {
      values[i] = node.pure(v, e, n);
      evaluate(n, i - 1);
    } else {
      n.k = (o) => {
        values[i] = o.v;
        evaluate(o, i - 1);
      };
      n.op = node.step;
    }
  };
  evaluate(m, nodes.length - 1);
}

export function binary(operator: Binary, left: Node, right: Node): Node {
  const first = left.pure;
  const second = right.pure;
  const pure: Pure | undefined =
    first === undefined || second === undefined
      ? undefined
      : (value, env, m) => {
          const r = second(value, env, m);
          return operator(first(value, env, m), r, m.meter);
        };
  return quick(pure, (m) =>
    evaluateAll(m, [left, right], (n, [l, r]) => n.ret(operator(l ?? null, r ?? null, n.meter))),
  );
}

/** A string with interpolations; every part gives a string. */
export function joinedText(parts: readonly Node[]): Node {
  return callNative((_input, args, m) => args.reduce((text, part) => add(text, part, m.meter)), parts);
}

export function arrayOf(body: Node): Node {
  const { pure } = body;
  if (pure !== undefined) {
    return quick(
      (value, env, m) => {
        m.meter.members(1);
        return [pure(value, env, m)];
      },
      (m) => collect(m, body),
    );
  }
  return { pure: undefined, step: (m) => collect(m, body) };
}

function collect(m: Machine, body: Node): void {
  const { p, e, k } = m;
  const items: Value[] = [];
  m.meter.frame();
  m.choices.push({
    resume: (n) => {
      n.p = p;
      n.e = e;
      n.k = k;
      n.ret(items);
    },
  });
  m.k = (n) => {
    items.push(n.v);
    n.meter.members(1);
    n.backtrack();
  };
  m.op = body.step;
}

/**
 * `{key: value, ...}`, the first entry as the outermost loop. A later entry of the same name wins. Without a value node the
 * entry is the member that has the name computed for the key.
 */
export function objectOf(entries: readonly { key: Node; value: Node | undefined }[]): Node {
  const isPure = entries.every(({ key, value }) => key.pure !== undefined && value?.pure !== undefined);
  const pure: Pure = (input, env, m) => {
    const made = emptyDraft(entries.length);
    m.meter.keys(entries.length);
    let bad: { readonly key: Value } | undefined;
    for (const { key, value } of entries) {
      const name = key.pure?.(input, env, m) ?? null;
      const item = value?.pure?.(input, env, m) ?? null;
      if (typeof name === "string") put(made, name, item);
      else bad = { key: name };
    }
    if (bad !== undefined) throw badKey(bad.key);
    return made;
  };
  const parts = entries.flatMap(({ key, value }) => [key, value ?? identity]);
  const finish = (m: Machine, values: readonly Value[]): void => {
    const found = values.toReversed();
    entries.forEach(({ value }, i) => {
      if (value === undefined) found[2 * i + 1] = index(m.v, found[2 * i] ?? null, m.meter);
    });
    m.ret(objectFrom(found, m));
  };
  // The order of loops is the other way round than that of arguments.
  return quick(isPure ? pure : undefined, (m) => evaluateAll(m, parts.toReversed(), finish));
}

function objectFrom(parts: readonly Value[], m: Machine): Value {
  const made = emptyDraft(parts.length / 2);
  m.meter.keys(parts.length / 2);
  let bad: { readonly key: Value } | undefined;
  for (let i = 0; i < parts.length; i += 2) {
    const key = parts[i] ?? null;
    if (typeof key === "string") put(made, key, parts[i + 1] ?? null);
    else bad = { key };
  }
  if (bad !== undefined) throw badKey(bad.key);
  return made;
}
