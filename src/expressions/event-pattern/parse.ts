import { isRecord } from "../../lib/json.ts";
import { PatternError, type PatternPath, shown } from "./fault.ts";
import { readTest } from "./tests.ts";
import type { ValueTest } from "./value.ts";

/** A member of a pattern that lists values: any of them is enough. */
export interface Leaf {
  readonly kind: "leaf";
  readonly path: PatternPath;
  readonly tests: readonly ValueTest[];
  /** Whether the list holds `exists: false`. */
  readonly absent: boolean;
}

/** An object of a pattern: all members, and of each `$or` one alternative. */
export interface Group {
  readonly kind: "group";
  readonly path: PatternPath;
  readonly members: readonly (readonly [key: string, node: Leaf | Group])[];
  readonly choices: readonly Choice[];
}

export interface Choice {
  readonly path: PatternPath;
  readonly alternatives: readonly Group[];
}

const MAX_DEPTH = 100;
const MAX_VALUES = 4_000;
/** As many combinations of `$or` alternatives as EventBridge takes. */
export const MAX_COMBINATIONS = 1_000;

/** Names that event-ruler refuses inside `$or`, since `{"$or": [{"prefix": "a"}, …]}` looks like an operator. */
const reserved: ReadonlySet<string> = new Set([
  ..."exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex".split(" "),
  ..."not-wildcard not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before".split(" "),
  ..."in-date-range ip-address-in-range ip-address-not-in-range".split(" "),
]);

interface Reading {
  values: number;
}

/** Checks a decoded pattern; the first fault is thrown with its path. */
export function readPattern(pattern: unknown): Group {
  if (!isRecord(pattern)) throw new PatternError("a pattern is an object: { member: [values] }", []);
  return readGroup(pattern, { path: [], inChoice: false, reading: { values: 0 } });
}

interface Place {
  readonly path: PatternPath;
  readonly inChoice: boolean;
  readonly reading: Reading;
}

function readGroup(object: object, place: Place): Group {
  const { path, inChoice } = place;
  if (path.length > MAX_DEPTH) throw new PatternError(`nested more than ${MAX_DEPTH} deep`, path);
  const members: [string, Leaf | Group][] = [];
  const choices: Choice[] = [];
  for (const [key, value] of Object.entries(object)) {
    const at = [...path, key];
    if (key === "$or") {
      choices.push(readChoice(value, { ...place, path: at }));
      continue;
    }
    if (inChoice && reserved.has(key)) {
      throw new PatternError(`"${key}" is an operator's name: inside $or no member may have it`, at);
    }
    members.push([key, readMember(value, { ...place, path: at })]);
  }
  if (members.length === 0 && choices.length === 0) throw new PatternError("an empty object matches nothing", path);
  return { kind: "group", path, members, choices };
}

function readMember(value: unknown, place: Place): Leaf | Group {
  if (isRecord(value)) return readGroup(value, place);
  if (Array.isArray(value)) return readLeaf(value, place);
  const { path } = place;
  throw new PatternError(`${shown(path.at(-1))} must be a list of values or an object: write [${shown(value)}]`, path);
}

function readLeaf(values: readonly unknown[], { path, reading }: Place): Leaf {
  if (values.length === 0) throw new PatternError("an empty list matches nothing", path);
  reading.values += values.length;
  if (reading.values > MAX_VALUES) throw new PatternError(`a pattern has at most ${MAX_VALUES} values`, path);
  const tests = Array.from(values, (value, index) => readTest(value, [...path, index]));
  return { kind: "leaf", path, tests, absent: tests.some((test) => test.absent === true) };
}

function readChoice(value: unknown, place: Place): Choice {
  const { path } = place;
  if (!Array.isArray(value)) throw new PatternError("$or is a list of objects", path);
  if (value.length < 2) throw new PatternError("$or needs at least two objects", path);
  const alternatives = Array.from(value, (item: unknown, index) => {
    const at = [...path, index];
    if (!isRecord(item)) throw new PatternError("$or is a list of objects", at);
    return readGroup(item, { ...place, path: at, inChoice: true });
  });
  return { path, alternatives };
}
