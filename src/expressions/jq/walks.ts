import { extendTrail, isOnTrail, type Trail } from "./access.ts";
import { named } from "./encode.ts";
import { fault, noIteration } from "./faults.ts";
import type { Choice, Env, Machine, Node, Step } from "./machine.ts";
import { isArray, isObject, type JqObject, sortedKeys, type Value } from "./value.ts";

export const iterate: Node = {
  pure: undefined,
  step: (m) => {
    const { v, p, e, k } = m;
    if (!isArray(v) && !isObject(v)) throw noIteration(v);
    if (p !== null && !isOnTrail(v, p)) throw fault(() => `invalid path on iterating against: ${named(v)}`);
    const keys = isArray(v) ? undefined : sortedKeys(v);
    m.meter.scan(keys?.length ?? 0);
    walkItems(m, { items: v, keys, at: 0, p, e, k });
  },
};

interface Walk {
  readonly items: readonly Value[] | JqObject;
  readonly keys: readonly string[] | undefined;
  at: number;
  readonly p: Trail;
  readonly e: Env;
  readonly k: Step;
}

function walkItems(m: Machine, walk: Walk): void {
  const { items, keys } = walk;
  const length = isArray(items) ? items.length : (keys?.length ?? 0);
  const choice: Choice = { resume: (n) => takeItem(n, walk, length, choice) };
  if (length === 0) m.backtrack();
  else takeItem(m, walk, length, choice);
}

function takeItem(m: Machine, walk: Walk, length: number, choice: Choice): void {
  const { items, keys, p } = walk;
  const at = walk.at++;
  // The last item leaves no choice behind, so that recursion through it is a tail call.
  if (walk.at < length) m.choices.push(choice);
  m.e = walk.e;
  m.k = walk.k;
  const key = keys?.[at];
  const value = isArray(items) ? (items[at] ?? null) : (items[key ?? ""] ?? null);
  m.p = p === null ? null : extendTrail(p, key ?? BigInt(at), value);
  m.ret(value);
}

/** `..`: all values inside, outer ones first. */
export const recurse: Node = {
  pure: undefined,
  step: (m) => {
    const { v, p, e, k } = m;
    if (p !== null && !isOnTrail(v, p)) return m.ret(v);
    const open: { value: Value; p: Trail }[] = [{ value: v, p }];
    const choice: Choice = {
      resume: (n) => {
        const item = open.pop();
        if (item === undefined) return n.backtrack();
        pushInside(item.value, item.p, open, n);
        if (open.length > 0) n.choices.push(choice);
        n.p = item.p;
        n.e = e;
        n.k = k;
        n.ret(item.value);
      },
    };
    choice.resume(m);
  },
};

function pushInside(value: Value, p: Trail, open: { value: Value; p: Trail }[], m: Machine): void {
  if (isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--) {
      const item = value[i] ?? null;
      open.push({ value: item, p: p === null ? null : extendTrail(p, BigInt(i), item) });
    }
    m.meter.scan(value.length);
  } else if (isObject(value)) {
    const keys = sortedKeys(value);
    for (const key of keys.reverse()) {
      const item = value[key] ?? null;
      open.push({ value: item, p: p === null ? null : extendTrail(p, key, item) });
    }
    m.meter.scan(keys.length);
  }
}
