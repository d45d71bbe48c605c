import { createInterface } from "node:readline/promises";
import type { Io } from "./io.ts";

/** Whether somebody can be asked. */
export function canAsk({ errTty }: Pick<Io, "errTty">): boolean {
  return errTty && process.stdin.isTTY === true;
}

/** Asks on the terminal; true when the answer is the word. Ctrl-C and Ctrl-D are a no. */
export async function confirmed(question: string, word: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  lines.once("SIGINT", () => left.abort()).once("close", () => left.abort());
  try {
    const answer = await lines.question(question, { signal: left.signal });
    return answer.trim().replaceAll(",", "") === word;
  } catch {
    return false;
  } finally {
    lines.close();
  }
}
