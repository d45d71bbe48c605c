import { type Command, InvalidArgumentError, Option } from "commander";
import type { EventPlace } from "../rehearsal/read-event.ts";
import { templateEnvOption } from "./options.ts";
import type { Verb } from "./verb.ts";

export interface EvalOptions {
  readonly file: readonly string[];
  readonly event: readonly string[];
  readonly dep: readonly string[];
  readonly source: readonly EventPlace[];
  readonly at: readonly number[];
  readonly trigger?: string;
  readonly sensor?: string;
  readonly secretsDir?: string;
  readonly fetch?: boolean;
  readonly templateEnv?: boolean;
  readonly output: "human" | "json" | "jsonl";
}

export const evaluate: Verb = {
  examples: [
    "tidemill eval -f sensor.yaml --event event.json      # exit code 1 when nothing fires",
    "tidemill eval -f sensor.yaml --event order.json --dep order --trigger notify",
    "tidemill eval -f manifests/ --sensor orders --event a.json --event b.json -o jsonl",
    "tidemill eval -f eventsource.yaml --event data.json --source shop/order",
  ],
  declare(command, { io, end }) {
    declared(command).action(async (options: Partial<EvalOptions> & Pick<EvalOptions, "file" | "output">) => {
      const { runEval } = await import("./run-eval.ts");
      end(await runEval({ dep: [], source: [], at: [], event: [], ...options }, io));
    });
  },
};

function declared(command: Command): Command {
  return command
    .addOption(
      new Option("-f, --file <PATH>", "manifests: files, folders, globs; may be repeated")
        .argParser(listOf((text) => text))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--event <FILE>",
        "a CloudEvent in JSON, or the data of one; - reads standard input; repeated: one after the other",
      ).argParser(listOf((text) => text)),
    )
    .addOption(
      new Option("--dep <NAME>", "only this dependency gets the event; repeated: the nth event's").argParser(
        listOf((text) => text),
      ),
    )
    .addOption(
      new Option(
        "--source <SOURCE/EVENT>",
        "the EventSource and event that it is of; repeated: the nth event's",
      ).argParser(listOf(placeOf)),
    )
    .addOption(
      new Option("--at <TIME>", "when it is decided; now unless given; repeated: the nth event's").argParser(
        listOf(timeMs),
      ),
    )
    .option("--trigger <NAME>", "tell only of this trigger")
    .option("--sensor <NAME>", "which one, where there are several; NAMESPACE/NAME where two have the name")
    .option("--fetch", "read objects that stand at a URL, in S3 or in git")
    .addOption(templateEnvOption())
    .option("--secrets-dir <DIR>", "with --fetch: files NAME/KEY with the values of Secrets")
    .addOption(
      new Option("-o, --output <FORMAT>", "how to write the answer; jsonl: one line for each event")
        .choices(["human", "json", "jsonl"])
        .default("human"),
    );
}

function listOf<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => [...before, read(text)];
}

function placeOf(text: string): EventPlace {
  const [source = "", subject = "", more] = text.split("/");
  if (source === "" || subject === "" || more !== undefined)
    throw new InvalidArgumentError("write EVENTSOURCE/EVENT, such as shop/order.");
  return { source, subject };
}

function timeMs(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError("write a time such as 2026-01-05T09:00:00Z.");
  return ms;
}
