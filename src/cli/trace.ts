import { json } from "./io.ts";
import { output, type RecordOptions, whole, withRecord } from "./options.ts";
import { openReader } from "./reader.ts";
import { tellTrace, widthOf } from "./tell-trace.ts";
import type { Verb } from "./verb.ts";

export const trace: Verb = {
  examples: [
    "tidemill trace EVENT                 # all hops of its trace, and where the time went",
    "tidemill trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "tidemill trace EVENT -o json",
  ],
  declare(command, { io }) {
    withRecord(command)
      .argument("EVENT", "the id of an event, or of a trace")
      .option("--limit <N>", "how many events at most", whole, 1_000)
      .addOption(output())
      .action(async (id: string, options: RecordOptions & { readonly output: string; readonly limit: number }) => {
        await using reader = await openReader(options);
        const answer = await reader.trace(id, options.limit);
        if (options.output === "json") return io.out(json(answer));
        io.out(tellTrace(answer, { io, width: widthOf(io) }));
        if (!reader.live && answer.spans.some(({ running }) => running === true))
          io.err("no tidemill runs here: what has no end yet was cut short, and goes on at the next start\n");
      });
  },
};
