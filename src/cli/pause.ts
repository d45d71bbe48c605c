import { Argument, type Command } from "commander";
import type { PauseAnswer } from "../runtime/change-status.ts";
import { type Io, json } from "./io.ts";
import { durationMs, output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { Verb } from "./verb.ts";

export interface PausableOptions extends ServerOptions {
  readonly namespace?: string;
  readonly output: string;
}

interface PauseOptions extends PausableOptions {
  readonly for?: number;
  readonly reason?: string;
}

export const pause: Verb = {
  examples: [
    "tidemill pause source web/orders                # senders hear 503, queues are not read",
    "tidemill pause sensor orders --reason 'wrong filter'",
    "tidemill pause trigger orders/notify --for 30m  # its firings wait in their queue",
  ],
  declare(command, { io }) {
    pausable(command)
      .option("--for <DURATION>", "resume by itself after this", durationMs)
      .option("--reason <TEXT>", "why, for whoever looks at status")
      .action(async (kind: string, name: string, options: PauseOptions) => {
        const server = await findServer(options);
        const query = { kind, name, namespace: options.namespace, forMs: options.for, reason: options.reason };
        tell(await server.post<{ items: PauseAnswer[] }>("/pause", "{}", query), options, io);
      });
  },
};

/** The arguments that `pause` and `resume` share. */
export function pausable(command: Command): Command {
  return withServer(command)
    .addArgument(new Argument("KIND", "what it is").choices(["source", "sensor", "trigger"]))
    .argument("NAME", "EVENTSOURCE[/EVENT], SENSOR, or [SENSOR/]TRIGGER")
    .option("-n, --namespace <NAME>", "where several namespaces have the name")
    .addOption(output());
}

export function tell(answer: { readonly items: readonly PauseAnswer[] }, options: PausableOptions, io: Io): void {
  if (options.output === "json") {
    io.out(json(answer));
    return;
  }
  for (const { kind, namespace, name, paused, until } of answer.items) {
    const end = until === undefined ? "" : ` until ${until.slice(0, 19)}Z`;
    io.out(`${kind} ${namespace}/${name}  ${paused ? `paused${end}` : "runs"}\n`);
  }
}
