import { output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { Verb } from "./verb.ts";

export interface TopOptions extends ServerOptions {
  readonly once?: boolean;
  readonly output: string;
}

export const top: Verb = {
  examples: [
    "tidemill top                         # a live table; q or Ctrl-C ends it",
    "tidemill top --once                  # the rates of one second",
    "tidemill top -o json                 # a JSON line each second",
  ],
  declare(command, { io }) {
    withServer(command)
      .option("--once", "print once, and end")
      .addOption(output())
      .action(async (options: TopOptions) => {
        const { watchTop } = await import("./watch-top.ts");
        await watchTop(await findServer(options), { options, io, terminal: process });
      });
  },
};
