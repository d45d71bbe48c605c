import type { Message } from "./message.ts";

/** A message before it is sent, and how long to wait after it. */
export interface Draft {
  readonly message: Omit<Message, "sentUs">;
  readonly gapMs: number;
}

const authors = [
  "ada",
  "alan",
  "barbara",
  "edsger",
  "frances",
  "grace",
  "katherine",
  "margaret",
  "test-robot",
] as const;
const texts = ["2 × tea", "a kettle", "3 cups, blue", "sugar & milk", "“the usual”", "a teapot for 12 €"] as const;
const numbers = Array.from({ length: 9_000 }, (_, i) => 1_000 + i);

/**
 * The list of messages of one run: authors and ids sampled from lists, no id twice. About one in ten is a heartbeat and one
 * in ten internal, and one of nine authors is a test's: those are filtered. The first never is.
 * `random` gives numbers from 0 up to 1.
 */
export function sample(options: {
  readonly count: number;
  readonly maxGapMs: number;
  readonly run: string;
  readonly random: () => number;
}): readonly Draft[] {
  const { count, maxGapMs, run, random } = options;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const ids = shuffled(count <= numbers.length ? numbers : Array.from({ length: count }, (_, i) => 1_000 + i), random);
  return ids.slice(0, count).map((number, i) => {
    const message = {
      id: `${run}-${number}`,
      author: i === 0 ? pick(authors.slice(0, -1)) : pick(authors),
      kind: random() < 0.1 && i > 0 ? "heartbeat" : "order",
      internal: random() < 0.1 && i > 0,
      text: pick(texts),
    } as const;
    return { message, gapMs: Math.round(random() * maxGapMs) };
  });
}

function shuffled<T>(list: readonly T[], random: () => number): readonly T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}
