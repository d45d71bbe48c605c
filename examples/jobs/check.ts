import type { Letter } from "./aws.ts";
import type { Row } from "./results.ts";
import type { Fate } from "./sample.ts";
import type { Sent } from "./send.ts";

/** What a run came to. */
export interface Ending {
  readonly sent: readonly Sent[];
  readonly rows: readonly Row[];
  /** Of the dead-letter queue. */
  readonly letters: readonly Letter[];
  /** What the topic told. */
  readonly notified: readonly Letter[];
  /** What was told to the address that a job named, and that is allowed. */
  readonly inbox: readonly string[];
  /** tidemill was killed in between: then what was on its way may have come twice, but never not at all. */
  readonly crashed: boolean;
}

export interface Counts {
  readonly generated: number;
  readonly refused: number;
  readonly malformed: number;
  readonly executed: number;
  readonly failed: number;
  readonly deadLetters: number;
  readonly notified: number;
}

export interface Verdict {
  readonly counts: Counts;
  /** In sentences; empty when the sum is right. */
  readonly faults: readonly string[];
}

/**
 * Each message is followed to its end: a job that can be done has its row and is no dead letter; one that cannot, and what
 * is no job, is a dead letter, has no row, and somebody was told; what the door refused is nowhere.
 */
export function judge({ sent, rows, letters, notified, inbox, crashed }: Ending): Verdict {
  const byJob = new Map(sent.flatMap(({ draft }) => (draft.job === undefined ? [] : [[draft.job, draft.n] as const])));
  const executed = new Set(rows.map(({ job }) => byJob.get(job) ?? -1));
  const dead = countedBy(letters.map((letter) => numberOf(letter, byJob)));
  const byTopic = new Set(notified.flatMap(({ body }) => traceOf(body) ?? []));
  const byName = new Set(inbox.flatMap((body) => traceOf(body) ?? []));
  const told = byTopic.union(byName);
  const faults: string[] = [];
  for (const { draft, traceId, refused } of sent) {
    const name = `message ${draft.n} (${draft.malformed ?? draft.fate}, ${draft.channel})`;
    const times = dead.get(draft.n) ?? 0;
    const dies = draft.fate === "failed" || draft.fate === "malformed";
    const no = (what: boolean, sentence: string): void => {
      if (what) faults.push(`${name} ${sentence}`);
    };
    no((draft.fate === "refused") !== (refused !== undefined), refused ?? "was taken, and should have been refused");
    no(draft.fate === "executed" && !executed.has(draft.n), "was not executed");
    no(draft.fate !== "executed" && executed.has(draft.n), "was executed");
    no(dies && times === 0, "is not in the dead-letter queue");
    no(!dies && times > 0, "is in the dead-letter queue");
    no(times > 1 && !crashed, `is in the dead-letter queue ${times} times`);
    no(dies && !told.has(traceId), "failed, and nobody was told");
    no(draft.notify === "allowed" && !byName.has(traceId), "was not told of to whom it named");
    no(draft.notify !== "allowed" && byName.has(traceId), "was told of to whom it did not name");
    no(dies && draft.notify !== "allowed" && !byTopic.has(traceId), "was not told of by the topic");
    no(!dies && told.has(traceId), "did not fail, and somebody was told that it did");
  }
  if (executed.has(-1)) faults.push("a job was executed that was never sent");
  if (dead.has(undefined)) faults.push(`${dead.get(undefined)} dead letters are of no message that was sent`);
  const of = (fate: Fate): number => sent.filter(({ draft }) => draft.fate === fate).length;
  const known = [...dead.keys()].filter((n) => n !== undefined).length;
  const counts = {
    generated: sent.length,
    refused: of("refused"),
    malformed: of("malformed"),
    executed: executed.size,
    failed: of("failed"),
    deadLetters: known,
    notified: sent.filter(({ traceId }) => told.has(traceId)).length,
  };
  const { generated, refused, deadLetters } = counts;
  if (generated !== refused + counts.executed + deadLetters)
    faults.push(
      `${generated} generated are not ${refused} refused + ${counts.executed} executed + ${deadLetters} dead`,
    );
  return { counts, faults };
}

function countedBy<T>(values: readonly T[]): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Which message a dead letter is: as the queue moved it, or as a dlqTrigger sent it, from either queue. */
function numberOf({ body, attributes }: Letter, byJob: ReadonlyMap<string, number>): number | undefined {
  if (attributes.message !== undefined) return Number(attributes.message);
  const value = parsed(body);
  const [resource = ""] = listAt(value, "resources");
  if (typeof resource === "string" && resource.startsWith("message/")) return Number(resource.slice(8));
  const attribute = at(at(at(value, "messageAttributes"), "message"), "StringValue");
  if (typeof attribute === "string") return Number(attribute);
  const inner = at(value, "body");
  const job = typeof inner === "string" ? parsed(Buffer.from(inner, "base64").toString()) : value;
  return byJob.get(String(at(job, "id")));
}

function traceOf(body: string): string | undefined {
  const id = at(parsed(body), "traceId");
  return typeof id === "string" ? id : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}
