import { Option } from "commander";
import { type ServerOptions, whole, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import type { Verb } from "./verb.ts";

export interface TapOptions extends ServerOptions {
  readonly filter?: string;
  readonly namespace?: string;
  readonly limit?: number;
  readonly output: "human" | "json";
}

export const tap: Verb = {
  examples: [
    "tidemill tap                         # every event as it comes, and what becomes of it",
    "tidemill tap web/hello",
    `tidemill tap orders --filter 'body.total > 100'`,
    "tidemill tap -o json | jq .event",
  ],
  declare(command, { io }) {
    withServer(command)
      .argument("[NAME]", "of this SOURCE/EVENT, EventSource or sensor")
      .option("--filter <EXPR>", "of events whose data this is true of, written as in an EventSource's filter")
      .option("-n, --namespace <NAME>", "of this namespace")
      .option("--limit <N>", "end after so many lines", whole)
      .addOption(
        new Option("-o, --output <FORMAT>", "lines for people, or JSON lines")
          .choices(["human", "json"])
          .default("human"),
      )
      .action(async (name: string | undefined, options: TapOptions) => {
        const { watchTap } = await import("./watch-tap.ts");
        await watchTap(await findServer(options), { name, options, io });
      });
  },
};
