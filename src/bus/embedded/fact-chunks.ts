import type { Fact } from "../../lib/facts.ts";

/**
 * What fits on one page of the database (8 KiB), with what is around it. A value of many pages needs so many in a row, and in
 * a large bus with many freed pages LMDB looks for those longer than for all else: after half a million events that
 * were decided in large commits, nine tenths of a commit (decision 0026).
 */
const mostLength = 8_000;

/** The facts of one commit as JSON arrays, in their order: as few as fit on a page each. A larger fact is alone. */
export function factChunks(facts: readonly Fact[]): readonly string[] {
  const chunks: string[] = [];
  let chunk = "";
  for (const fact of facts) {
    const one = JSON.stringify(fact);
    if (chunk !== "" && chunk.length + one.length > mostLength) {
      chunks.push(`[${chunk}]`);
      chunk = one;
    } else chunk = chunk === "" ? one : `${chunk},${one}`;
  }
  if (chunk !== "") chunks.push(`[${chunk}]`);
  return chunks;
}
