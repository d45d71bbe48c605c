import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FactChunk } from "../src/bus/bus.ts";
import type { SpanFact } from "../src/lib/facts.ts";
import { openRecord } from "../src/record/open.ts";
import type { EventRecord } from "../src/record/record.ts";
import { attempt, baseUs, chunk, decided, fired, stored } from "../src/record/testing.ts";
import { startMariadb } from "../test/servers/mariadb.ts";
import { startPostgres } from "../test/servers/postgres.ts";

/**
 * `node bench/record.ts`, or this file: how many rows a second each database takes, and its ratio to SQLite in the
 * same run; `traced` is SQLite too, with a trace and a part of a call for each event (counted as the same five rows). An event that goes all the way is five rows. Rounds in turn; the medians count. Each database syncs its log at
 * every commit, as it comes.
 */
const eventsPerRound = 20_000;
const eventsPerApply = 1_024;
const rowsPerEvent = 5;
const rounds = 5;
const bus = { namespace: "default", bus: "default" };

/** Hex digits that come in no order, as hashes do. */
const idOf = (at: number): string => ((at * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, "0").repeat(4);

/** `traced`: each event brings a trace of its own, and its attempt tells of one part. */
function chunks(from: number, to: number, traced: boolean): readonly FactChunk[] {
  return Array.from({ length: to - from }, (_, n) => {
    const seq = from + n + 1;
    const id = idOf(seq);
    const firing = fired(`f${id.slice(1)}`, "t", [["a", id]]);
    const trace = traced ? { trace: `00-${idOf(seq + 7_000_000)}-${id.slice(16)}-01` } : {};
    const of = { sensor: "s", trigger: "t", event: id, ...trace };
    const part: SpanFact = {
      ...{ k: "span", firing: firing.firing, n: 1, of, id: id.slice(16), name: "step", startUs: baseUs, endUs: baseUs },
    };
    return chunk(
      seq,
      stored(id, seq, trace),
      decided(id, seq, { fired: [firing], ...trace }),
      ...(traced ? [part] : []),
      attempt(firing.firing, 1, { of, readyUs: baseUs }),
    );
  });
}

/** Seconds that `work` takes. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

async function applyAll(record: EventRecord, all: readonly FactChunk[]): Promise<void> {
  for (let at = 0; at < all.length; at += eventsPerApply) await record.apply(bus, all.slice(at, at + eventsPerApply));
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const folder = mkdtempSync(join(tmpdir(), "tidemill-bench-record-"));
try {
  await using mariadb = await startMariadb();
  await using postgres = await startPostgres();
  const urls = {
    sqlite: join(folder, "record.sqlite"),
    traced: join(folder, "traced.sqlite"),
    mariadb: mariadb.url,
    postgres: postgres.url,
  };
  const opened = await Promise.all(
    Object.entries(urls).map(async ([name, url]) => ({ name, record: await openRecord(url), rates: [] as number[] })),
  );
  for (let round = 0; round <= rounds; round++) {
    const [plain, traced] = [false, true].map((traced) =>
      chunks(round * eventsPerRound, (round + 1) * eventsPerRound, traced),
    );
    for (const { name, record, rates } of opened) {
      const all = (name === "traced" ? traced : plain) ?? [];
      const took = await seconds(() => applyAll(record, all));
      // the first warms up
      if (round > 0) rates.push((all.length * rowsPerEvent) / took);
    }
  }
  const base = median(opened[0]?.rates ?? []);
  for (const { name, record, rates } of opened) {
    const auditS = await seconds(() => record.audit({}));
    const delaysS = await seconds(() => record.delays({}));
    const old = baseUs + 30_000 * 1_000_000;
    let removed = 0;
    const retainS = await seconds(async () => {
      removed = await record.retain(old);
    });
    process.stdout.write(
      `${name.padEnd(9)} ${Math.round(median(rates))} rows/s (${(median(rates) / base).toFixed(2)} of SQLite), ` +
        `audit of ${(rounds + 1) * eventsPerRound} events ${auditS.toFixed(1)} s, delays ${delaysS.toFixed(1)} s, ` +
        `retention ${Math.round(removed / retainS)} events/s\n`,
    );
    await record[Symbol.asyncDispose]();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
