import { type Command, Option } from "commander";
import type { EventQuery } from "../record/record.ts";
import type { EventAnswer } from "../runtime/event-answer.ts";
import { json, jsonl, table } from "./io.ts";
import { moment, output, type RecordOptions, whole, withRecord } from "./options.ts";
import { openReader } from "./reader.ts";
import type { Verb, VerbContext } from "./verb.ts";

interface LsOptions extends RecordOptions {
  readonly source?: string;
  readonly receipt?: NonNullable<EventQuery["receipt"]>;
  readonly firing?: NonNullable<EventQuery["firing"]>;
  readonly since?: number;
  readonly namespace?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly output: string;
}

export const events: Verb = {
  examples: [
    "tidemill events ls --since 10m",
    "tidemill events ls --source web/hello --firing dead",
    "tidemill events ls -o jsonl | jq .id",
    "tidemill events get EVENT",
  ],
  declare(command, cx) {
    command.addCommand(lsCommand(command.createCommand("ls"), cx));
    command.addCommand(getCommand(command.createCommand("get"), cx));
  },
};

function lsCommand(command: Command, { io }: VerbContext): Command {
  return withRecord(command)
    .description("List events, newest first")
    .option("--source <NAME>", "of this EventSource, or EVENTSOURCE/EVENT")
    .addOption(
      new Option("--receipt <WORD>", "with this receipt").choices(["stored", "duplicate", "filtered", "refused"]),
    )
    .addOption(
      new Option("--firing <STATE>", "with a firing in this state").choices([
        "pending",
        "running",
        "done",
        "dead",
        "dropped",
      ]),
    )
    .option("--since <TIME>", "received since: 10m, or 2026-01-05T09:00:00Z", moment)
    .option("-n, --namespace <NAME>", "of this namespace")
    .option("--limit <N>", "how many at most", whole, 50)
    .option("--cursor <CURSOR>", "go on where a page ended")
    .addOption(output("jsonl", "csv"))
    .action(async (options: LsOptions) => {
      await using reader = await openReader(options);
      const page = await reader.events(queryOf(options));
      if (options.output === "json") return io.out(json(page));
      if (options.output === "jsonl") return io.out(jsonl(page.items));
      if (options.output === "csv") {
        const { csv } = await import("./io.ts");
        return io.out(csv([columns, ...page.items.map((event) => columns.map((name) => event[name]))]));
      }
      io.out(table([["RECEIVED", "EVENT", "SOURCE", "RECEIPT", "NOTE"], ...page.items.map(row)]));
      if (page.items.length === 0) io.err("no events\n");
      if (page.next !== undefined) io.err(`there are more: add --cursor '${page.next}'\n`);
    });
}

const columns = [
  ...(["id", "namespace", "bus", "source", "subject", "type", "receipt", "reason", "duplicates"] as const),
  ...(["sentAt", "receivedAt", "storedAt", "decidedAt", "matched", "filtered", "bytes"] as const),
];

function queryOf({ source, receipt, firing, since, namespace, limit, cursor }: LsOptions): EventQuery {
  return {
    limit,
    ...(source === undefined ? {} : { source }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(firing === undefined ? {} : { firing }),
    ...(since === undefined ? {} : { fromUs: since }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function row(event: EventAnswer): readonly string[] {
  const { id, namespace, source, subject, receipt, reason, matched, filtered, duplicates } = event;
  const note = [
    ...(reason === undefined ? [] : [reason]),
    ...(matched === 0 ? ["nobody subscribes"] : []),
    ...(filtered === undefined || filtered === 0 ? [] : [`${filtered} of ${matched} filtered`]),
    ...(duplicates === 0 ? [] : [`came ${duplicates} times again`]),
  ].join("; ");
  return [event.receivedAt.replace("T", " ").slice(0, 23), id, `${namespace}/${source}/${subject}`, receipt, note];
}

function getCommand(command: Command, { io }: VerbContext): Command {
  return withRecord(command)
    .description("Show one event with its data")
    .argument("EVENT", "the event's id")
    .addOption(output())
    .action(async (id: string, options: RecordOptions & { readonly output: string }) => {
      await using reader = await openReader(options);
      const event = await reader.event(id);
      if (options.output === "json") return io.out(json(event));
      const { data, dataBase64, replay, ...rest } = event;
      const { id: replayId, of, to } = replay ?? {};
      const told = replay === undefined ? {} : { replay: `${replayId} of ${of}${to === undefined ? "" : ` to ${to}`}` };
      io.out(table(Object.entries({ ...rest, ...told }).map(([name, value]) => [name, String(value)])));
      if (data !== undefined) io.out(`data\n${JSON.stringify(data, undefined, 2)}\n`);
      else if (dataBase64 !== undefined) io.out(`data (base64)\n${dataBase64}\n`);
      else io.err("its data is not at hand: never stored, taken by retention, or no tidemill runs\n");
    });
}
