import { getPath, isOnTrail, pathOf, startTrail } from "./access.ts";
import type { Binary } from "./arithmetic.ts";
import { deletePaths, type Owned, setPath } from "./assign.ts";
import { evaluateAll } from "./evaluate.ts";
import { badPath } from "./faults.ts";
import { pushLabel } from "./labels.ts";
import { Break, type Machine, type Node, type Step } from "./machine.ts";
import { aside } from "./nodes.ts";
import type { Value } from "./value.ts";

/** The path of what the machine has come to. */
function pathHere(m: Machine): Value[] {
  if (m.p === null || !isOnTrail(m.v, m.p)) throw badPath(m.v);
  m.meter.members(m.p.length);
  return pathOf(m.p);
}

/** `path(body)`. */
export function pathsOf(body: Node): Node {
  return {
    pure: undefined,
    step: (m) => {
      const { p, e, k } = m;
      m.meter.frame();
      m.p = startTrail(m.v);
      m.k = (n) => {
        const path = pathHere(n);
        n.p = p;
        n.e = e;
        n.k = k;
        n.ret(path);
      };
      m.op = body.step;
    },
  };
}

/** Walks all paths of `target`; `visit` ends with a backtrack or a failure, `finish` gives the result. */
function eachPath(m: Machine, target: Node, visit: (m: Machine, path: Value[]) => void, finish: () => Value): void {
  const { v, p, e, k } = m;
  m.meter.frame();
  m.choices.push({
    resume: (n) => {
      n.p = p;
      n.e = e;
      n.k = k;
      n.ret(finish());
    },
  });
  m.p = startTrail(v);
  m.k = (n) => visit(n, pathHere(n));
  m.op = target.step;
}

/** `target = value`: one output for each output of the value, which is computed on the whole input. */
export function assign(target: Node, value: Node): Node {
  return {
    pure: undefined,
    step: (m) =>
      aside(m, value, (n, assigned) => {
        let state = n.v;
        const tools = { owned: new Set<object>(), meter: n.meter };
        const visit = (o: Machine, path: Value[]): void => {
          state = setPath(state, path, assigned, tools);
          o.backtrack();
        };
        eachPath(n, target, visit, () => state);
      }),
  };
}

/** `target = value` for a target that is a path of constants. */
export function assignAt(path: readonly Value[], value: Node): Node {
  return {
    pure: undefined,
    step: (m) =>
      evaluateAll(m, [value], (n, [assigned]) =>
        n.ret(setPath(n.v, path, assigned ?? null, { owned: new Set(), meter: n.meter })),
      ),
  };
}

interface Update {
  state: Value;
  readonly deleted: Value[];
  readonly owned: Owned;
}

/** `target |= update`: the first output of the update; without one the place is deleted at the end. */
export function modify(target: Node, update: Node): Node {
  return {
    pure: undefined,
    step: (m) => {
      const { e } = m;
      const change: Update = { state: m.v, deleted: [], owned: new Set() };
      const tools = { owned: change.owned, meter: m.meter };
      const visit = (n: Machine, path: Value[]): void => {
        n.p = null;
        const found = getPath(change.state, path, n.meter);
        if (update.pure !== undefined) {
          change.state = setPath(change.state, path, update.pure(found, e, n), tools);
          n.backtrack();
        } else visitWith(n, { change, path, found, update, e });
      };
      eachPath(m, target, visit, () => deletePaths(change.state, change.deleted, tools));
    },
  };
}

interface Visit {
  readonly change: Update;
  readonly path: Value[];
  readonly found: Value;
  readonly update: Node;
  readonly e: Machine["e"];
}

function visitWith(m: Machine, { change, path, found, update, e }: Visit): void {
  const label = pushLabel(m);
  m.choices.push({
    resume: (n) => {
      change.deleted.push(path);
      n.backtrack();
    },
  });
  const take: Step = (n) => {
    change.state = setPath(change.state, path, n.v, { owned: change.owned, meter: n.meter });
    throw new Break(label);
  };
  m.run(update, found, e, take);
}

/** `target += value` and its kin: one output for each output of the value. */
export function modifyBy(target: Node, operator: Binary, value: Node): Node {
  return {
    pure: undefined,
    step: (m) =>
      evaluateAll(m, [value], (n, [operand]) => {
        let state = n.v;
        const tools = { owned: new Set<object>(), meter: n.meter };
        const visit = (o: Machine, path: Value[]): void => {
          const found = getPath(state, path, o.meter);
          state = setPath(state, path, operator(found, operand ?? null, o.meter), tools);
          o.backtrack();
        };
        eachPath(n, target, visit, () => state);
      }),
  };
}
