import { index } from "./access.ts";
import { notAnArray } from "./faults.ts";
import { bindValue, type Env, envAt, type Machine, type Node, type Pure } from "./machine.ts";
import { aside, quick } from "./nodes.ts";
import { isArray, type Value } from "./value.ts";

/** Takes a value apart; `then` gets the environment with what was found, once for each output of the keys in it. */
export type Binding = (m: Machine, value: Value, env: Env, then: (m: Machine, env: Env) => void) => void;

/** A compiled pattern. */
export interface Destructuring {
  readonly bind: Binding;
  /** The same where no key is computed. */
  readonly pure: ((value: Value, env: Env, m: Machine) => Env) | undefined;
}

export function bindVariable(): Destructuring {
  const pure = (value: Value, env: Env): Env => bindValue(env, value);
  return { pure, bind: (m, value, env, then) => then(m, bindValue(env, value)) };
}

/** The element of an array; null has only nulls. */
function elementAt(value: Value, place: bigint, m: Machine): Value {
  if (value !== null && !isArray(value)) throw notAnArray(value);
  return index(value, place, m.meter);
}

/** Part patterns one after the other, each on its own part of the value. */
export function bindParts(parts: readonly { readonly part: Part; readonly inner: Destructuring }[]): Destructuring {
  const pures = parts.map(({ part, inner }) =>
    part.pure === undefined || inner.pure === undefined ? undefined : { part: part.pure, inner: inner.pure },
  );
  const isPure = pures.every((pure) => pure !== undefined);
  const from = (
    m: Machine,
    state: { value: Value; env: Env; at: number },
    then: (m: Machine, env: Env) => void,
  ): void => {
    const next = parts[state.at];
    if (next === undefined) {
      then(m, state.env);
      return;
    }
    next.part.take(m, state.value, state.env, (n, found) =>
      next.inner.bind(n, found, state.env, (o, env) => from(o, { ...state, env, at: state.at + 1 }, then)),
    );
  };
  return {
    pure: isPure
      ? (value, env, m) => {
          let found = env;
          for (const pure of pures) {
            if (pure !== undefined) found = pure.inner(pure.part(value, found, m), found, m);
          }
          return found;
        }
      : undefined,
    bind: (m, value, env, then) => from(m, { value, env, at: 0 }, then),
  };
}

/** How one part of a value is found. */
export interface Part {
  readonly pure: Pure | undefined;
  take(m: Machine, value: Value, env: Env, then: (m: Machine, found: Value) => void): void;
}

function plain(pure: Pure): Part {
  return { pure, take: (m, value, env, then) => then(m, pure(value, env, m)) };
}

export function elementPart(place: number): Part {
  const key = BigInt(place);
  return plain((value, _env, m) => elementAt(value, key, m));
}

export function memberPart(key: string): Part {
  return plain((value, _env, m) => index(value, key, m.meter));
}

/** A key that is computed on the value that is taken apart. */
export function computedPart(key: Node): Part {
  const keyOf = key.pure;
  if (keyOf !== undefined) {
    return plain((value, env, m) => index(value, keyOf(value, env, m), m.meter));
  }
  return {
    pure: undefined,
    take: (m, value, env, then) => {
      m.v = value;
      m.e = env;
      aside(m, key, (n, found) => then(n, index(value, found, n.meter)));
    },
  };
}

/** `source as pattern | body`. */
export function bound(source: Node, pattern: Destructuring, body: Node): Node {
  const { pure: sourceOf } = source;
  const { pure: envOf } = pattern;
  const { pure: bodyOf } = body;
  if (sourceOf !== undefined && envOf !== undefined) {
    const enter = (value: Value, env: Env, m: Machine): Env => envOf(sourceOf(value, env, m), env, m);
    const step = (m: Machine): void => {
      m.e = enter(m.v, m.e, m);
      m.op = body.step;
    };
    if (bodyOf === undefined) return { pure: undefined, step };
    return quick((value, env, m) => bodyOf(value, enter(value, env, m), m), step);
  }
  return { pure: undefined, step: (m) => bindAside(m, source, pattern, body) };
}

/** Runs the source and the pattern without a path, then goes on with the input and the new environment. */
function bindAside(m: Machine, source: Node, pattern: Destructuring, body: Node): void {
  const { v, p, e, k } = m;
  aside(m, source, (n, value) => {
    n.p = null;
    pattern.bind(n, value, e, (o, env) => {
      o.p = p;
      o.run(body, v, env, k);
    });
  });
}

/**
 * `source as p1 ?// p2 ... | body`: when a pattern or the body fails, the next pattern is tried. All variables of all
 * patterns are in scope; `layouts` tells for each pattern where its own environment has them (-1: it has not, null).
 */
export function boundAlternatives(
  source: Node,
  patterns: readonly { readonly pattern: Destructuring; readonly layout: readonly number[] }[],
  body: Node,
): Node {
  const attempt = (m: Machine, value: Value, at: number): void => {
    const { v, p, e, k } = m;
    const choice = patterns[at];
    m.meter.frame();
    if (choice === undefined) {
      m.backtrack();
      return;
    }
    if (at < patterns.length - 1) {
      m.choices.push({
        resume: (n) => n.backtrack(),
        fail: (n) => {
          n.v = v;
          n.p = p;
          n.e = e;
          n.k = k;
          n.op = (o) => attempt(o, value, at + 1);
          return true;
        },
      });
    }
    m.p = null;
    choice.pattern.bind(m, value, e, (n, found) => {
      let env = e;
      for (const distance of choice.layout) {
        env = bindValue(env, distance < 0 ? null : (envAt(found, distance)?.value ?? null));
      }
      n.p = p;
      n.run(body, v, env, k);
    });
  };
  return { pure: undefined, step: (m) => aside(m, source, (n, value) => attempt(n, value, 0)) };
}
