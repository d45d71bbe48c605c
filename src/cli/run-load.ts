import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { codes } from "../lib/codes/index.ts";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import type { LoadReport } from "../load/join.ts";
import { load } from "../load/load.ts";
import type { SendResult } from "../load/target.ts";
import type { SendEvent } from "../load/targets/http.ts";
import { compileLoadTemplate, type LoadTemplate } from "../load/template.ts";
import type { HandedIn } from "../runtime/hand-in.ts";
import { loadSdk } from "../runtime/sdk.ts";
import type { CheckSchema } from "../schemas/check.ts";
import { type Io, json } from "./io.ts";
import type { LoadVerbOptions } from "./load.ts";
import { openReader, type Reader } from "./reader.ts";
import { findServer, ServerProblem } from "./server.ts";
import { LoadLine, tellLoad } from "./tell-load.ts";
import { exit, type VerbContext } from "./verb.ts";

/** What of the process a load needs: Ctrl-C ends the sending, a second one the waiting for the record. */
interface Terminal {
  on(signal: "SIGINT" | "SIGTERM", end: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM", end: () => void): unknown;
}

type LoadContext = Pick<VerbContext, "io" | "end"> & { readonly terminal: Terminal };

const unpaced = 10;

export async function runLoad(target: string, options: LoadVerbOptions, cx: LoadContext): Promise<void> {
  const { io, end, terminal } = cx;
  const template = await templateOf(options.template);
  const check = options.schema === undefined ? undefined : await schemaOf(options.schema);
  const reader = options.join ? await readerOf(options, io) : undefined;
  const sending = new AbortController();
  const settling = new AbortController();
  const stop = (): void => (sending.signal.aborted ? settling : sending).abort(new Error("asked to end"));
  terminal.on("SIGINT", stop);
  terminal.on("SIGTERM", stop);
  using line = new LoadLine(io);
  try {
    const report = await load({
      ...paceOf(options),
      ...{ target, template, check, recorded: reader, sdk: loadSdk },
      ...{ count: options.count, durationMs: options.minutes === undefined ? undefined : options.minutes * 60_000 },
      ...{ malformed: options.malformed, malformedKinds: options.kinds, inFlight: options.inFlight },
      ...{ endpoint: options.endpoint, region: options.region, settleMs: options.settle },
      seed: options.seed ?? randomBytes(4).toString("hex"),
      ...{ signal: sending.signal, settleSignal: settling.signal },
      progress: (counts) => line.counts(counts),
      settling: (missing) => line.settling(missing),
      sendEvent: target.startsWith("source:") ? await sendEventOf(options) : undefined,
    });
    line.clear();
    tell(report, options, io);
    if (!report.ok) end(exit.bad);
  } finally {
    terminal.off("SIGINT", stop);
    terminal.off("SIGTERM", stop);
    await reader?.[Symbol.asyncDispose]();
  }
}

function tell(report: LoadReport, options: LoadVerbOptions, io: Io): void {
  io.out(options.output === "json" ? json(report) : tellLoad(report));
}

function paceOf({ rate, bursts }: LoadVerbOptions) {
  return { pace: { perSecond: rate ?? (bursts === undefined ? unpaced : undefined), bursts } };
}

async function templateOf(file: string): Promise<LoadTemplate> {
  const yaml = [".yaml", ".yml"].includes(extname(file).toLowerCase());
  return compileLoadTemplate(await textOf(file), { yaml });
}

async function textOf(file: string): Promise<string> {
  if (file === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new TideError("USAGE", `reading ${file}: ${messageOf(cause)}`);
  }
}

async function schemaOf(path: string): Promise<CheckSchema> {
  const { readSchema } = await import("../manifests/schema-files.ts");
  const { readSchemaText } = await import("../manifests/files.ts");
  const { compileWritten } = await import("../schemas/compile-written.ts");
  const file = resolve(path);
  const read = readSchema(file, { path: ["schema"], folder: dirname(file), readText: readSchemaText });
  const compiled = read.value === undefined ? undefined : compileWritten(read.value, ["schema"]);
  const [first] = [...read.findings, ...(compiled?.findings ?? [])].filter(({ severity }) => severity === "error");
  if (compiled?.schema !== undefined) return compiled.schema.check;
  throw new TideError(
    "USAGE",
    `--schema ${path}: ${first === undefined ? "no schema" : `${codes[first.code].id} ${first.message}`}`,
  );
}

/** undefined, with a word about it, where no tidemill is found: messages may go to somebody else. */
async function readerOf(options: LoadVerbOptions, io: Io): Promise<Reader | undefined> {
  try {
    return await openReader(options);
  } catch (error) {
    if (!isTide(error, "NO_SERVER") || options.admin !== undefined || options.record !== undefined) throw error;
    io.err("no tidemill runs here: the report tells what was sent, not what was recorded\n");
    return undefined;
  }
}

async function sendEventOf(options: LoadVerbOptions): Promise<SendEvent> {
  const server = await findServer(options);
  return async (name, { bytes }): Promise<SendResult> => {
    const [source, event] = name.split("/");
    try {
      const { receipt } = await server.post<HandedIn>("/send", bytes, { source, event, namespace: options.namespace });
      const { id, outcome, reason } = receipt;
      return { outcome: outcome === "refused" ? "refused" : "taken", event: id, reason };
    } catch (error) {
      const refused = error instanceof ServerProblem && error.problem.status < 500;
      return { outcome: refused ? "refused" : "failed", reason: messageOf(error) };
    }
  };
}
