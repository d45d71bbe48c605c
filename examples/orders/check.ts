import type { Audit } from "../../src/record/record.ts";
import { type Channel, isWanted, type Message } from "./message.ts";
import type { MessageRow } from "./table.ts";

/** A message that SNS or SQS took. */
export interface Sent {
  readonly channel: Channel;
  readonly message: Message;
}

/** What a run came to. */
export interface Ending {
  readonly sent: readonly Sent[];
  /** The rows of this run. */
  readonly rows: readonly MessageRow[];
  readonly audit: Audit;
  /** Nothing but what this run sent can have come. */
  readonly alone: boolean;
}

/**
 * What is wrong, in sentences; empty when every message that passes the filters is in the table exactly once, no other is,
 * and tidemill's audit adds up to the same numbers. An answer that was lost and a delivery made again under the same key
 * are not wrong: they are one row.
 */
export function faultsOf({ sent, rows, audit, alone }: Ending): readonly string[] {
  const faults: string[] = [];
  const byKey = new Map(rows.map((row) => [`${row.channel}/${row.id}`, row]));
  for (const { channel, message } of sent) {
    const row = byKey.get(`${channel}/${message.id}`);
    const name = `${channel} ${message.id} of ${message.author}`;
    byKey.delete(`${channel}/${message.id}`);
    if (isWanted(message) && row === undefined) faults.push(`${name} was sent and is not in the table`);
    if (!isWanted(message) && row !== undefined) faults.push(`${name} is in the table and should have been filtered`);
    if (row !== undefined && row.otherKeys > 0) faults.push(`${name} was acted on ${row.otherKeys + 1} times`);
    if (row !== undefined && row.author !== message.author) faults.push(`${name} is in the table as of ${row.author}`);
  }
  for (const key of byKey.keys()) faults.push(`${key} is in the table and was never sent`);
  return [...faults, ...auditFaults({ sent, audit, alone })];
}

function auditFaults({ sent, audit, alone }: Omit<Ending, "rows">): readonly string[] {
  const { receipts, decisions, firings, missing } = audit;
  const count = (wanted: (message: Message) => boolean): number => sent.filter(({ message }) => wanted(message)).length;
  const heartbeats = count(({ kind }) => kind === "heartbeat");
  const wanted = count(isWanted);
  const sums: readonly (readonly [name: string, is: number, shouldBe: number])[] = [
    ["receipts stored", receipts.stored, sent.length - heartbeats],
    ["receipts filtered", receipts.filtered, heartbeats],
    ["decisions fired", decisions.fired, wanted],
    ["decisions filtered", decisions.filtered, sent.length - heartbeats - wanted],
    ["firings done", firings.done, wanted],
  ];
  const none: readonly (readonly [name: string, is: number])[] = [
    ["receipts refused", receipts.refused],
    ["events unmatched", decisions.unmatched],
    ["events undecided", decisions.undecided],
    ["decisions waiting", decisions.waiting],
    ["firings pending", firings.pending],
    ["firings running", firings.running],
    ["firings dead", firings.dead],
  ];
  return [
    ...missing.map(({ id, what }) => `audit: ${id}: ${what}`),
    // a queue that others use too may have brought more
    ...sums
      .filter(([, is, shouldBe]) => (alone ? is !== shouldBe : is < shouldBe))
      .map(([name, is, shouldBe]) => `audit: ${name}: ${is}, but ${shouldBe} were sent`),
    ...none.filter(([, is]) => is !== 0).map(([name, is]) => `audit: ${name}: ${is}, but none should be`),
  ];
}

/** The audit as lines for a terminal. */
export function auditText({ receipts, decisions, firings }: Audit): string {
  const line = (name: string, counts: Readonly<Record<string, number>>): string => {
    const said = Object.entries(counts).filter(([, n]) => n > 0);
    return `${name.padEnd(10)} ${said.map(([state, n]) => `${n} ${state}`).join(", ") || "none"}\n`;
  };
  return line("receipts", receipts) + line("decisions", decisions) + line("firings", firings);
}
