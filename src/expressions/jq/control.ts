import { JqError } from "./faults.ts";
import type { Choice, Env, Machine, Node, Pure, Step } from "./machine.ts";
import { aside, quick } from "./nodes.ts";
import type { Binding } from "./patterns.ts";
import { compare, isTrue, type Value } from "./value.ts";

/** `if`; without an `else` the input itself. */
export function condition(test: Node, then: Node, otherwise: Node): Node {
  const { pure: testOf } = test;
  const { pure: thenOf } = then;
  const { pure: elseOf } = otherwise;
  const pure: Pure | undefined =
    testOf === undefined || thenOf === undefined || elseOf === undefined
      ? undefined
      : (value, env, m) => (isTrue(testOf(value, env, m)) ? thenOf(value, env, m) : elseOf(value, env, m));
  return quick(pure, (m) =>
    aside(m, test, (n, verdict) => {
      n.op = isTrue(verdict) ? then.step : otherwise.step;
    }),
  );
}

/** `left // right`: what is true of the left, or else the right. An error on the left is an error, as in gojq. */
export function alternative(left: Node, right: Node): Node {
  const first = left.pure;
  const second = right.pure;
  const pure: Pure | undefined =
    first === undefined || second === undefined
      ? undefined
      : (value, env, m) => {
          const found = first(value, env, m);
          return isTrue(found) ? found : second(value, env, m);
        };
  return quick(pure, (m) => {
    const { v, p, e, k } = m;
    let found = false;
    m.choices.push({
      resume: (n) => {
        if (found) return n.backtrack();
        n.p = p;
        n.run(right, v, e, k);
      },
    });
    m.k = (n) => {
      if (!isTrue(n.v)) return n.backtrack();
      found = true;
      n.k = k;
      n.op = k;
    };
    m.op = left.step;
  });
}

/** `try body catch handler`; without a handler an error ends the outputs. */
export function guarded(body: Node, handler: Node | undefined): Node {
  const bodyOf = body.pure;
  const slow: Step = (m) => {
    const { p, e, k } = m;
    const begin: Choice = {
      guard: "begin",
      resume: (n) => n.backtrack(),
      fail: (n, failure) => {
        if (!(failure instanceof JqError)) return false;
        n.p = p;
        handle(n, failure, { handler, e, k });
        return true;
      },
    };
    m.meter.frame();
    m.choices.push(begin);
    m.k = (n) => {
      // No choice was left inside: the guard has done its work. Else it stays for those, but not for what comes after.
      if (n.choices[n.choices.length - 1] === begin) n.choices.pop();
      else n.choices.push(END);
      n.k = k;
      n.op = k;
    };
    m.op = body.step;
  };
  if (bodyOf === undefined) return { pure: undefined, step: slow };
  const step: Step = (m) => {
    if (m.p !== null) return slow(m);
    const { v, e, k } = m;
    try {
      m.ret(bodyOf(v, e, m));
    } catch (error) {
      if (!(error instanceof JqError)) throw error;
      handle(m, error, { handler, e, k });
    }
  };
  return { pure: undefined, step };
}

const END: Choice = { guard: "end", resume: (m) => m.backtrack() };

interface Caught {
  readonly handler: Node | undefined;
  readonly e: Env;
  readonly k: Step;
}

function handle(m: Machine, error: JqError, { handler, e, k }: Caught): void {
  if (handler === undefined) m.backtrack();
  else m.run(handler, error.value, e, k);
}

interface Fold {
  readonly source: Node;
  readonly binding: Binding;
  readonly start: Node;
  readonly update: Node;
}

/** `reduce`: the last output of the update is the next state; none leaves the state as it is. */
export function reduce({ source, binding, start, update }: Fold): Node {
  return {
    pure: undefined,
    step: (m) => {
      const { v, e, k } = m;
      m.k = (n) => {
        let state = n.v;
        const { p } = n;
        n.choices.push({
          resume: (o) => {
            o.p = p;
            o.e = e;
            o.k = k;
            o.ret(state);
          },
        });
        const keep: Step = (o) => {
          state = o.v;
          o.backtrack();
        };
        n.run(source, v, e, (o) =>
          binding(o, o.v, e, (q, env) => {
            if (q.p === null && update.pure !== undefined) {
              state = update.pure(state, env, q);
              q.backtrack();
            } else q.run(update, state, env, keep);
          }),
        );
      };
      m.op = start.step;
    },
  };
}

/** `foreach`: each output of the update, or what `extract` makes of it. */
export function foreach({ source, binding, start, update, extract }: Fold & { extract: Node | undefined }): Node {
  return {
    pure: undefined,
    step: (m) => {
      const { v, e, k } = m;
      m.k = (n) => {
        let state = n.v;
        n.run(source, v, e, (o) =>
          binding(o, o.v, e, (q, env) =>
            q.run(update, state, env, (r) => {
              state = r.v;
              if (extract === undefined) {
                r.k = k;
                r.op = k;
              } else r.run(extract, state, env, k);
            }),
          ),
        );
      };
      m.op = start.step;
    },
  };
}

/** `range(start; end; step)` over evaluated bounds. */
export function rangeOver(m: Machine, start: Value, end: Value, by: Value, next: (value: Value) => Value): void {
  const { p, e, k } = m;
  const direction = compare(by, 0);
  let at = start;
  const choice: Choice = {
    resume: (n) => {
      if (direction * compare(at, end) >= 0) return n.backtrack();
      const value = at;
      at = next(at);
      n.choices.push(choice);
      n.p = p;
      n.e = e;
      n.k = k;
      n.ret(value);
    },
  };
  choice.resume(m);
}
