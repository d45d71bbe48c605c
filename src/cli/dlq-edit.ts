import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { type Command, InvalidArgumentError } from "commander";
import { messageOf, TideError } from "../lib/errors.ts";
import type { DeadLetterEdited } from "../runtime/dead-letter-edit.ts";
import { canAsk, confirmed } from "./confirm.ts";
import { configOption } from "./dlq-options.ts";
import { type Io, json, printable } from "./io.ts";
import { output, type ServerOptions, withServer } from "./options.ts";
import { findServer, type Server } from "./server.ts";
import { exit, type VerbContext } from "./verb.ts";

interface EditOptions extends ServerOptions {
  readonly dependency?: string;
  readonly data?: string;
  readonly set?: readonly (readonly [string, string])[];
  readonly config: string;
  readonly drop?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly output: string;
}

export function editCommand(command: Command, cx: VerbContext): Command {
  return withServer(command)
    .description("Change the data of an event and try that as a new firing; the letter stays as it is")
    .argument("FIRING", "the firing's id")
    .option("--dependency <NAME>", "which of its events; the newest one unless given")
    .option("--data <FILE>", "the new data from this file, or - for standard input; without it or --set, in $EDITOR")
    .option("--set <PATH=VALUE>", "set one value; may be given again", setting)
    .addOption(configOption())
    .option("--drop", "drop the original")
    .option("--dry-run", "just show what would change")
    .option("--yes", "do it without asking")
    .addOption(output())
    .action((id: string, options: EditOptions) => runEdit(id, options, cx));
}

function setting(text: string, before: EditOptions["set"] = []): EditOptions["set"] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("write PATH=VALUE, such as body.amount=12.");
  return [...before, [text.slice(0, at), text.slice(at + 1)]];
}

async function runEdit(id: string, options: EditOptions, { io, end }: VerbContext): Promise<void> {
  const { config, drop, dependency, set } = options;
  if (options.data !== undefined && set !== undefined) throw new TideError("USAGE", "give --data or --set, not both");
  const server = await findServer(options);
  const data = set === undefined ? await newData(server, id, { options, io }) : undefined;
  const body = JSON.stringify({ id, dependency, set, data });
  const query = { config, drop };
  const plan = await server.post<DeadLetterEdited>("/deadletters/edit", body, { ...query, plan: true });
  if (options.yes !== true || options.dryRun === true) io.err(planText(plan));
  if (options.dryRun === true) {
    if (options.output === "json") io.out(json(plan));
    return;
  }
  if (options.yes !== true && !(await agreed(io))) {
    io.err(canAsk(io) ? "nothing was done\n" : "add --yes to do it\n");
    return end(exit.usage);
  }
  const edited = await server.post<DeadLetterEdited>("/deadletters/edit", body, query);
  if (options.output === "json") return io.out(json(edited));
  io.out(`${edited.newId ?? ""}\n`);
  io.err(drop === true ? "the original is dropped\n" : `the original stays: tidemill dlq drop ${id}\n`);
}

async function agreed(io: Io): Promise<boolean> {
  return canAsk(io) && (await confirmed("type yes to try it so: ", "yes"));
}

async function newData(
  server: Server,
  id: string,
  { options, io }: { readonly options: EditOptions; readonly io: Io },
): Promise<string> {
  const { data: file, dependency } = options;
  if (file === "-") return readAll(process.stdin);
  if (file !== undefined) {
    try {
      return await readFile(file, "utf8");
    } catch (cause) {
      throw new TideError("FILE_UNREADABLE", file, { cause });
    }
  }
  const editor = io.env.VISUAL ?? io.env.EDITOR;
  if (editor === undefined || editor === "" || !canAsk(io))
    throw new TideError("USAGE", "give --data FILE or --set PATH=VALUE, or set EDITOR and run it on a terminal");
  const { data } = await server.get<{ data: string }>(`/deadletters/${encodeURIComponent(id)}/data`, { dependency });
  return inEditor(editor, data);
}

/** The editor may be a command with arguments, as a shell reads it. */
async function inEditor(editor: string, before: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-edit-"));
  try {
    const file = join(folder, "data.json");
    await writeFile(file, before, { mode: 0o600 });
    const child = spawn("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    }).catch((cause: unknown) => {
      throw new TideError("USAGE", `${editor}: ${messageOf(cause)}`, { cause });
    });
    if (code !== 0) throw new TideError("USAGE", `${editor} ended with ${code}: nothing was done`);
    const after = await readFile(file, "utf8");
    // editors end a file with a line break of their own
    return before.endsWith("\n") ? after : after.replace(/\n$/, "");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What differs, line by line of the data as JSON is laid out. */
function planText({ id, dependency, event, before, after }: DeadLetterEdited): string {
  const old = linesOf(before);
  const now = linesOf(after);
  let [same, sameEnd] = [0, 0];
  while (same < Math.min(old.length, now.length) && old[same] === now[same]) same += 1;
  while (sameEnd < Math.min(old.length, now.length) - same && old.at(-1 - sameEnd) === now.at(-1 - sameEnd))
    sameEnd += 1;
  const gone = old.slice(same, old.length - sameEnd).map((line) => `  - ${printable(line)}\n`);
  const come = now.slice(same, now.length - sameEnd).map((line) => `  + ${printable(line)}\n`);
  return `would try ${id} with another ${dependency} (${event}), under a new key:\n${[...gone, ...come].join("")}`;
}

function linesOf(text: string): readonly string[] {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2).split("\n");
  } catch {
    return text.split("\n");
  }
}
