import type { Fact } from "../../lib/facts.ts";
import { openRecord } from "../open.ts";
import type { EventRecord } from "../record.ts";
import { chunk } from "../testing.ts";

/** What a database brings to the suite. */
export interface RecordHarness {
  readonly name: string;
  /** The address of a new, empty database. */
  fresh(): Promise<string>;
  /** Runs statements in such a database, beside the record. */
  alter(url: string, statements: readonly string[]): Promise<void>;
  /** The address of a record that shows itself without its password. */
  withPassword(url: string): string;
}

/** A new record with these facts. */
export async function recordOf(harness: RecordHarness, ...facts: readonly Fact[]): Promise<EventRecord> {
  const record = await openRecord(await harness.fresh());
  await record.apply({ namespace: "default", bus: "default" }, [chunk(1, ...facts)]);
  return record;
}
