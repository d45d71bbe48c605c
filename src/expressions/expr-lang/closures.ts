import { failed } from "../pratt.ts";
import type { BuiltinNode, Node } from "./nodes.ts";
import { type Run, type Turn, test, turnsOver } from "./run.ts";
import { Groups, NilMap, typeText } from "./values.ts";

/** One call of a built-in with a closure. */
interface Loop {
  readonly node: BuiltinNode;
  readonly closure: Node;
  readonly turn: Turn;
  readonly run: Run;
  readonly evaluate: Evaluate;
}

type Evaluate = (node: Node, run: Run) => unknown;

/** The built-ins that take a closure: the list is evaluated first, then the closure once per element. */
export function callWithClosure(node: BuiltinNode, run: Run, evaluate: Evaluate): unknown {
  const [source, closure, initial] = node.args;
  if (source === undefined || closure === undefined) throw failed(`${node.name} takes a list and a closure`);
  const turn = turnsOver(evaluate(source, run));
  run.turns.push(turn);
  const result = dispatch({ node, closure, turn, run, evaluate }, initial);
  run.turns.pop();
  return result;
}

function dispatch(loop: Loop, initial: Node | undefined): unknown {
  switch (loop.node.name) {
    case "all":
      return every(loop, true);
    case "none":
      return every(loop, false);
    case "any":
      return search(loop) >= 0;
    case "one":
      return count(loop) === 1;
    case "count":
      return BigInt(count(loop));
    case "filter":
      return filter(loop);
    case "map":
      return mapEach(loop);
    case "find":
      return found(loop, search(loop));
    case "findLast":
      return found(loop, searchBackwards(loop));
    case "findIndex":
      return indexOrNil(search(loop));
    case "findLastIndex":
      return indexOrNil(searchBackwards(loop));
    case "groupBy":
      return groupBy(loop);
    case "reduce":
      return reduce(loop, initial);
    default:
      throw failed(`there is no built-in ${loop.node.name}`);
  }
}

function holds({ closure, run, node, evaluate }: Loop): boolean {
  return test(evaluate(closure, run), node.name);
}

function every(loop: Loop, wanted: boolean): boolean {
  const { turn } = loop;
  for (turn.index = 0; turn.index < turn.length; turn.index++) if (holds(loop) !== wanted) return false;
  return true;
}

/** The index of the first element for which the closure holds, or -1. */
function search(loop: Loop): number {
  const { turn } = loop;
  for (turn.index = 0; turn.index < turn.length; turn.index++) if (holds(loop)) return turn.index;
  return -1;
}

function searchBackwards(loop: Loop): number {
  const { turn } = loop;
  for (turn.index = turn.length - 1; turn.index >= 0; turn.index--) if (holds(loop)) return turn.index;
  return -1;
}

function found({ node, turn, run, evaluate }: Loop, index: number): unknown {
  if (index >= 0) return node.mapped === undefined ? turn.at(index) : evaluate(node.mapped, run);
  if (node.throws) throw failed("the filter found nothing");
  return null;
}

function indexOrNil(index: number): bigint | null {
  return index < 0 ? null : BigInt(index);
}

function count(loop: Loop): number {
  const { turn } = loop;
  let total = 0;
  for (turn.index = 0; turn.index < turn.length; turn.index++) total += holds(loop) ? 1 : 0;
  return total;
}

function filter(loop: Loop): unknown[] {
  const { turn, node, run, evaluate } = loop;
  const kept: unknown[] = [];
  for (turn.index = 0; turn.index < turn.length; turn.index++) {
    if (holds(loop)) kept.push(node.mapped === undefined ? turn.at(turn.index) : evaluate(node.mapped, run));
  }
  run.budget.elements(kept.length);
  return kept;
}

function mapEach({ turn, closure, run, evaluate }: Loop): unknown[] {
  run.budget.elements(turn.length);
  const mapped: unknown[] = [];
  for (turn.index = 0; turn.index < turn.length; turn.index++) mapped.push(evaluate(closure, run));
  return mapped;
}

function groupBy({ turn, closure, run, evaluate }: Loop): Groups {
  const groups = new Groups();
  for (turn.index = 0; turn.index < turn.length; turn.index++) {
    const key = evaluate(closure, run);
    if (typeof key === "object" && key !== null) throw failed(`a ${typeText(key)} cannot be a key`);
    const group = groups.get(key);
    if (Array.isArray(group)) group.push(turn.at(turn.index));
    else groups.set(key, [turn.at(turn.index)]);
  }
  // Go makes the map with the first group: of an empty list there is none.
  return turn.length === 0 ? new NilMap() : groups;
}

function reduce({ turn, closure, run, evaluate }: Loop, initial: Node | undefined): unknown {
  if (initial === undefined) {
    turn.accumulator = turn.at(0);
    turn.index = 1;
  } else turn.accumulator = evaluate(initial, run);
  for (; turn.index < turn.length; turn.index++) turn.accumulator = evaluate(closure, run);
  return turn.accumulator;
}
