import { readFile } from "node:fs/promises";
import { messageOf, TideError } from "../lib/errors.ts";
import type { HandedIn } from "../runtime/hand-in.ts";
import { json } from "./io.ts";
import { durationMs, output, type ServerOptions, withServer } from "./options.ts";
import { findServer } from "./server.ts";
import { exit, type Verb } from "./verb.ts";

interface SendOptions extends ServerOptions {
  readonly data: string;
  readonly namespace: string;
  readonly wait?: number | true;
  readonly output: string;
}

const waitMs = 60_000;
/** An HTTP client gives up after 5 minutes without an answer. */
const longestWaitMs = 240_000;

export const send: Verb = {
  examples: [
    `tidemill send web/hello -d '{"body":{"name":"ada"}}'`,
    "tidemill send shop/orders -d @order.json --wait",
    "cat order.json | tidemill send shop/orders -d @-",
  ],
  declare(command, { io, end }) {
    withServer(command)
      .argument("SOURCE/EVENT", "the EventSource and the event name of one of its entries")
      .requiredOption(
        "-d, --data <JSON>",
        "the event's `data` as a sensor sees it; @FILE reads a file, @- standard input",
      )
      .option("-n, --namespace <NAME>", "the EventSource's namespace", "default")
      .option("--wait [DURATION]", "until all its firings have ended; 1m unless given", durationMs)
      .addOption(output())
      .action(async (name: string, options: SendOptions) => {
        const [source = "", event = "", more] = name.split("/");
        if (source === "" || event === "" || more !== undefined) {
          throw new TideError("USAGE", `"${name}": write EVENTSOURCE/EVENT, such as web/hello`);
        }
        const wait = options.wait === true ? waitMs : options.wait;
        if (wait !== undefined && wait > longestWaitMs) throw new TideError("USAGE", "--wait: at most 4m");
        const data = await readData(options.data);
        const server = await findServer(options);
        const query = { source, event, namespace: options.namespace, waitMs: wait };
        const done = await server.post<HandedIn>("/send", data, query);
        if (options.output === "json") io.out(json(done));
        else io.out(`${sayOf(done, wait !== undefined)}\n`);
        const bad = done.receipt.outcome === "refused" || done.settled === "failed";
        if (bad || (wait !== undefined && done.receipt.outcome === "stored" && done.settled === undefined))
          end(exit.bad);
      });
  },
};

function sayOf({ receipt, settled }: HandedIn, waited: boolean): string {
  const reason = receipt.reason === undefined ? "" : `: ${receipt.reason}`;
  const end = waited && receipt.outcome === "stored" ? `  ${sayEnd(settled)}` : "";
  return `${receipt.id}  ${receipt.outcome}${reason}${end}`;
}

function sayEnd(settled: HandedIn["settled"]): string {
  if (settled === undefined) return "its firings have not ended in time";
  return settled === "done" ? "all its firings are done" : "a firing of it is dead";
}

async function readData(given: string): Promise<Uint8Array> {
  if (!given.startsWith("@")) return checked(Buffer.from(given), "-d");
  if (given === "@-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return checked(Buffer.concat(chunks), "standard input");
  }
  try {
    return checked(await readFile(given.slice(1)), given.slice(1));
  } catch (cause) {
    if (cause instanceof TideError) throw cause;
    throw new TideError("USAGE", `reading ${given.slice(1)}: ${messageOf(cause)}`);
  }
}

function checked(data: Buffer, from: string): Uint8Array {
  try {
    JSON.parse(data.toString());
    return data;
  } catch (cause) {
    throw new TideError("USAGE", `the data of ${from} is not JSON: ${messageOf(cause)}`);
  }
}
