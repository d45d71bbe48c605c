import { writeFile } from "node:fs/promises";
import { Option } from "commander";
import { sayDuration } from "../lib/duration.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { clockWarnings } from "../record/delays-words.ts";
import type { DelayQuery, DelaySample, Delays, Hop } from "../record/record.ts";
import { csv, type Io, json, table } from "./io.ts";
import { moment, output, type RecordOptions, withRecord } from "./options.ts";
import { openReader, type Reader } from "./reader.ts";
import type { Verb } from "./verb.ts";

interface DelaysOptions extends RecordOptions {
  readonly by?: "source" | "sensor" | "trigger";
  readonly since?: number;
  readonly namespace?: string;
  readonly html?: string;
  readonly output: string;
}

export const delays: Verb = {
  examples: [
    "tidemill delays --since 10m",
    "tidemill delays --by source -o csv > delays.csv",
    "tidemill delays --html delays.html    # one page with histogram and plot",
  ],
  declare(command, { io }) {
    withRecord(command)
      .addOption(new Option("--by <WHAT>", "a group for each").choices(["source", "sensor", "trigger"]))
      .option("--since <TIME>", "of events received since: 10m, or 2026-01-05T09:00:00Z", moment)
      .option("-n, --namespace <NAME>", "of this namespace")
      .option("--html <FILE>", "also write one self-contained page with histogram and time plot")
      .addOption(output("csv"))
      .action(async (options: DelaysOptions) => {
        await using reader = await openReader(options);
        const query = queryOf(options);
        const found = await reader.delays(query);
        if (options.output === "json") io.out(json(found));
        else if (options.output === "csv") io.out(toCsv(found));
        else tell(found, io);
        if (options.html !== undefined) await writeHtml({ file: options.html, reader, query, found, io });
      });
  },
};

function queryOf({ by, since, namespace }: DelaysOptions): DelayQuery {
  return {
    ...(by === undefined ? {} : { by }),
    ...(since === undefined ? {} : { fromUs: since }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function toCsv({ groups }: Delays): string {
  const rows = groups.map((one) => [one.by, one.hop, one.count, one.p50Ms, one.p95Ms, one.p99Ms, one.maxMs]);
  return csv([["by", "hop", "count", "p50Ms", "p95Ms", "p99Ms", "maxMs"], ...rows]);
}

/** The hops as a person reads them. */
const sayHop: Readonly<Record<Hop, string>> = {
  "sent-received": "sent → received",
  "received-stored": "received → stored",
  "stored-fired": "stored → fired",
  "fired-done": "fired → done",
  total: "total",
};

function tell({ groups, slowest, aheadOfUs }: Delays, io: Io): void {
  const rows = groups.map((one) => [
    one.by,
    sayHop[one.hop],
    String(one.count),
    ...[one.p50Ms, one.p95Ms, one.p99Ms, one.maxMs].map(sayDuration),
  ]);
  io.out(table([["BY", "HOP", "COUNT", "P50", "P95", "P99", "MAX"], ...rows]));
  if (groups.length === 0) io.err("no delays yet: no event of this range is in the record\n");
  if (slowest.length > 0) {
    io.out(`\n${table([["SLOWEST", "SOURCE", "TRIGGER", "TOTAL"], ...slowest.map(slowRow)])}`);
  }
  for (const warning of clockWarnings(aheadOfUs)) io.err(`${warning}\n`);
}

function slowRow({ event, source, sensor, trigger, hopsMs }: DelaySample): readonly string[] {
  return [
    event,
    source,
    [sensor, trigger].filter(Boolean).join("/"),
    hopsMs.total === undefined ? "" : sayDuration(hopsMs.total),
  ];
}

const plottedSamples = 20_000;

interface Page {
  readonly file: string;
  readonly reader: Reader;
  readonly query: DelayQuery;
  readonly found: Delays;
  readonly io: Io;
}

async function writeHtml({ file, reader, query, found, io }: Page): Promise<void> {
  const { delaysPage } = await import("./delays-page.ts");
  const samples = await reader.samples({ ...query, limit: plottedSamples });
  try {
    await writeFile(file, delaysPage(found, samples));
  } catch (cause) {
    throw new TideError("USAGE", `writing ${file}: ${messageOf(cause)}`);
  }
  io.err(`wrote ${file} (${samples.length} delays)\n`);
}
