import type { Command } from "commander";
import type { DeadLetterWithEvents } from "../runtime/dead-letters.ts";
import { json, printable, table } from "./io.ts";
import { output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { VerbContext } from "./verb.ts";

export function showCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("Show one dead letter: its events, its tries, and what a retry would send")
    .argument("FIRING", "the firing's id")
    .addOption(output())
    .action(async (id: string, options: ServerOptions & { readonly output: string }) => {
      const server = await findServer(options);
      const letter = await server.get<DeadLetterWithEvents>(`/deadletters/${encodeURIComponent(id)}`);
      if (options.output === "json") return io.out(json(letter));
      const { events, tries, dlq, wouldSend, ...rest } = letter;
      const told = Object.entries({ ...rest, ...(dlq === undefined ? {} : { dlq: `${dlq.id} (${dlq.state})` }) });
      io.out(table(told.map(([name, value]) => [name, String(value)])));
      if (tries !== undefined && tries.length > 0) {
        io.out("\ntries\n");
        io.out(table(tries.map(tryRow), "  "));
      }
      for (const event of events) io.out(`\n${eventText(event)}`);
      if (wouldSend?.rendered !== undefined)
        io.out(`\na retry would send (${wouldSend.kind})\n${JSON.stringify(wouldSend.rendered, undefined, 2)}\n`);
      if (wouldSend?.error !== undefined)
        io.out(`\nwhat a retry would send cannot be shown: ${printable(wouldSend.error)}\n`);
      io.err(`retry it with: tidemill dlq retry ${id}\n`);
    });
}

function tryRow({ startedAt, outcome, status, code, error }: NonNullable<DeadLetterWithEvents["tries"]>[number]) {
  return [startedAt.slice(0, 23), outcome, status ?? "", `${code ?? ""} ${error ?? ""}`.trim()];
}

function eventText(event: DeadLetterWithEvents["events"][number]): string {
  const { dependency, id, source, subject, data, dataBase64 } = event;
  const from = source === undefined ? "" : `  ${source}/${subject ?? ""}`;
  const text = data === undefined ? (dataBase64 ?? "(its data is gone)") : JSON.stringify(data, undefined, 2);
  return `${printable(`${dependency}  ${id}${from}`)}\n${text}\n`;
}
