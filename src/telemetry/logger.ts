import { ecsFormat } from "@elastic/ecs-pino-format";
import pino from "pino";
import type { Log } from "../lib/log.ts";
import type { Redactor } from "./redact.ts";

export type LogFormat = "pretty" | "ecs";

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: string;
  readonly version: string;
  readonly redactor: Redactor;
  readonly colour: boolean;
  /** Where lines go: one call per line, newline included. */
  readonly write: (line: string) => void;
}

/** pino behind the `Log` contract: pretty for a person at a terminal, ECS JSON for machines. */
export function createLog(options: LogOptions): Log {
  const { redactor, write } = options;
  if (options.format === "pretty") {
    const stream = { write: (line: string) => write(redactor.clean(prettyLine(line, options.colour))) };
    return pino(
      { level: options.level, base: null, timestamp: pino.stdTimeFunctions.epochTime },
      stream,
    ) as unknown as Log;
  }
  const ecs = ecsFormat({
    serviceName: "tidemill",
    serviceVersion: options.version,
    convertErr: true,
    convertReqRes: false,
  });
  const log = (fields: Record<string, unknown>): Record<string, unknown> =>
    messageField(ecs.formatters?.log?.(fields) ?? fields);
  return pino(
    { ...ecs, formatters: { ...ecs.formatters, log }, level: options.level },
    { write: (line: string) => write(redactor.clean(line)) },
  ) as unknown as Log;
}

/** In ECS `error` is an object: a text there would make an index refuse the line. */
function messageField({ error, ...fields }: Record<string, unknown>): Record<string, unknown> {
  if (error === undefined) return fields;
  return typeof error === "string" ? { ...fields, "error.message": error } : { ...fields, error };
}

const levels: Readonly<Record<number, readonly [name: string, colour: number]>> = {
  10: ["trace", 90],
  20: ["debug", 36],
  30: ["info", 32],
  40: ["warn", 33],
  50: ["error", 31],
  60: ["fatal", 35],
};

/** `12:00:03.412 info  source ready  source=web/orders` */
function prettyLine(line: string, colour: boolean): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as {
    level: number;
    time: number;
    msg?: string;
    err?: { message?: string };
  };
  const [name, code] = levels[level] ?? ["log", 0];
  const paint = (text: string, with_: number): string => (colour ? `\u001b[${with_}m${text}\u001b[0m` : text);
  const clock = new Date(time).toISOString().slice(11, 23);
  const rest = Object.entries(fields).map(
    ([key, value]) =>
      `${paint(`${oneLine(key)}=`, 90)}${oneLine(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  const error = err?.message === undefined ? [] : [`${paint("error=", 90)}${oneLine(err.message)}`];
  return `${[paint(clock, 90), paint(name.padEnd(5), code), oneLine(msg ?? ""), ...rest, ...error].join(" ")}\n`;
}

/** Text of events and targets may have line breaks and control characters of terminals: they are shown as escapes. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    const code = char.charCodeAt(0);
    return code === 10 ? "\\n" : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
