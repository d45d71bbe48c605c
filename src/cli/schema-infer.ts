import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { messageOf, TideError } from "../lib/errors.ts";
import { isRecord } from "../lib/json.ts";
import type { EventAnswer, EventWithData } from "../runtime/event-answer.ts";
import { json } from "./io.ts";
import { moment, type ServerOptions, whole, withServer } from "./options.ts";
import { findServer, type Server } from "./server.ts";
import { exit, type VerbContext } from "./verb.ts";

interface InferOptions extends ServerOptions {
  readonly from?: string;
  readonly at?: string;
  readonly limit: number;
  readonly since?: number;
  readonly namespace: string;
  readonly bounds?: boolean;
  readonly closed?: boolean;
  readonly output: string;
}

/** Samples, and how many events had no data to look at. */
interface Samples {
  readonly values: readonly unknown[];
  readonly without: number;
}

export function inferCommand(command: Command, { io, end }: VerbContext): Command {
  return withServer(command)
    .description("Propose a JSON Schema from events that came")
    .argument("[SOURCE/EVENT]", "the EventSource and the event name of one of its entries")
    .option("--from <FILE>", "from a file instead, a JSON value a line; - is standard input")
    .option("--at <PATH>", "gjson path of the part that is meant; body unless given, where all events have one")
    .option("--limit <N>", "how many events at most, the newest ones", whole, 200)
    .option("--since <TIME>", "received since: 10m, or 2026-01-05T09:00:00Z", moment)
    .option("-n, --namespace <NAME>", "the EventSource's namespace", "default")
    .option("--bounds", "with the smallest and largest numbers and lengths that were seen")
    .option("--closed", "fields that were not seen are not allowed")
    .addOption(new Option("-o, --output <FORMAT>", "how to write it").choices(["yaml", "json"]).default("yaml"))
    .action(async (source: string | undefined, options: InferOptions) => {
      const read = options.from === undefined ? await fromServer(source, options) : await fromFile(options);
      const { at, parts, lacking } = await partsOf(read.values, options.at);
      if (parts.length === 0) throw new TideError("USAGE", "there is nothing to infer a schema from");
      const { inferSchema } = await import("../schemas/infer.ts");
      const { schema, samples, fields, refused } = inferSchema(parts, options);
      if (options.output === "json") io.out(json(schema));
      // as Kubernetes reads it, where a bare `n` is false
      else io.out((await import("yaml")).stringify(schema, { compat: "yaml-1.1" }));
      const of = at === undefined ? "" : ` of ${at}`;
      io.err(`inferred from ${samples} samples${of}: ${fields} fields, all samples match\n`);
      if (at !== undefined) io.err(`in a manifest: schema: { file: FILE, at: ${at} }\n`);
      if (lacking > 0) io.err(`${lacking} of the events have no ${at}: they would not match\n`);
      if (read.without > 0)
        io.err(`${read.without} events were left out: retention took their data, or it is no JSON\n`);
      if (refused.length === 0) return;
      io.err(`${refused.length} samples do not match, which is a fault of tidemill: ${refused[0]}\n`);
      end(exit.bad);
    });
}

async function fromServer(source: string | undefined, options: InferOptions): Promise<Samples> {
  const [eventSource = "", event = "", more] = (source ?? "").split("/");
  if (eventSource === "" || event === "" || more !== undefined)
    throw new TideError("USAGE", "write EVENTSOURCE/EVENT, such as web/hello, or --from FILE");
  const server = await findServer(options);
  const query = { source, receipt: "stored", namespace: options.namespace, from: options.since, limit: options.limit };
  const { items } = await server.get<{ readonly items: readonly EventAnswer[] }>("/events", query);
  const values: unknown[] = [];
  for (let at = 0; at < items.length; at += atOnce) {
    const some = await Promise.all(items.slice(at, at + atOnce).map(({ id }) => eventOf(server, id)));
    for (const one of some) if (one.data !== undefined) values.push(one.data);
  }
  return { values, without: items.length - values.length };
}

const atOnce = 8;

function eventOf(server: Server, id: string): Promise<EventWithData> {
  return server.get<EventWithData>(`/events/${encodeURIComponent(id)}`);
}

async function fromFile({ from = "", limit }: InferOptions): Promise<Samples> {
  const lines = (await textOf(from)).split("\n").filter((line) => line.trim() !== "");
  const values = lines.slice(-limit).map((line, index) => {
    try {
      return dataOf(JSON.parse(line));
    } catch (cause) {
      throw new TideError("USAGE", `line ${index + 1} of ${from} is not JSON: ${messageOf(cause)}`);
    }
  });
  return { values, without: 0 };
}

/** A line may be an event as `tidemill events get -o json` writes it: its data is meant. */
function dataOf(value: unknown): unknown {
  const whole = isRecord(value) && ["id", "source", "subject", "data"].every((name) => Object.hasOwn(value, name));
  return whole && isRecord(value) ? value.data : value;
}

async function textOf(from: string): Promise<string> {
  if (from === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
  try {
    return await readFile(from, "utf8");
  } catch (cause) {
    throw new TideError("USAGE", `reading ${from}: ${messageOf(cause)}`);
  }
}

interface Parts {
  readonly at: string | undefined;
  readonly parts: readonly unknown[];
  readonly lacking: number;
}

/** What of the data is meant: a header with its thousand names would be most of the schema. */
async function partsOf(values: readonly unknown[], asked: string | undefined): Promise<Parts> {
  const all = values.every((value) => isRecord(value) && Object.hasOwn(value, "body"));
  const at = asked === undefined && all && values.length > 0 ? "body" : asked;
  if (at === undefined || at === "") return { at: undefined, parts: values, lacking: 0 };
  const { asString, compilePath, get } = await import("../expressions/gjson.ts");
  const path = compilePath(at);
  const parts = values.flatMap((value) => {
    const found = get(JSON.stringify(value) ?? "null", path);
    if (!found.exists) return [];
    return [JSON.parse(found.raw === "" ? JSON.stringify(asString(found)) : found.raw) as unknown];
  });
  return { at, parts, lacking: values.length - parts.length };
}
