// The whole pipeline on this machine, with nothing but Node: an event bus, queues and a topic, tidemill with the manifests
// beside this file, and a generator. The exit code is 0 only if every message got to where it belongs.
import path from "node:path";
import { fail, type Options, readOptions, UsageError } from "../lib/options.ts";
import { runFolder } from "../lib/run-folder.ts";
import { seeded } from "../lib/seeded.ts";
import type { Settings } from "./perform.ts";

const described = {
  count: { value: "N", says: "How many messages; without --minutes 60." },
  minutes: { value: "M", says: "How long messages are made, instead of how many." },
  malformed: { value: "PERCENT", says: "How many of a hundred are no job.", fallback: "10" },
  "max-gap": { value: "MS", says: "Longest pause between two bursts; each is random.", fallback: "1500" },
  "dead-letters": {
    value: "BY",
    says: "Who moves what failed: queue (its redrive policy) or trigger (a dlqTrigger).",
    fallback: "queue",
  },
  seed: { value: "N", says: "Makes jobs, damages and pauses the same each time." },
  crash: { says: "Kills tidemill in the middle, and starts it again." },
  observe: { says: "Opens /metrics, and ships traces and logs to observe/compose.yaml." },
  endpoint: { value: "URL", says: "Another SQS and SNS than the local stand-in.", fallback: "local" },
  port: { value: "N", says: "Port of the event bus.", fallback: "4010" },
  "data-dir": { value: "DIR", says: "Where everything is kept; .tidemill/jobs/RUN unless given." },
  patience: { value: "S", says: "Gives up when nothing happens for so long.", fallback: "60" },
} as const;

/** Exit codes of a program that a signal ended: 128 and its number. */
const interruptCodes = { SIGINT: 130, SIGTERM: 143 } as const;

await main();

async function main(): Promise<void> {
  const interrupted = new AbortController();
  for (const [signal, code] of Object.entries(interruptCodes)) {
    process.on(signal, () => {
      // the second one does not wait for what is in flight
      if (interrupted.signal.aborted) process.exit(code);
      process.stderr.write("no more messages; waiting for what is on its way (again: ends at once)\n");
      interrupted.abort(new Error("stopped"));
    });
  }
  try {
    const settings = await settingsOf(readOptions("npm run example:jobs --", described, process.argv.slice(2)));
    // loaded once the command line is understood: a mistake in it is told at once
    const { performRun } = await import("./perform.ts");
    process.exitCode = (await performRun(settings, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    fail(error);
  }
}

async function settingsOf(options: Options): Promise<Settings> {
  const minutes = options.whole("minutes", 1);
  const count = options.whole("count", 1);
  const malformed = options.whole("malformed", 0) ?? 10;
  if (malformed > 100) throw new UsageError("--malformed is a number of a hundred");
  const by = options.text("dead-letters");
  if (by !== "queue" && by !== "trigger") throw new UsageError(`--dead-letters is queue or trigger, not "${by}"`);
  const endpoint = options.text("endpoint") ?? "local";
  if (endpoint !== "local" && !URL.canParse(endpoint))
    throw new UsageError(`--endpoint must be a URL, not "${endpoint}"`);
  const seed = options.whole("seed", 0);
  const run = Date.now().toString(36);
  return {
    count: count ?? (minutes === undefined ? 60 : Number.POSITIVE_INFINITY),
    minutes,
    malformed: malformed / 100,
    maxGapMs: options.whole("max-gap", 0) ?? 1_500,
    deadLetters: by,
    random: seed === undefined ? Math.random : seeded(seed),
    crash: options.flag("crash"),
    observe: options.flag("observe"),
    endpoint,
    port: options.whole("port", 1) ?? 4_010,
    dataDir: path.resolve(options.text("data-dir") ?? (await runFolder(path.join(".tidemill", "jobs"), run))),
    patienceMs: (options.whole("patience", 1) ?? 60) * 1_000,
  };
}
