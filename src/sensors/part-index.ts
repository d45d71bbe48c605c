/** Finds those of many texts that are parts of another, without asking for each of them. */
export interface PartIndex<T> {
  /** What was filed under parts of the text, each once, in no order; undefined where asking each costs no more. */
  find(text: string): ReadonlySet<T> | undefined;
}

/**
 * `filed`: what is filed under each part; parts are not empty. A text is cut into pieces of the lengths that the parts
 * have, and each piece is looked up: with a thousand parts of one length, a text of ten characters takes a few look-ups.
 * Never more look-ups than `asking`, the number of questions that an answer saves: so texts and parts of any length, also
 * hostile ones, cost at most as much as without an index.
 */
export function createPartIndex<T>(filed: ReadonlyMap<string, readonly T[]>, asking: number): PartIndex<T> {
  const byLength = new Map<number, Map<string, readonly T[]>>();
  for (const [part, under] of filed) {
    const same = byLength.get(part.length) ?? new Map<string, readonly T[]>();
    byLength.set(part.length, same);
    same.set(part, under);
  }
  return {
    find(text) {
      let lookUps = 0;
      for (const length of byLength.keys()) lookUps += Math.max(0, text.length - length + 1) * costOf(length);
      if (lookUps > asking) return undefined;
      const found = new Set<T>();
      for (const [length, parts] of byLength) {
        for (let at = 0; at + length <= text.length; at++) {
          for (const one of parts.get(text.slice(at, at + length)) ?? []) found.add(one);
        }
      }
      return found;
    },
  };
}

/** A longer piece takes longer to cut and to hash: by 64 characters, about as much as a look-up. */
const costOf = (length: number): number => 1 + (length >> 6);
