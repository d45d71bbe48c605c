import type { Command } from "commander";
import type { DeadLetterAnswer, DeadLetterGroup, DeadLetterGroups } from "../runtime/dead-letters.ts";
import { type DlqFilterOptions, filtered, filterOf } from "./dlq-options.ts";
import { json, jsonl, table } from "./io.ts";
import { output, whole } from "./options.ts";
import { findServer } from "./server.ts";
import type { VerbContext } from "./verb.ts";

interface LsOptions extends DlqFilterOptions {
  readonly limit: number;
  readonly cursor?: string;
  readonly output: string;
}

export interface Page {
  readonly items: readonly DeadLetterAnswer[];
  readonly next?: string;
}

export function lsCommand(command: Command, { io }: VerbContext): Command {
  return filtered(command)
    .description("List dead letters, oldest first")
    .option("--limit <N>", "how many at most", whole, 100)
    .option("--cursor <CURSOR>", "go on where a page ended")
    .addOption(output("jsonl"))
    .action(async (options: LsOptions) => {
      const server = await findServer(options);
      const { limit, cursor } = options;
      const page = await server.get<Page>("/deadletters", { ...filterOf(options), limit, cursor });
      if (options.output === "json") return io.out(json(page));
      if (options.output === "jsonl") return io.out(jsonl(page.items));
      io.out(table([["DIED", "FIRING", "TRIGGER", "TRIES", "ERROR"], ...page.items.map(letterRow)]));
      if (page.items.length === 0) io.err("no dead letters\n");
      if (page.next !== undefined) io.err(`there are more: add --cursor '${page.next}'\n`);
    });
}

export function letterRow(letter: DeadLetterAnswer): readonly string[] {
  const { deadAt, id, sensor, trigger, attempts, code, error, rounds, successor } = letter;
  const marks = [
    ...(rounds === undefined ? [] : [letter.cameBack === true ? `came back ${rounds}×` : `retried ${rounds}×`]),
    ...(successor === undefined ? [] : ["edited"]),
  ];
  const marked = marks.length === 0 ? "" : `[${marks.join(", ")}] `;
  return [deadAt.slice(0, 19), id, `${sensor}/${trigger}`, String(attempts), `${marked}${code} ${clipped(error, 120)}`];
}

export function groupsCommand(command: Command, { io }: VerbContext): Command {
  return filtered(command)
    .description("Group dead letters by what they died of, the most first")
    .option("--limit <N>", "how many at most", whole, 100)
    .addOption(output("jsonl"))
    .action(async (options: LsOptions) => {
      const server = await findServer(options);
      const { limit } = options;
      const answer = await server.get<DeadLetterGroups>("/deadletters/groups", { ...filterOf(options), limit });
      if (options.output === "json") return io.out(json(answer));
      if (options.output === "jsonl") return io.out(jsonl(answer.items));
      const head = ["COUNT", "GROUP", "TRIGGER", "FIRST", "LAST", "CAUSE"];
      io.out(table([head, ...answer.items.map(groupRow)]));
      if (answer.letters === 0) io.err("no dead letters\n");
      const { items, groups, further } = answer;
      if (groups > items.length) io.err(`there are ${groups} groups: add --limit ${groups}\n`);
      if (further > 0) io.err(`${further} more are of further groups: narrow it with --sensor, --code or --since\n`);
    });
}

function groupRow(group: DeadLetterGroup): readonly string[] {
  const { id, count, sensor, trigger, code, status, sample, firstAt, lastAt } = group;
  const came = group.cameBack === 0 ? "" : `[${group.cameBack} came back] `;
  const cause = `${came}${code}${status === undefined ? "" : ` ${status}`} ${clipped(sample, 100)}`;
  return [String(count), id, `${sensor}/${trigger}`, firstAt.slice(0, 19), lastAt.slice(0, 19), cause];
}

function clipped(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
