import { type Command, Option } from "commander";
import { TideError } from "../lib/errors.ts";
import type { DeadLetterAnswer, DeadLetterResult, DeadLetterWithEvents } from "../runtime/dead-letters.ts";
import { json, jsonl, table } from "./io.ts";
import { output, type ServerOptions, whole, withServer } from "./options.ts";
import { findServer, type Server } from "./server.ts";
import { exit, type Verb, type VerbContext } from "./verb.ts";

interface DlqOptions extends ServerOptions {
  readonly namespace?: string;
  readonly sensor?: string;
  readonly trigger?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly config?: string;
  readonly newKey?: boolean;
  readonly output: string;
}

interface Page {
  readonly items: readonly DeadLetterAnswer[];
  readonly next?: string;
}

export const dlq: Verb = {
  examples: [
    "tidemill dlq ls",
    "tidemill dlq show FIRING",
    "tidemill dlq retry FIRING --config current   # with today's manifest",
    "tidemill dlq retry --all --sensor orders --yes",
    "tidemill dlq drop FIRING",
  ],
  declare(command, cx) {
    command.addCommand(lsCommand(command.createCommand("ls"), cx));
    command.addCommand(showCommand(command.createCommand("show"), cx));
    command.addCommand(retryCommand(command.createCommand("retry"), cx));
    command.addCommand(dropCommand(command.createCommand("drop"), cx));
  },
};

function filtered(command: Command): Command {
  return withServer(command)
    .option("-n, --namespace <NAME>", "of this namespace")
    .option("--sensor <NAME>", "of this sensor")
    .option("--trigger <NAME>", "of this trigger");
}

function lsCommand(command: Command, { io }: VerbContext): Command {
  return filtered(command)
    .description("List dead letters, oldest first")
    .option("--limit <N>", "how many at most", whole, 100)
    .option("--cursor <CURSOR>", "go on where a page ended")
    .addOption(output("jsonl"))
    .action(async (options: DlqOptions) => {
      const server = await findServer(options);
      const page = await server.get<Page>("/deadletters", {
        ...filterOf(options),
        limit: options.limit,
        cursor: options.cursor,
      });
      if (options.output === "json") return io.out(json(page));
      if (options.output === "jsonl") return io.out(jsonl(page.items));
      io.out(table([["DIED", "FIRING", "TRIGGER", "TRIES", "ERROR"], ...page.items.map(row)]));
      if (page.items.length === 0) io.err("no dead letters\n");
      if (page.next !== undefined) io.err(`there are more: add --cursor '${page.next}'\n`);
    });
}

function row({ deadAt, id, sensor, trigger, attempts, code, error }: DeadLetterAnswer): readonly string[] {
  const clipped = error.length > 120 ? `${error.slice(0, 120)}…` : error;
  return [deadAt.slice(0, 19), id, `${sensor}/${trigger}`, String(attempts), `${code} ${clipped}`];
}

function showCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("Show one dead letter with its events")
    .argument("FIRING", "the firing's id")
    .addOption(output())
    .action(async (id: string, options: DlqOptions) => {
      const server = await findServer(options);
      const letter = await server.get<DeadLetterWithEvents>(`/deadletters/${encodeURIComponent(id)}`);
      if (options.output === "json") return io.out(json(letter));
      const { events, ...rest } = letter;
      io.out(table(Object.entries(rest).map(([name, value]) => [name, String(value)])));
      for (const { dependency, id: event, data, dataBase64 } of events) {
        io.out(`\n${dependency}  ${event}\n`);
        io.out(
          data === undefined ? `${dataBase64 ?? "(its data is gone)"}\n` : `${JSON.stringify(data, undefined, 2)}\n`,
        );
      }
      io.err(`retry it with: tidemill dlq retry ${id}\n`);
    });
}

function bulk(command: Command): Command {
  return filtered(command)
    .argument("[FIRING...]", "ids of firings; or --all")
    .option("--all", "all that the filters name")
    .option("--yes", "do it; without, --all only prints the plan")
    .addOption(output());
}

function retryCommand(command: Command, cx: VerbContext): Command {
  return bulk(command)
    .description("Put dead letters back into their queues, attempts from zero")
    .addOption(
      new Option("--config <WHICH>", "fire by today's manifest, or by the one that decided")
        .choices(["current", "original"])
        .default("original"),
    )
    .option("--new-key", "under a new idempotency key: the target takes it for a new call")
    .action(async (ids: readonly string[], options: DlqOptions) => {
      checkChoice(ids, options, "retry");
      const server = await findServer(options);
      const chosen = await choose(ids, { server, options, doing: "retry", cx });
      if (chosen === undefined) return;
      await act(chosen, {
        server,
        path: "/deadletters/retry",
        query: { config: options.config, newKey: options.newKey },
        options,
        cx,
      });
    });
}

function dropCommand(command: Command, cx: VerbContext): Command {
  return bulk(command)
    .description("Give dead letters up for good")
    .action(async (ids: readonly string[], options: DlqOptions) => {
      checkChoice(ids, options, "drop");
      const server = await findServer(options);
      const chosen = await choose(ids, { server, options, doing: "drop", cx });
      if (chosen === undefined) return;
      await act(chosen, { server, path: "/deadletters/drop", query: {}, options, cx });
    });
}

interface Choosing {
  readonly server: Server;
  readonly options: DlqOptions;
  readonly doing: "retry" | "drop";
  readonly cx: VerbContext;
}

/** Said before a server is looked for. Throws USAGE. */
function checkChoice(ids: readonly string[], { all }: DlqOptions, doing: string): void {
  if (ids.length > 0 && all === true) throw new TideError("USAGE", "give ids, or --all, not both");
  if (ids.length === 0 && all !== true) throw new TideError("USAGE", `give the ids to ${doing}, or --all`);
}

/** The ids named, or with `--all` those of the filters; undefined when it was only the plan that was asked for. */
async function choose(ids: readonly string[], choosing: Choosing): Promise<readonly string[] | undefined> {
  const { server, options, doing, cx } = choosing;
  if (ids.length > 0) return ids;
  const letters: DeadLetterAnswer[] = [];
  for (let cursor: string | undefined; ; ) {
    const page: Page = await server.get<Page>("/deadletters", { ...filterOf(options), limit: 10_000, cursor });
    letters.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  if (letters.length === 0) {
    cx.io.err("no dead letters\n");
    return undefined;
  }
  if (options.yes === true) return letters.map(({ id }) => id);
  const groups = [...Map.groupBy(letters, ({ sensor, trigger, code }) => `${sensor}/${trigger}  ${code}`)];
  cx.io.err(`would ${doing} ${letters.length} dead letters, the oldest of ${letters[0]?.deadAt.slice(0, 19)}Z:\n`);
  cx.io.err(
    table(
      groups.map(([what, some]) => [String(some.length), what]),
      "  ",
    ),
  );
  cx.io.err("add --yes to do it\n");
  cx.end(exit.usage);
  return undefined;
}

interface Acting {
  readonly server: Server;
  readonly path: string;
  readonly query: Readonly<Record<string, string | boolean | undefined>>;
  readonly options: DlqOptions;
  readonly cx: VerbContext;
}

const idsPerCall = 1_000;

async function act(ids: readonly string[], { server, path, query, options, cx }: Acting): Promise<void> {
  const items: DeadLetterResult[] = [];
  for (let at = 0; at < ids.length; at += idsPerCall) {
    const body = JSON.stringify({ ids: ids.slice(at, at + idsPerCall) });
    items.push(...(await server.post<{ readonly items: readonly DeadLetterResult[] }>(path, body, query)).items);
  }
  if (options.output === "json") cx.io.out(json({ items }));
  else cx.io.out(table(items.map(({ id, outcome, newId, reason }) => [id, outcome, newId ?? reason ?? ""])));
  if (items.some(({ outcome }) => outcome === "unknown" || outcome === "refused")) cx.end(exit.bad);
}

function filterOf({ namespace, sensor, trigger }: DlqOptions) {
  return { namespace, sensor, trigger };
}
