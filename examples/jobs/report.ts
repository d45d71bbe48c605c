import type { Counts } from "./check.ts";

/** What a run came to, as a table for a terminal. */
export function reportText(counts: Counts): string {
  const rows: readonly (readonly [name: string, count: number, means: string])[] = [
    ["generated", counts.generated, "messages, onto the event bus or directly into the second queue"],
    ["refused", counts.refused, "by the event bus or the queue itself: their producers know"],
    ["malformed", counts.malformed, "found by a stage to be no job"],
    ["executed", counts.executed, "rows in the table of results"],
    ["failed", counts.failed, "well formed, and could not be done"],
    ["dead letters", counts.deadLetters, "in jobs-dead: malformed and failed"],
    ["notified", counts.notified, "told of, by the topic or to whom the job named"],
  ];
  return rows.map(([name, count, means]) => `${name.padEnd(13)}${String(count).padStart(6)}   ${means}`).join("\n");
}
