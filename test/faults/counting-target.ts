import { type Hit, startTarget, type Target } from "../whole/target.ts";

/** What reached one path: calls by number and by key. */
export interface Calls {
  /** Of a number: its keys, and how often it came under each. */
  readonly byNumber: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** The keys in the order of their first call, and again whenever another came in between. */
  readonly turns: readonly string[];
}

/**
 * A target that counts, and forgets the rest: some 10,000 calls a second in the process of the test. How it answers is
 * told by `answer`, as with any target.
 */
export interface CountingTarget extends Target {
  /** All calls. */
  calls(): number;
  /** Firings: calls with each key of a path counted once. */
  firings(): number;
  /** Calls beyond the first of each key. */
  repeats(): number;
  at(path: string): Calls;
  /** Of all paths. */
  keys(): ReadonlySet<string>;
  /** Calls without a key, and keys under which two bodies came: a firing is the same whenever it is tried. */
  faults(): readonly string[];
}

interface Path {
  readonly byNumber: Map<number, Map<string, number>>;
  readonly turns: string[];
  readonly bodies: Map<string, string>;
}

const none: Calls = { byNumber: new Map(), turns: [] };

/** `numberOf` finds the number that the sender gave to the event; the first value of the body unless given. */
export async function startCountingTarget(numberOf: (body: unknown) => number = firstNumber): Promise<CountingTarget> {
  const paths = new Map<string, Path>();
  const faults: string[] = [];
  let calls = 0;
  let firings = 0;
  const take = ({ path, key, body }: Hit): void => {
    calls++;
    let at = paths.get(path);
    if (at === undefined) {
      at = { byNumber: new Map(), turns: [], bodies: new Map() };
      paths.set(path, at);
    }
    if (!/^[0-9a-f]{32}(\/.*)?$/.test(key)) faults.push(`${path}: the key "${key}" is none`);
    const text = JSON.stringify(body);
    const before = at.bodies.get(key);
    if (before === undefined) {
      at.bodies.set(key, text);
      firings++;
    } else if (before !== text) {
      faults.push(`${path}: ${before} and ${text} under the key ${key}`);
    }
    const number = numberOf(body);
    const keys = at.byNumber.get(number) ?? new Map<string, number>();
    at.byNumber.set(number, keys.set(key, (keys.get(key) ?? 0) + 1));
    if (at.turns.at(-1) !== key) at.turns.push(key);
  };
  const target = await startTarget({ take, remember: false });
  return {
    ...target,
    calls: () => calls,
    firings: () => firings,
    repeats: () => calls - firings,
    keys: () => new Set([...paths.values()].flatMap(({ bodies }) => [...bodies.keys()])),
    at: (path) => paths.get(path) ?? none,
    faults: () => faults,
  };
}

function firstNumber(body: unknown): number {
  if (typeof body !== "object" || body === null) return Number.NaN;
  return Number(Object.values(body)[0]);
}
