import type { TapLine } from "../runtime/taps.ts";
import type { Io } from "./io.ts";
import type { Server } from "./server.ts";
import type { TapOptions } from "./tap.ts";
import { tellTap } from "./tell-tap.ts";

/** A reader that was too slow is told how many lines it missed. */
export type TapSaid = TapLine | { readonly k: "missed"; readonly lines: number };

/** Lines until a signal, the limit, or the end of the server. */
export async function watchTap(
  server: Server,
  { name, options, io }: { readonly name: string | undefined; readonly options: TapOptions; readonly io: Io },
): Promise<void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once("SIGINT", end).once("SIGTERM", end);
  const query = { of: name, filter: options.filter, namespace: options.namespace };
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  try {
    for await (const line of server.lines("/tap", query, ended.signal)) {
      const said = JSON.parse(line) as TapSaid;
      if (options.output === "json") io.out(`${line}\n`);
      else if (said.k === "missed") io.err(`${said.lines} lines are left out: they came faster than they were read\n`);
      else io.out(tellTap(said, io));
      if (said.k !== "missed" && --left <= 0) return;
    }
    if (!ended.signal.aborted) io.err("tidemill ended\n");
  } finally {
    ended.abort();
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}
