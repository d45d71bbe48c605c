import { type Command, InvalidArgumentError, Option } from "commander";
import { moment, type ServerOptions, withServer } from "./options.ts";

/** Which dead letters are meant. */
export interface DlqFilterOptions extends ServerOptions {
  readonly namespace?: string;
  readonly sensor?: string;
  readonly trigger?: string;
  readonly code?: string;
  readonly group?: string;
  readonly since?: number;
  readonly where?: string;
}

export function filtered(command: Command): Command {
  return withServer(command)
    .option("-n, --namespace <NAME>", "of this namespace")
    .option("--sensor <NAME>", "of this sensor")
    .option("--trigger <NAME>", "of this trigger")
    .option("--code <CODE>", "with this code, such as TM4009")
    .option("--group <GROUP>", "of this cause, as `tidemill dlq groups` names it")
    .option("--since <TIME>", "died since: 10m, or 2026-01-05T09:00:00Z", moment)
    .option("--where <EXPR>", "for which this holds: data, sensor, trigger, code, status, reason, attempts, rounds …");
}

/** As the API takes them. */
export function filterOf({ namespace, sensor, trigger, code, group, since, where }: DlqFilterOptions) {
  return { namespace, sensor, trigger, code, group, sinceUs: since, where };
}

export function hasFilter(options: DlqFilterOptions): boolean {
  return Object.values(filterOf(options)).some((value) => value !== undefined);
}

const perSecondOf: Readonly<Record<string, number>> = { "": 1, s: 1, m: 1 / 60, h: 1 / 3_600 };

/** `50/s`, `50`, `10/m`, `100/h`: how many in a second. */
function rate(text: string): number {
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(text) ?? [];
  const value = Number(count) * (perSecondOf[unit] ?? Number.NaN);
  if (!(value >= 0.001 && value <= 1e6)) throw new InvalidArgumentError("write a rate such as 50/s, 10/m or 100/h.");
  return value;
}

/** How bulk work is begun: after a look at its plan. */
export interface BeginOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly rate?: number;
}

export function withBegin(command: Command): Command {
  return command
    .option("--rate <RATE>", "no faster than this: 50/s, 10/m", rate)
    .option("--dry-run", "just show the plan")
    .option("--yes", "do it without asking")
    .option("--detach", "do not wait for the end");
}

export function configOption(): Option {
  return new Option("--config <WHICH>", "by today's manifest, or by the one that decided then")
    .choices(["current", "original"])
    .default("original");
}
