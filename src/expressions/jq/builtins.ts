import { add } from "./arithmetic.ts";
import { condition, rangeOver } from "./control.ts";
import { entries } from "./entries.ts";
import { arrayOf, callNative, type Native } from "./evaluate.ts";
import { notFor } from "./faults.ts";
import { firstOf, lastOf } from "./labels.ts";
import { lists } from "./lists.ts";
import type { Machine, Node } from "./machine.ts";
import * as nodes from "./nodes.ts";
import { numbers } from "./numbers.ts";
import { parseDefinition } from "./parser.ts";
import { PRELUDE } from "./prelude.ts";
import { gaps, matching, substitute } from "./regexps.ts";
import { sorting } from "./sorting.ts";
import type { Definition } from "./syntax.ts";
import { texts } from "./texts.ts";
import { times } from "./times.ts";
import { modify, pathsOf } from "./updates.ts";
import { isNumber, type Value } from "./value.ts";
import { iterate, recurse } from "./walks.ts";

const NATIVES: ReadonlyMap<string, Native> = new Map([
  ...entries,
  ...lists,
  ...numbers,
  ...sorting,
  ...texts,
  ...times,
  ["_gaps/1", gaps] as const,
  ["_sub/1", substitute] as const,
]);

/** The functions of values of one program: those on regular expressions remember what they have compiled. */
export function nativesOf(): (name: string, arity: number) => Native | undefined {
  const match = matching();
  return (name, arity) => (name === "_match" && arity === 3 ? match : NATIVES.get(`${name}/${arity}`));
}

/** A function that is more than a function of values: it gets its arguments unevaluated. */
type Special = (args: readonly Node[]) => Node;

const each = (body: Node): Node => arrayOf(nodes.pipe(iterate, body));

/** `sort_by(f)` and its kin: the keys of each element are all outputs of `f`. */
function byKeys(name: string): readonly [string, Special] {
  return [`${name}/1`, ([key = nodes.identity]) => callNative(nativeOf(`_${name}/1`), [each(arrayOf(key))])];
}

function nativeOf(key: string): Native {
  const native = NATIVES.get(key);
  if (native === undefined) throw new TypeError(`no function ${key}`);
  return native;
}

function filter(test: Node): Node {
  return condition(test, nodes.identity, nodes.empty);
}

const hasOutput = (body: Node): Node =>
  firstOf(nodes.comma(nodes.pipe(body, nodes.constant(true)), nodes.constant(false)));
const not = callNative(nativeOf("not/0"), []);

function anyOf(source: Node, test: Node): Node {
  return hasOutput(nodes.pipe(source, filter(test)));
}

function allOf(source: Node, test: Node): Node {
  return nodes.pipe(hasOutput(nodes.pipe(source, filter(nodes.pipe(test, not)))), not);
}

function range(start: Node, end: Node, by: Node): Node {
  return {
    pure: undefined,
    step: (m) =>
      nodes.aside(m, start, (m1, from) =>
        nodes.aside(m1, end, (m2, to) => nodes.aside(m2, by, (m3, step) => startRange(m3, from, to, step))),
      ),
  };
}

function startRange(m: Machine, from: Value, to: Value, by: Value): void {
  for (const bound of [from, to, by]) if (!isNumber(bound)) throw notFor("range", bound);
  rangeOver(m, from, to, by, (at) => add(at, by, m.meter));
}

const SPECIALS: ReadonlyMap<string, Special> = new Map<string, Special>([
  ["empty/0", () => nodes.empty],
  ["path/1", ([body = nodes.identity]) => pathsOf(body)],
  ["recurse/0", () => recurse],
  ["first/0", () => nodes.indexConstant(0n)],
  ["last/0", () => nodes.indexConstant(-1n)],
  ["first/1", ([body = nodes.identity]) => firstOf(body)],
  ["last/1", ([body = nodes.identity]) => lastOf(body)],
  ["isempty/1", ([body = nodes.identity]) => nodes.pipe(hasOutput(body), not)],
  ["select/1", ([test = nodes.identity]) => filter(test)],
  ["map/1", ([body = nodes.identity]) => each(body)],
  ["map_values/1", ([body = nodes.identity]) => modify(iterate, body)],
  ["add/1", ([body = nodes.identity]) => nodes.pipe(arrayOf(body), callNative(nativeOf("add/0"), []))],
  ["getpath/1", ([path = nodes.identity]) => nodes.getpath(path)],
  ["del/1", ([body = nodes.identity]) => callNative(nativeOf("delpaths/1"), [arrayOf(pathsOf(body))])],
  ["any/0", () => anyOf(iterate, nodes.identity)],
  ["any/1", ([test = nodes.identity]) => anyOf(iterate, test)],
  ["any/2", ([source = nodes.identity, test = nodes.identity]) => anyOf(source, test)],
  ["all/0", () => allOf(iterate, nodes.identity)],
  ["all/1", ([test = nodes.identity]) => allOf(iterate, test)],
  ["all/2", ([source = nodes.identity, test = nodes.identity]) => allOf(source, test)],
  ["range/1", ([end = nodes.identity]) => range(nodes.constant(0n), end, nodes.constant(1n))],
  ["range/2", ([start = nodes.identity, end = nodes.identity]) => range(start, end, nodes.constant(1n))],
  ["range/3", ([start = nodes.identity, end = nodes.identity, by = nodes.identity]) => range(start, end, by)],
  byKeys("sort_by"),
  byKeys("group_by"),
  byKeys("unique_by"),
  byKeys("min_by"),
  byKeys("max_by"),
]);

export function specialNamed(name: string, arity: number): Special | undefined {
  return SPECIALS.get(`${name}/${arity}`);
}

/** The definition of a function that is written in jq, by name and number of parameters. */
export function definitionOf(key: string): Definition | undefined {
  const text = PRELUDE.get(key);
  return text === undefined ? undefined : parseDefinition(`def ${key.slice(0, key.lastIndexOf("/"))}${text}`);
}

/** Functions of the peer that are not offered: nobody reshapes events with Bessel functions. */
export const MISSING: ReadonlySet<string> = new Set(
  "gamma/0 tgamma/0 lgamma/0 erf/0 erfc/0 j0/0 j1/0 y0/0 y1/0 jn/2 yn/2".split(" "),
);

/** What `builtins` answers. */
export function builtinsList(): readonly string[] {
  const own = ["env/0", "builtins/0", "debug/1", "input/0", "inputs/0"];
  const names = [...NATIVES.keys(), ...SPECIALS.keys(), ...PRELUDE.keys(), ...MISSING, ...own];
  return names.filter((name) => !name.startsWith("_")).sort();
}
