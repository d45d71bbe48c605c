import { hash } from "node:crypto";

/**
 * Random numbers in [0, 1) that are the same for the same words (sfc32 of their SHA-256): a load can be made again. Each
 * message has its own, so that its content depends on its number alone, not on what was made before it.
 */
export function randomOf(...words: readonly (string | number)[]): () => number {
  const digest = hash("sha256", JSON.stringify(words), "buffer");
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = digest.readUInt32LE(12) | 1;
  return () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** A whole number from `low` to `high`, both included. */
export function between(low: number, high: number, random: () => number): number {
  return low + Math.min(high - low, Math.floor(random() * (high - low + 1)));
}

/** One of them, each as likely as the others; undefined where there is none. */
export function choose<T>(items: readonly T[], random: () => number): T | undefined {
  return items[between(0, items.length - 1, random)];
}
