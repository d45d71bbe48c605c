import { Argument, type Command, Option } from "commander";
import { AuditLog, type Change } from "../console/audit-log.ts";
import {
  makeToken,
  type Scope,
  scopes,
  type TokenAnswer,
  type TokenRecord,
  tokenAnswer,
  tokenName,
} from "../console/tokens.ts";
import { TokensFolder } from "../console/tokens-folder.ts";
import { systemClock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { json, jsonl, table } from "./io.ts";
import { type DataDirOption, dataDirOption, durationMs, output } from "./options.ts";
import type { Verb, VerbContext } from "./verb.ts";

interface TokenOptions extends DataDirOption {
  readonly output: string;
}

export const token: Verb = {
  examples: [
    "tidemill token create ci --scope operate --expires 30d",
    "tidemill token create grafana --scope view --expires never",
    "tidemill token ls",
    "tidemill token revoke ci",
  ],
  declare(command, cx) {
    command.addCommand(createCommand(command.createCommand("create"), cx));
    command.addCommand(lsCommand(command.createCommand("ls"), cx));
    command.addCommand(revokeCommand(command.createCommand("revoke"), cx));
  },
};

const dayMs = 86_400_000;

function createCommand(command: Command, { io }: VerbContext): Command {
  type Options = TokenOptions & { readonly scope: Scope; readonly expires: number | "never" };
  return command
    .description("Make a token for the admin API of this data folder, and show it once")
    .argument("NAME", "who or what it is for")
    .addOption(
      new Option(
        "--scope <SCOPE>",
        "view looks; operate also retries, replays, sends and pauses; admin does everything",
      )
        .choices(scopes)
        .default("view"),
    )
    .addOption(
      new Option("--expires <DURATION>", "when it ends by itself, or never")
        .default(90 * dayMs, "90d")
        .argParser((text: string) => (text === "never" ? text : durationMs(text))),
    )
    .addOption(dataDirOption())
    .addOption(output())
    .action(async (name: string, options: Options) => {
      const read = tokenName.safeParse(name);
      if (!read.success) throw new TideError("USAGE", `NAME: ${read.error.issues[0]?.message ?? "cannot be used"}`);
      const folder = new TokensFolder(options.dataDir);
      if ((await folder.list()).some((one) => one.name === name))
        throw new TideError("USAGE", `there is a token ${name} already: revoke it first, or give another name`);
      const { scope, expires } = options;
      const nowMs = systemClock.nowMs();
      const made = makeToken({ name, scope, nowMs, lifeMs: expires === "never" ? undefined : expires });
      await folder.add(made.record);
      await tellAudit(options.dataDir, "token create", made.record);
      const shown = tokenAnswer(made.record, { nowMs });
      if (options.output === "json") return io.out(json({ token: made.token, ...shown }));
      io.out(`${made.token}\n`);
      const until = shown.expiresAt === undefined ? "does not expire" : `until ${shown.expiresAt.slice(0, 10)}`;
      io.err(`${name}: scope ${scope}, ${until}. It is kept nowhere and not shown again.\n`);
    });
}

function lsCommand(command: Command, { io }: VerbContext): Command {
  return command
    .alias("list")
    .description("List the tokens of a data folder, the oldest first")
    .addOption(dataDirOption())
    .addOption(output("jsonl"))
    .action(async (options: TokenOptions) => {
      const folder = new TokensFolder(options.dataDir);
      const nowMs = systemClock.nowMs();
      const uses = await folder.lastUse();
      const items = (await folder.list()).map((record) =>
        tokenAnswer(record, { nowMs, lastUsedAt: uses.get(record.id) }),
      );
      if (options.output === "json") return io.out(json({ items }));
      if (options.output === "jsonl") return io.out(jsonl(items));
      io.out(table([["NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "ID"], ...items.map(row)]));
      if (items.length === 0) io.err("no tokens\n");
    });
}

function row({ name, scope, createdAt, expiresAt, expired, lastUsedAt, id }: TokenAnswer): readonly string[] {
  const until = expiresAt === undefined ? "never" : `${expiresAt.slice(0, 10)}${expired ? " (expired)" : ""}`;
  return [name, scope, createdAt.slice(0, 10), until, lastUsedAt?.slice(0, 16) ?? "never", id];
}

function revokeCommand(command: Command, { io }: VerbContext): Command {
  return command
    .description("End a token: the next request with it is refused, also by a tidemill that runs")
    .addArgument(new Argument("TOKEN", "its name or id"))
    .addOption(dataDirOption())
    .addOption(output())
    .action(async (which: string, options: TokenOptions) => {
      const folder = new TokensFolder(options.dataDir);
      // by its id also one whose file cannot be read any more
      const removed = await folder.remove(which);
      const found = removed ? undefined : (await folder.list()).find(({ name }) => name === which);
      if (!removed && (found === undefined || !(await folder.remove(found.id))))
        throw new TideError("TOKEN_UNKNOWN", `there is no token ${which}`);
      const id = found?.id ?? which;
      await tellAudit(options.dataDir, "token revoke", found ?? { id });
      if (options.output === "json") return io.out(json({ id, ...(found === undefined ? {} : { name: found.name }) }));
      io.out(`${found?.name ?? which} is revoked\n`);
    });
}

/** The verb works on the data folder, whether a tidemill runs or not, and so does its line of the audit log. */
function tellAudit(dataDir: string, did: string, on: Partial<TokenRecord>): Promise<void> {
  const { id, name, scope, expiresAt } = on;
  const entry: Omit<Change, "at"> = { who: "local", did, on: { id, name, scope, expiresAt }, outcome: "done" };
  return new AuditLog({ dataDir, redactor: createRedactor(), clock: systemClock, log: silentLog }).append(entry);
}
