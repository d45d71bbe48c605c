import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Address } from "../console/listen.ts";
import { parseDurationMs } from "../lib/duration.ts";

/** `30s`, `1h30m`, `7d`; milliseconds. */
export function durationMs(text: string): number {
  const days = /^(\d+(?:\.\d+)?)d$/.exec(text);
  const ms = days?.[1] === undefined ? parseDurationMs(text) : Number(days[1]) * 86_400_000;
  if (ms === undefined || ms < 0) throw new InvalidArgumentError("write a duration such as 30s, 5m, 2h or 7d.");
  return ms;
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

/** `1048576`, `512Mi`, `2G`. */
export function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?)b?$/i.exec(text);
  const unit = units[(match?.[2] ?? "?").toLowerCase()];
  const value = unit === undefined ? Number.NaN : Math.round(Number(match?.[1]) * unit);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("write bytes such as 1048576, 512Mi or 2G.");
  return value;
}

/** `HOST:PORT`, `[::1]:7788`, or `none`. */
export function address(text: string): Address | "none" {
  if (text === "none") return text;
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535)
    throw new InvalidArgumentError("write HOST:PORT such as 127.0.0.1:7788, or none.");
  return { host, port };
}

/** `a.example,b.example`: names of hosts, without ports. */
export function hostNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (!names.every((name) => /^[a-zA-Z\d]([a-zA-Z\d.-]{0,251}[a-zA-Z\d])?$/.test(name)))
    throw new InvalidArgumentError("write names such as tidemill.example.com, separated by commas.");
  return names;
}

export function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("write a whole number.");
  return Number(text);
}

/** A moment as Unix microseconds: a duration back from now (`10m`), or RFC 3339. */
export function moment(text: string): number {
  const ms = /^\d+(\.\d+)?[a-z]/.test(text) ? Date.now() - durationMs(text) : Date.parse(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError("write a duration such as 10m, or a time such as 2026-01-05T09:00:00Z.");
  return Math.max(0, Math.round(ms * 1000));
}

/** `-o`: human unless another of `formats` is asked for. */
export function output(...formats: readonly ("jsonl" | "csv")[]): Option {
  return new Option("-o, --output <FORMAT>", "how to write the answer")
    .choices(["human", "json", ...formats])
    .default("human");
}

export interface DataDirOption {
  readonly dataDir: string;
}

export function dataDirOption(): Option {
  return new Option("--data-dir <DIR>", "the data folder")
    .env("TIDEMILL_DATA_DIR")
    .default(resolve(".tidemill"), ".tidemill")
    .argParser((dir: string) => resolve(dir));
}

export interface ServerOptions extends DataDirOption {
  readonly admin?: string;
  readonly token?: string;
}

/** How a verb finds the running tidemill. */
export function withServer(command: Command): Command {
  return command
    .addOption(
      new Option("--admin <URL>", "the admin API; else the one that <data-dir>/admin.json names").env("TIDEMILL_ADMIN"),
    )
    .addOption(
      new Option("--token <TOKEN>", "where the admin API asks for one; safer in the environment").env("TIDEMILL_TOKEN"),
    )
    .addOption(dataDirOption());
}

export interface RecordOptions extends ServerOptions {
  readonly record?: string;
}

/** And where it reads from when none runs. */
export function withRecord(command: Command): Command {
  return withServer(command).addOption(
    new Option("--record <URL>", "read this record, without a server: sqlite:PATH, mysql://… or postgres://…"),
  );
}

/** For the verbs that read manifests: `templateEnv` of their options is then true. */
export function templateEnvOption(): Option {
  return new Option(
    "--template-env",
    "templates may read variables of the environment, by env and expandenv, as in Argo Events",
  ).env("TIDEMILL_TEMPLATE_ENV");
}

/** What `readManifests` is given for `--template-env`. */
export function templateEnv(
  asked: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
): { readonly templateEnv?: (name: string) => string } {
  return asked === true ? { templateEnv: (name) => env[name] ?? "" } : {};
}
