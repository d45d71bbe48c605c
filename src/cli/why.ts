import { sayDuration } from "../lib/duration.ts";
import type { SensorWhy, TriggerWhy, Why } from "../runtime/why.ts";
import { clauseLine, clip, mark } from "./clauses.ts";
import { type Io, json } from "./io.ts";
import { output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { Verb } from "./verb.ts";

export const why: Verb = {
  examples: [
    "tidemill why EVENT                   # the id is in the answer of the webhook: Tidemill-Event-Id",
    "tidemill why EVENT -o json",
  ],
  declare(command, { io }) {
    withServer(command)
      .argument("EVENT", "the event's id")
      .addOption(output())
      .action(async (id: string, options: ServerOptions & { readonly output: string }) => {
        const server = await findServer(options);
        const answer = await server.get<Why>(`/why/${encodeURIComponent(id)}`);
        io.out(options.output === "json" ? json(answer) : tell(answer, io));
      });
  },
};

function tell({ event, receipt, sensors, notes }: Why, io: Io): string {
  const reason = receipt.reason === undefined ? "" : `: ${clip(receipt.reason)}`;
  const again = receipt.duplicates === 0 ? "" : `, came ${receipt.duplicates} times again`;
  const lines = [
    `event ${io.paint("bold", event.id)}  ${event.namespace}/${event.source}/${event.subject}  ${event.receivedAt}`,
    `  ${mark(receipt.receipt === "stored" || receipt.receipt === "duplicate", io)} ${receipt.receipt}${reason}${again}`,
    ...sensors.flatMap((sensor) => sensorLines(sensor, io)),
    ...notes.map((note) => `  note: ${note}`),
  ];
  return `${lines.join("\n")}\n`;
}

function sensorLines({ sensor, dependencies, triggers }: SensorWhy, io: Io): readonly string[] {
  return [
    `  sensor ${io.paint("bold", sensor)}`,
    ...dependencies.flatMap(({ name, passed, clauses }) => [
      `    dependency ${name}  ${mark(passed, io)} ${clauses.length === 0 ? (passed ? "no filters" : "filters were not asked") : passed ? "passes" : "filtered"}`,
      ...clauses.map((clause) => `      ${clauseLine(clause, io)}`),
    ]),
    ...triggers.flatMap((trigger) => triggerLines(trigger, io)),
  ];
}

function triggerLines({ name, decision, reason, firings }: TriggerWhy, io: Io): readonly string[] {
  const because = reason === undefined ? "" : `: ${clip(reason)}`;
  return [
    `    trigger ${io.paint("bold", name)}  ${mark(decision === "fired", io)} ${decision}${because}`,
    ...firings.flatMap(({ id, state, attempts }) => [
      `      firing ${id}  ${mark(state === "done", io)} ${state}, ${attempts.length} ${attempts.length === 1 ? "attempt" : "attempts"}`,
      ...attempts.map(({ startedAt, endedAt, outcome, status, code, error, batch }) => {
        const took = sayDuration((microsOf(endedAt) - microsOf(startedAt)) / 1000);
        const said = clip([batch && `batch of ${batch.size}`, status, code, error].filter(Boolean).join(" "));
        return `        ${mark(outcome === "done", io)} ${startedAt}  ${took}${said === "" ? "" : `  ${said}`}`;
      }),
    ]),
  ];
}

/** Microseconds of a time of an answer; `Date` alone would drop those below the millisecond. */
function microsOf(time: string): number {
  return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));
}
