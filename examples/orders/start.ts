// The whole example in one process, with nothing but Node: a local SNS and SQS, the recorder service, tidemill with the
// manifests beside this file, and the generator.
import path from "node:path";
import { fail, type Options, readOptions, UsageError } from "../lib/options.ts";
import { runFolder } from "../lib/run-folder.ts";
import { seeded } from "../lib/seeded.ts";
import type { Settings } from "./perform.ts";

const described = {
  count: { value: "N", says: "How many messages, each to the topic and to the queue.", fallback: "60" },
  "max-gap": { value: "MS", says: "Longest pause between two messages; each is random.", fallback: "3000" },
  seed: { value: "N", says: "Makes authors, kinds and pauses the same each time." },
  endpoint: {
    value: "URL",
    says: "Another SNS and SQS: a URL, or aws for AWS by the usual variables.",
    fallback: "local",
  },
  "public-url": { value: "URL", says: "Where SNS reaches this machine; needed with aws." },
  port: { value: "N", says: "Port that SNS delivers to; a free one unless given." },
  unsigned: { says: "Takes messages that SNS did not sign: some stand-ins cannot." },
  "service-outage": { value: "MS", says: "Kills the service halfway, and starts it again after so long." },
  "data-dir": { value: "DIR", says: "Where everything is kept; .tidemill/orders/RUN unless given." },
  record: {
    value: "URL",
    says: "Where tidemill remembers: mysql://…, postgres://…, or sqlite:PATH; a file in the data folder unless given.",
  },
  patience: { value: "S", says: "Gives up when nothing happens for so long.", fallback: "120" },
} as const;

/** Exit codes of a program that a signal ended: 128 and its number. */
const interruptCodes = { SIGINT: 130, SIGTERM: 143 } as const;

await main();

async function main(): Promise<void> {
  const interrupted = new AbortController();
  let interruptCode: number | undefined;
  let interruptedAtMs = 0;
  for (const [signal, code] of Object.entries(interruptCodes)) {
    process.on(signal, () => {
      // a second one does not wait for what is in flight; npm hands on the one that the terminal has already sent
      if (interruptCode !== undefined && performance.now() - interruptedAtMs > 1_000) process.exit(code);
      interruptedAtMs = performance.now();
      interruptCode ??= code;
      interrupted.abort(new Error("stopped"));
    });
  }
  try {
    const settings = await settingsOf(readOptions("npm start --", described, process.argv.slice(2)));
    // loaded once the command line is understood: a mistake in it is told at once
    const { performRun } = await import("./perform.ts");
    const fine = await performRun(settings, interrupted.signal);
    process.exitCode = fine ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) fail(error);
  }
  if (interruptCode === undefined) return;
  process.stderr.write("stopped before the end\n");
  process.exitCode = interruptCode;
}

async function settingsOf(options: Options): Promise<Settings> {
  const run = Date.now().toString(36);
  const seed = options.whole("seed", 0);
  const endpoint = options.text("endpoint") ?? "local";
  if (endpoint !== "local" && endpoint !== "aws" && !URL.canParse(endpoint)) {
    throw new UsageError(`--endpoint must be a URL, aws or local, not "${endpoint}"`);
  }
  const publicUrl = options.text("public-url");
  if (publicUrl !== undefined && !URL.canParse(publicUrl)) {
    throw new UsageError(`--public-url must be a URL, not "${publicUrl}"`);
  }
  if (endpoint === "aws" && (publicUrl === undefined || options.text("port") === undefined)) {
    throw new UsageError("with --endpoint aws, --port and --public-url say where SNS reaches this machine");
  }
  return {
    run,
    count: options.whole("count", 1) ?? 60,
    maxGapMs: options.whole("max-gap", 0) ?? 3_000,
    random: seed === undefined ? Math.random : seeded(seed),
    endpoint,
    env: process.env,
    port: options.whole("port", 1),
    publicUrl,
    signed: !options.flag("unsigned"),
    serviceOutageMs: options.whole("service-outage", 1),
    recordUrl: options.text("record") ?? process.env.TIDEMILL_RECORD_URL,
    dataDir: path.resolve(options.text("data-dir") ?? (await runFolder(path.join(".tidemill", "orders"), run))),
    patienceMs: (options.whole("patience", 1) ?? 120) * 1_000,
  };
}
