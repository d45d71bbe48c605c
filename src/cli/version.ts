import { json } from "./io.ts";
import { output } from "./options.ts";
import type { Verb } from "./verb.ts";

export const version: Verb = {
  examples: ["tidemill version", "tidemill version -o json"],
  declare(command, { io, version: own }) {
    command.addOption(output()).action((options: { readonly output: string }) => {
      const platform = `${process.platform}-${process.arch}`;
      if (options.output === "json") io.out(json({ version: own, node: process.versions.node, platform }));
      else io.out(`tidemill ${own} (Node ${process.versions.node}, ${platform})\n`);
    });
  },
};
