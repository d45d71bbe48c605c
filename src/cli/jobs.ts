import type { Command } from "commander";
import { Option } from "commander";
import type { JobAnswer } from "../console/job-answer.ts";
import { TideError } from "../lib/errors.ts";
import { json, jsonl, table } from "./io.ts";
import { output, type ServerOptions, whole, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import { exit, type Verb, type VerbContext } from "./verb.ts";

interface JobOptions extends ServerOptions {
  readonly namespace?: string;
  readonly state?: string;
  readonly attempt?: number;
  readonly yes?: boolean;
  readonly output: string;
}

const states = ["queued", "running", "waiting", "suspended", "complete", "failed"];

export const jobs: Verb = {
  examples: [
    "tidemill jobs ls --state failed",
    "tidemill jobs get batch/import-4f2a",
    "tidemill jobs logs import-4f2a -n batch",
    "tidemill jobs rm --state complete --yes",
  ],
  declare(command, cx) {
    command.addCommand(lsCommand(command.createCommand("ls"), cx), { isDefault: true });
    command.addCommand(getCommand(command.createCommand("get"), cx));
    command.addCommand(logsCommand(command.createCommand("logs"), cx));
    command.addCommand(rmCommand(command.createCommand("rm"), cx));
  },
};

function filtered(command: Command): Command {
  return withServer(command)
    .option("-n, --namespace <NAME>", "of this namespace")
    .addOption(new Option("--state <STATE>", "in this state").choices(states));
}

function lsCommand(command: Command, { io }: VerbContext): Command {
  return filtered(command)
    .description("List jobs")
    .addOption(output("jsonl"))
    .action(async ({ namespace, state, ...options }: JobOptions) => {
      const server = await findServer(options);
      const page = await server.get<{ readonly items: readonly JobAnswer[] }>("/jobs", { namespace, state });
      if (options.output === "json") return io.out(json(page));
      if (options.output === "jsonl") return io.out(jsonl(page.items));
      io.out(table([["JOB", "STATE", "ATTEMPTS", "CREATED", "REASON"], ...page.items.map(row)]));
      if (page.items.length === 0) io.err("no jobs\n");
    });
}

function row(job: JobAnswer): readonly string[] {
  return [
    `${job.namespace}/${job.name}`,
    job.state,
    String(job.attempts.length),
    job.createdAt.slice(0, 19),
    job.reason ?? "",
  ];
}

function getCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("Show one job")
    .argument("JOB", "NAME, or NAMESPACE/NAME")
    .option("-n, --namespace <NAME>", "its namespace", "default")
    .addOption(output())
    .action(async (name: string, options: JobOptions) => {
      const server = await findServer(options);
      const job = await server.get<JobAnswer>(`/jobs/${pathOf(name, options)}`);
      if (options.output === "json") return io.out(json(job));
      const { attempts, ...rest } = job;
      io.out(table(Object.entries(rest).map(([key, value]) => [key, String(value)])));
      const tries = attempts.map(({ n, startedAt, endedAt, reason, containers }) => {
        const codes = containers.map((one) => `${one.name}: ${one.exitCode ?? one.reason ?? "?"}`).join(", ");
        return [String(n), startedAt.slice(0, 23), endedAt?.slice(0, 23) ?? "runs", reason ?? codes];
      });
      if (tries.length > 0) io.out(`\n${table([["ATTEMPT", "STARTED", "ENDED", "EXIT CODES"], ...tries])}`);
    });
}

interface LogsAnswer {
  readonly items: readonly { readonly container: string; readonly text: string; readonly cut: boolean }[];
}

function logsCommand(command: Command, { io }: VerbContext): Command {
  return withServer(command)
    .description("Print the logs of a job's last attempt")
    .argument("JOB", "NAME, or NAMESPACE/NAME")
    .option("-n, --namespace <NAME>", "its namespace", "default")
    .option("--attempt <N>", "of this attempt", whole)
    .addOption(output())
    .action(async (name: string, options: JobOptions) => {
      const server = await findServer(options);
      const logs = await server.get<LogsAnswer>(`/jobs/${pathOf(name, options)}/logs`, { attempt: options.attempt });
      if (options.output === "json") return io.out(json(logs));
      for (const { container, text, cut } of logs.items) {
        if (logs.items.length > 1) io.err(`--- ${container}\n`);
        if (cut) io.err("… what is before this is in the file\n");
        io.out(text);
      }
    });
}

function rmCommand(command: Command, { io, end }: VerbContext): Command {
  return filtered(command)
    .description("Delete jobs, ending those that run")
    .argument("[JOB]", "NAME, or NAMESPACE/NAME; else all that --namespace and --state name")
    .option("--yes", "do it; without, only the plan is printed for more than one")
    .addOption(output())
    .action(async (name: string | undefined, { namespace, state, ...options }: JobOptions) => {
      const server = await findServer(options);
      if (name === undefined && options.yes !== true) {
        const { items } = await server.get<{ readonly items: readonly JobAnswer[] }>("/jobs", { namespace, state });
        io.err(`would delete ${items.length} jobs; add --yes to do it\n`);
        return end(items.length === 0 ? exit.ok : exit.usage);
      }
      const path = name === undefined ? undefined : pathOf(name, { namespace: namespace ?? "default" });
      const [within, only] = path?.split("/").map(decodeURIComponent) ?? [namespace, undefined];
      const done = await server.delete<{ readonly items: readonly { readonly name: string }[] }>("/jobs", {
        namespace: within,
        name: only,
        state,
      });
      if (only !== undefined && done.items.length === 0)
        throw new TideError("JOB_UNKNOWN", `there is no job ${within}/${only}`);
      if (options.output === "json") return io.out(json(done));
      for (const one of done.items) io.out(`${one.name}\n`);
    });
}

function pathOf(name: string, { namespace = "default" }: { readonly namespace?: string }): string {
  const parts = name.split("/");
  if (parts.length > 2 || parts.includes("")) throw new TideError("USAGE", `"${name}": write NAME or NAMESPACE/NAME`);
  const [within, only] = parts.length === 2 ? parts : [namespace, name];
  return `${encodeURIComponent(within ?? "")}/${encodeURIComponent(only ?? "")}`;
}
