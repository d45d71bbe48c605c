import type { DependencyAnswer, SensorAnswer, SourceAnswer, TriggerAnswer } from "../rehearsal/evaluate.ts";
import { clauseLine, clip, mark } from "./clauses.ts";
import type { Io } from "./io.ts";
import { printable } from "./io.ts";

/** The answer for people: every clause with its verdict, and the request as its target would see it. */
export function tellSensor({ sensor, dependencies, triggers }: SensorAnswer, io: Io): string {
  const lines = [
    `sensor ${io.paint("bold", sensor)}`,
    ...dependencies.flatMap((one) => dependencyLines(one, io)),
    ...triggers.flatMap((one) => triggerLines(one, io)),
  ];
  return `${lines.join("\n")}\n`;
}

export function tellSource({ source, event, passed, reason }: SourceAnswer, io: Io): string {
  return `source ${io.paint("bold", `${source}/${event}`)}  ${mark(passed, io)} ${passed ? "passes" : "filtered"}: ${clip(reason)}\n`;
}

function dependencyLines({ name, matched, passed, clauses, data }: DependencyAnswer, io: Io): readonly string[] {
  const verdict = !matched
    ? "no event of it was given"
    : !passed
      ? "filtered"
      : clauses.length === 0
        ? "no filters"
        : "passes";
  const shown = matched ? [`    ${io.paint("dim", "data")} ${clip(JSON.stringify(data) ?? "")}`] : [];
  return [
    `  dependency ${io.paint("bold", name)}  ${matched ? mark(passed, io) : io.paint("dim", "-")} ${verdict}`,
    ...clauses.map((clause) => `    ${clauseLine(clause, io)}`),
    ...shown,
  ];
}

function triggerLines({ name, fires, reason, rendered }: TriggerAnswer, io: Io): readonly string[] {
  return [
    `  trigger ${io.paint("bold", name)}  ${mark(fires, io)} ${fires ? "fires" : "does not fire"}: ${clip(reason)}`,
    ...(rendered === undefined ? [] : renderedLines(rendered, io).map((line) => `    ${line}`.trimEnd())),
  ];
}

/** A request as it goes over the wire; anything else as JSON. */
function renderedLines(rendered: NonNullable<TriggerAnswer["rendered"]>, io: Io): readonly string[] {
  const { method, url, headers, body } = rendered;
  if (typeof method !== "string" || typeof url !== "string" || typeof body !== "string")
    return JSON.stringify(rendered, undefined, 2).split("\n");
  const fields = Object.entries(headers ?? {}).map(([key, value]) => `${printable(key)}: ${printable(String(value))}`);
  return [
    `${io.paint("cyan", method)} ${printable(url)}`,
    ...fields,
    ...(body === "" ? [] : ["", ...body.split(/\r?\n/).map(printable)]),
  ];
}
