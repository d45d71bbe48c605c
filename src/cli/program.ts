import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { didYouMean } from "../lib/did-you-mean.ts";
import { type Io, processIo } from "./io.ts";
import { exit, type Verb, type VerbContext } from "./verb.ts";

interface Listed {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Verb>;
}

/** Each verb is a module of its own, so that `--help` and the quick verbs do not wait for what `run` needs. */
const verbs: readonly Listed[] = [
  { name: "run", summary: "Run the manifests", load: async () => (await import("./run.ts")).run },
  { name: "dev", summary: "Run, watch and tell what happens", load: async () => (await import("./dev.ts")).dev },
  { name: "init", summary: "Begin with a template", load: async () => (await import("./init.ts")).init },
  { name: "lint", summary: "Check manifests", load: async () => (await import("./lint.ts")).lint },
  { name: "eval", summary: "Try an event on a manifest", load: async () => (await import("./eval.ts")).evaluate },
  { name: "test", summary: "Run the tests beside manifests", load: async () => (await import("./test.ts")).test },
  { name: "explain", summary: "Explain a field or a code", load: async () => (await import("./explain.ts")).explain },
  { name: "schema", summary: "Print a kind's schema", load: async () => (await import("./schema.ts")).schema },
  { name: "graph", summary: "Draw what leads where", load: async () => (await import("./graph.ts")).graph },
  { name: "send", summary: "Hand in an event", load: async () => (await import("./send.ts")).send },
  {
    name: "load",
    summary: "Make load, and report what became of it",
    load: async () => (await import("./load.ts")).load,
  },
  { name: "events", summary: "List events, or show one", load: async () => (await import("./events.ts")).events },
  { name: "why", summary: "Tell why an event fired, or did not", load: async () => (await import("./why.ts")).why },
  { name: "trace", summary: "Draw where its time went", load: async () => (await import("./trace.ts")).trace },
  { name: "audit", summary: "Prove that nothing is lost", load: async () => (await import("./audit.ts")).audit },
  { name: "dlq", summary: "See, mend and retry dead letters", load: async () => (await import("./dlq.ts")).dlq },
  { name: "replay", summary: "Put kept events again", load: async () => (await import("./replay.ts")).replay },
  { name: "ops", summary: "See and cancel bulk work", load: async () => (await import("./ops.ts")).ops },
  { name: "delays", summary: "Show the delay of each hop", load: async () => (await import("./delays.ts")).delays },
  { name: "query", summary: "Ask the record in SQL", load: async () => (await import("./query.ts")).query },
  { name: "jobs", summary: "See local Jobs and their logs", load: async () => (await import("./jobs.ts")).jobs },
  { name: "status", summary: "Show how a running tidemill is", load: async () => (await import("./status.ts")).status },
  { name: "pause", summary: "Let events wait", load: async () => (await import("./pause.ts")).pause },
  { name: "resume", summary: "End a pause", load: async () => (await import("./resume.ts")).resume },
  { name: "top", summary: "Watch rates, queues and delays", load: async () => (await import("./top.ts")).top },
  { name: "tap", summary: "Watch events as they come", load: async () => (await import("./tap.ts")).tap },
  { name: "token", summary: "Let others use the admin API", load: async () => (await import("./token.ts")).token },
  { name: "bus", summary: "Salvage a damaged data folder", load: async () => (await import("./bus.ts")).bus },
  { name: "version", summary: "Print the version", load: async () => (await import("./version.ts")).version },
];

const examples = [
  "tidemill run ./manifests             # run everything in a folder",
  "tidemill lint ./manifests            # check it first",
  `tidemill send web/hello -d '{"body":{"name":"ada"}}'`,
  "tidemill why EVENT                   # why did it fire, or why not?",
];

/** The command line. Resolves with the exit code, and never rejects. */
export async function main(given: readonly string[], io: Io = processIo()): Promise<number> {
  const args = given[0] === "help" ? [...given.slice(1), "--help"] : given;
  let code: number = exit.ok;
  const cx: VerbContext = {
    io,
    version: packageVersion(),
    end: (ended) => {
      if (code === exit.ok) code = ended;
    },
  };
  const program = styled(new Command("tidemill"), io)
    .description("Runs Argo Events manifests: durable, explainable, nothing lost silently.")
    .version(cx.version, "-V, --version", "print the version")
    .usage("VERB [options]")
    .helpCommand(false)
    .addHelpText("before", exampleText(examples));
  const named = args.find((arg) => !arg.startsWith("-"));
  for (const { name, summary, load } of verbs) {
    const command = styled(program.command(name), io).description(summary);
    if (name !== named) continue;
    const verb = await load();
    command.addHelpText("before", exampleText(verb.examples));
    verb.declare(command, cx);
    for (const sub of command.commands) {
      const own = verb.examples.filter(
        (line) => line.startsWith(`tidemill ${name} ${sub.name()} `) || line === `tidemill ${name} ${sub.name()}`,
      );
      styled(sub, io).addHelpText("before", exampleText(own));
    }
  }
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return exit.usage;
    }
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    return await failed(error, io);
  }
  return code;
}

async function failed(error: unknown, io: Io): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage;
  const { sayError } = await import("./errors.ts");
  return sayError(error, io);
}

/** Refusals end in `main` and not in `process.exit`; a misspelt flag is answered with the one that was meant. */
function styled(command: Command, io: Io): Command {
  return command
    .exitOverride()
    .showHelpAfterError(false)
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text, write) => write(refusal(command, text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
}

function refusal(command: Command, text: string): string {
  const wrong = /unknown (option|command) '([^']+)'/.exec(text);
  const known =
    wrong?.[1] === "option"
      ? command.options.flatMap(({ long }) => long ?? [])
      : command.commands.map((sub) => sub.name());
  const meant = wrong?.[2] === undefined ? undefined : didYouMean(wrong[2], known);
  const path = [command.parent?.parent?.name(), command.parent?.name(), command.name()].filter(Boolean).join(" ");
  const hint = meant === undefined ? `see \`${path} --help\`` : `did you mean ${meant}?`;
  return `${text.trimEnd().replace(/\.$/, "")}; ${hint}\n`;
}

function exampleText(lines: readonly string[]): string {
  return `Examples:\n${lines.map((line) => `  ${line}\n`).join("")}`;
}

function packageVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}
