/** A seeded source of choices: the same seed makes the same cases. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** In 0 … below - 1. */
  int(below: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
  pick(from: string): string;
  /** A list of up to `most` things, at least `least`. */
  list<T>(most: number, make: () => T, least?: number): T[];
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(next() * below);
  function pick<T>(from: readonly [T, ...T[]]): T;
  function pick(from: string): string;
  function pick(from: readonly unknown[] | string): unknown {
    // of a text, one of its words: lists of choices are shorter so
    if (typeof from !== "string") return from[int(from.length)];
    const words = wordsOf(from);
    return words[int(words.length)];
  }
  return {
    next,
    int,
    pick,
    chance: (share) => next() < share,
    list: (most, make, least = 0) => Array.from({ length: least + int(most - least + 1) }, make),
  };
}

const known = new Map<string, readonly string[]>();

function wordsOf(text: string): readonly string[] {
  const words = known.get(text) ?? text.split(" ");
  known.set(text, words);
  return words;
}

/** The text with a few characters dropped, doubled or replaced by one of `signs`. */
export function mutate(random: Random, text: string, signs: string): string {
  let made = text;
  for (let left = 1 + random.int(3); left > 0; left--) {
    const at = random.int(made.length + 1);
    const put = random.chance(0.3)
      ? ""
      : random.chance(0.3)
        ? made.slice(at, at + 1 + random.int(4))
        : random.pick(signs);
    made = made.slice(0, at) + put + made.slice(at + random.int(3));
  }
  // half a surrogate pair cannot be written in the UTF-8 that the other side reads
  return made.toWellFormed();
}
