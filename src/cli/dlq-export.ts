import { once } from "node:events";
import { type Command, Option } from "commander";
import { TideError } from "../lib/errors.ts";
import type { DeadLetterWhole } from "../runtime/dead-letters.ts";
import { type DlqFilterOptions, filtered, filterOf } from "./dlq-options.ts";
import { csv } from "./io.ts";
import { findServer } from "./server.ts";
import type { VerbContext } from "./verb.ts";

type Line = DeadLetterWhole | { readonly end: true; readonly count: number };

const columns = [
  ...(["id", "namespace", "bus", "sensor", "trigger", "revision", "attempts", "rounds", "code", "status"] as const),
  ...(["error", "deadAt", "group", "traceId", "parent", "successor"] as const),
];
const eventColumns = ["dependency", "event", "source", "subject", "type", "time", "data"] as const;

export function exportCommand(command: Command, { io }: VerbContext): Command {
  return filtered(command)
    .description("Write dead letters with their events whole, as they are read; a line for each event in CSV")
    .addOption(new Option("-o, --output <FORMAT>", "how to write").choices(["jsonl", "csv"]).default("jsonl"))
    .action(async (options: DlqFilterOptions & { readonly output: string }) => {
      const server = await findServer(options);
      const left = new AbortController();
      let ended: number | undefined;
      if (options.output === "csv") io.out(csv([[...columns, ...eventColumns]]));
      for await (const text of server.lines("/deadletters/export", filterOf(options), left.signal)) {
        if (text === "") continue;
        const line = JSON.parse(text) as Line;
        if ("end" in line) {
          ended = line.count;
          continue;
        }
        io.out(options.output === "csv" ? csv(rowsOf(line)) : `${text}\n`);
        // a slow reader must not fill the memory
        if (process.stdout.writableNeedDrain) await once(process.stdout, "drain");
      }
      if (ended === undefined)
        throw new TideError("NO_SERVER", "the server ended in the middle: what was written is not all");
      io.err(`${ended} dead letters\n`);
    });
}

function rowsOf(letter: DeadLetterWhole): readonly (readonly (string | number | undefined)[])[] {
  const own = columns.map((name) => letter[name]);
  return letter.events.map(({ dependency, id, source, subject, type, time, data, dataBase64 }) => {
    const text = data === undefined ? dataBase64 : JSON.stringify(data);
    return [...own, dependency, id, source, subject, type, time, text];
  });
}
