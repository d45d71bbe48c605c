const LEAST = -(2 ** 63);

/** A position as string.sub and string.find take it, as an offset from 0. */
export function startOffset(length: number, position: number): number {
  // Go's int wraps around below its least value, which is what math.huge becomes.
  const before = position === LEAST ? Number.MAX_SAFE_INTEGER : position - (position === 0 ? 0 : 1);
  return Math.max(0, before < 0 ? length + before + 1 : before);
}

/** The end of a range, counted from 1 and included, as an offset from 0 and not included. */
export function endOffset(length: number, position: number): number {
  return Math.min(length, Math.max(0, position < 0 ? length + position + 1 : position));
}
