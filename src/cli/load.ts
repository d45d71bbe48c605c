import { type Command, InvalidArgumentError } from "commander";
import { parseDurationMs } from "../lib/duration.ts";
import { type MalformedKind, malformedKinds } from "../load/malform.ts";
import type { Bursts, Range } from "../load/pace.ts";
import { output, type RecordOptions, whole, withRecord } from "./options.ts";
import type { Verb } from "./verb.ts";

export interface LoadVerbOptions extends RecordOptions {
  readonly template: string;
  readonly rate?: number;
  readonly count?: number;
  readonly minutes?: number;
  readonly bursts?: Bursts;
  readonly malformed?: number;
  readonly kinds?: readonly MalformedKind[];
  readonly schema?: string;
  readonly seed?: string;
  readonly inFlight?: number;
  readonly endpoint?: string;
  readonly region?: string;
  readonly namespace: string;
  readonly settle: number;
  /** False: the record is not looked at. */
  readonly join: boolean;
  readonly output: string;
}

export const load: Verb = {
  examples: [
    "tidemill load http://127.0.0.1:12000/jobs --template job.json --rate 50/s --minutes 2",
    "tidemill load sqs:ingester --endpoint http://127.0.0.1:4566 --template job.json --count 1000 --malformed 10%",
    "tidemill load 'eventbridge:default?source=jobs&detail-type=Job' --template job.json --bursts 20..200/1s..10s",
    "tidemill load source:web/hello --template - --schema job.schema.json --count 100 -o json",
  ],
  declare(command, { io, end }) {
    options(withRecord(command))
      .argument(
        "TARGET",
        "http://…, sqs:QUEUE, sns:ARN, eventbridge:BUS, kafka:HOST:PORT/TOPIC, redis://HOST/0?stream=NAME, source:ES/EVENT",
      )
      .action(async (target: string, given: LoadVerbOptions) => {
        const { runLoad } = await import("./run-load.ts");
        await runLoad(target, given, { io, end, terminal: process });
      });
  },
};

function options(command: Command): Command {
  return command
    .requiredOption("--template <FILE>", "the message: a Go template of JSON (.yaml: of YAML); - is standard input")
    .option("--rate <N/s>", "messages a second (also N/m); 10/s unless given or in bursts", perSecond)
    .option("--count <N>", "end after so many messages", whole)
    .option("--minutes <M>", "end after this time; without either, at Ctrl-C", positive)
    .option("--bursts <SIZE/PAUSE>", "in bursts with pauses, such as 20..200/1s..10s", bursts)
    .option("--malformed <SHARE>", "spoil this share of the messages, such as 10%", share)
    .option("--kinds <KINDS>", "only in these ways, by commas: truncated, wrongType, … (docs/specs/load.md)", kinds)
    .option("--schema <FILE>", "what messages must be like, and spoilt ones must not")
    .option("--seed <TEXT>", "the same seed makes the same messages; random unless given")
    .option("--in-flight <N>", "messages without an answer at most; 64 unless given", atLeastOne)
    .option("--endpoint <URL>", "of AWS's services: a local stand-in")
    .option("--region <NAME>", "of AWS")
    .option("-n, --namespace <NAME>", "of `source:`", "default")
    .option(
      "--settle <DURATION>",
      "how long to wait for what is not recorded yet; 30s unless given",
      durationOf,
      30_000,
    )
    .option("--no-join", "do not look what was recorded")
    .addOption(output());
}

/** `50`, `50/s`, `600/m`. */
function perSecond(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(?:\/(s|m))?$/.exec(text) ?? [];
  const rate = Number(number) / (unit === "m" ? 60 : 1);
  if (number === undefined || !(rate > 0) || rate > 1e6)
    throw new InvalidArgumentError("write messages a second, such as 50/s or 600/m.");
  return rate;
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || value <= 0) throw new InvalidArgumentError("write minutes, such as 2 or 0.5.");
  return value;
}

function atLeastOne(text: string): number {
  const value = whole(text);
  if (value < 1 || value > 100_000) throw new InvalidArgumentError("write 1 to 100000.");
  return value;
}

/** `10%` or `0.1`. */
function share(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  const value = percent === undefined ? Number(text) : Number(percent) / 100;
  if (text === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("write a share such as 10%.");
  return value;
}

function durationOf(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms < 0) throw new InvalidArgumentError("write a duration such as 30s or 5m.");
  return ms;
}

/** `20/5s`, `20..200/1s..10s`. */
function bursts(text: string): Bursts {
  const [size = "", pause = "", more] = text.split("/");
  const sizes = rangeOf(size, (part) => (/^\d{1,9}$/.test(part) ? Number(part) : undefined));
  const pauses = rangeOf(pause, (part) => parseDurationMs(part));
  if (sizes === undefined || pauses === undefined || sizes.low < 1 || more !== undefined)
    throw new InvalidArgumentError("write SIZE/PAUSE, such as 50/5s or 20..200/1s..10s.");
  return { size: sizes, pauseMs: pauses };
}

function rangeOf(text: string, read: (part: string) => number | undefined): Range | undefined {
  const [first = "", second = first, more] = text.split("..");
  const [low, high] = [read(first), read(second)];
  if (low === undefined || high === undefined || more !== undefined || low < 0 || high < low) return undefined;
  return { low, high };
}

function kinds(text: string): readonly MalformedKind[] {
  const given = text.split(",");
  const wrong = given.find((one) => !malformedKinds.some((kind) => kind === one));
  if (wrong !== undefined) throw new InvalidArgumentError(`${wrong} is none of ${malformedKinds.join(", ")}.`);
  return malformedKinds.filter((kind) => given.includes(kind));
}
