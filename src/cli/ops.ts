import { type Command, Option } from "commander";
import { auditFile, type Change, readChanges } from "../console/audit-log.ts";
import type { OperationAnswer } from "../console/operations.ts";
import { json, jsonl, table } from "./io.ts";
import { type DataDirOption, dataDirOption, output, type ServerOptions, whole, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { Verb, VerbContext } from "./verb.ts";

type OpsOptions = ServerOptions & { readonly output: string };

export const ops: Verb = {
  examples: ["tidemill ops ls", "tidemill ops cancel op_7c1e09a2b4", "tidemill ops log --limit 20"],
  declare(command, cx) {
    command.addCommand(lsCommand(command.createCommand("ls"), cx));
    command.addCommand(cancelCommand(command.createCommand("cancel"), cx));
    command.addCommand(logCommand(command.createCommand("log"), cx));
  },
};

function lsCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("List bulk retries, drops and replays, newest first")
    .addOption(output("jsonl"))
    .action(async (options: OpsOptions) => {
      const server = await findServer(options);
      const page = await server.get<{ readonly items: readonly OperationAnswer[] }>("/operations");
      if (options.output === "json") return io.out(json(page));
      if (options.output === "jsonl") return io.out(jsonl(page.items));
      io.out(table([["STARTED", "OPERATION", "STATE", "DONE", "FAILED", "WHAT"], ...page.items.map(row)]));
      if (page.items.length === 0) io.err("no operations\n");
    });
}

function row({ startedAt, id, state, done, failed, total, title, error }: OperationAnswer): readonly string[] {
  const what = error === undefined ? title : `${title}: ${error}`;
  return [startedAt.slice(0, 19), id, state, `${done} of ${total}`, String(failed), what];
}

function cancelCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("End an operation where it is; what is done stays done")
    .argument("OPERATION", "its id")
    .addOption(output())
    .action(async (id: string, options: OpsOptions) => {
      const server = await findServer(options);
      const path = `/operations/${encodeURIComponent(id)}/cancel`;
      const operation = await server.post<OperationAnswer>(path, "{}");
      if (options.output === "json") return io.out(json(operation));
      io.out(`${operation.id}  ${operation.state}: ${operation.done} of ${operation.total}\n`);
    });
}

function logCommand(command: Command, { io }: VerbContext): Command {
  type Options = DataDirOption & { readonly output: string; readonly limit: number };
  return command
    .description("Show who changed what by the admin API, newest last: the audit log of the data folder")
    .addOption(new Option("--limit <N>", "so many of the newest").default(100).argParser(whole))
    .addOption(dataDirOption())
    .addOption(output("jsonl"))
    .action(async ({ dataDir, limit, ...options }: Options) => {
      const items = await readChanges(dataDir, limit);
      if (options.output === "json") return io.out(json({ items }));
      if (options.output === "jsonl") return io.out(jsonl(items));
      io.out(table([["AT", "WHO", "FROM", "OUTCOME", "DID", "ON"], ...items.map(changeRow)]));
      if (items.length === 0) io.err(`no changes are written in ${auditFile(dataDir)}\n`);
    });
}

function changeRow({ at, who, address, outcome, code, did, on }: Change): readonly string[] {
  const became = code === undefined ? outcome : `${outcome} (${code})`;
  return [at.slice(0, 19), who, address ?? "", became, did, on === undefined ? "" : JSON.stringify(on)];
}
