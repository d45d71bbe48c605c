import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { within } from "../../src/lib/abort.ts";
import { codes } from "../../src/lib/codes/index.ts";
import { delaysText } from "../../src/record/delays-text.ts";
import { openRecord } from "../../src/record/open.ts";
import { type StandardRun, standardRun } from "../../src/runtime/standard-run.ts";
import { createLog } from "../../src/telemetry/logger.ts";
import { createRedactor } from "../../src/telemetry/redact.ts";
import { type Aws, openAws } from "./aws.ts";
import { auditText, faultsOf, type Sent } from "./check.ts";
import { delaysOf, delayTable } from "./delays.ts";
import { manifestsFor, secretsFor } from "./flow.ts";
import { Journeys } from "./journey.ts";
import { isWanted } from "./message.ts";
import { type Recorder, startRecorder } from "./recorder.ts";
import { delayHtml } from "./report-html.ts";
import { sample } from "./sample.ts";
import { createScreen, type Screen } from "./screen.ts";
import { sendAll } from "./send.ts";
import { type MessageTable, openTable } from "./table.ts";

export interface Settings {
  /** The first half of the ids of this run. */
  readonly run: string;
  readonly count: number;
  readonly maxGapMs: number;
  readonly random: () => number;
  /** `local`, `aws`, or the URL of a stand-in. */
  readonly endpoint: string;
  /** AWS's usual variables, and `DATABASE_URL`: `sqlite:PATH` or `mysql://…`, a file in the data folder unless given. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly port: number | undefined;
  readonly publicUrl: string | undefined;
  readonly signed: boolean;
  readonly serviceOutageMs: number | undefined;
  /** The record's address; a file in the data folder unless given. */
  readonly recordUrl: string | undefined;
  readonly dataDir: string;
  readonly patienceMs: number;
}

interface Stage {
  readonly settings: Settings;
  readonly signal: AbortSignal;
  readonly screen: Screen;
  readonly journeys: Journeys;
  readonly aws: Aws;
  readonly table: MessageTable;
  readonly recorder: Recorder;
  readonly tidemill: StandardRun;
}

/** Starts everything, sends the messages, waits for them, and ends everything. True when nothing is missing or too much. */
export async function performRun(settings: Settings, signal: AbortSignal): Promise<boolean> {
  const { dataDir, count, run, endpoint, env, recordUrl } = settings;
  await mkdir(dataDir, { recursive: true });
  using screen = createScreen({ out: process.stdout, err: process.stderr, total: 2 * count });
  const databaseUrl = env.DATABASE_URL ?? `sqlite:${path.join(dataDir, "messages.sqlite")}`;
  await using table = await openTable(databaseUrl);
  const sent: Sent[] = [];
  {
    await using aws = await openAws({ endpoint, env, undelivered: screen.warn });
    await using recorder = await startRecorder(databaseUrl);
    const journeys = new Journeys(screen);
    await using tidemill = await startTidemill(settings, { aws, recorder, journeys, screen, databaseUrl });
    screen.say(`SNS and SQS   ${aws.endpoint ?? `AWS in ${aws.region}`}`);
    screen.say(`recorder      ${recorder.url}/messages, table in ${withoutPassword(databaseUrl)}`);
    screen.say(`tidemill      ${dataDir}${recordUrl === undefined ? "" : `, record in ${withoutPassword(recordUrl)}`}`);
    const stage = { settings, signal, screen, journeys, aws, table, recorder, tidemill };
    await sourcesReady(stage);
    await sendAndWait(stage, sent);
  }
  return await conclude(settings, { screen, sent, rows: await table.rows(run) });
}

async function startTidemill(
  settings: Settings,
  parts: Pick<Stage, "aws" | "recorder" | "journeys" | "screen"> & { readonly databaseUrl: string },
): Promise<StandardRun> {
  const { aws, recorder, journeys, screen, databaseUrl } = parts;
  const webhookPort = settings.port ?? (await freePort());
  const publicUrl = settings.publicUrl ?? `http://127.0.0.1:${webhookPort}`;
  const manifests = await manifestsFor({
    aws,
    webhookPort,
    publicUrl,
    recorderUrl: recorder.url,
    signed: settings.signed,
  });
  const redactor = createRedactor();
  const { PATH = "" } = settings.env;
  return standardRun({
    manifests,
    dataDir: settings.dataDir,
    recordUrl: settings.recordUrl,
    jobs: "process",
    env: {
      ...settings.env,
      ...secretsFor({ aws }, databaseUrl),
      // the Jobs run `node`: this one, whatever else the machine has
      PATH: `${path.dirname(process.execPath)}${path.delimiter}${PATH}`,
    },
    redactor,
    log: createLog({
      format: "pretty",
      level: "warn",
      version: "",
      redactor,
      colour: process.stderr.isTTY === true,
      write: (line) => screen.warn(line.trimEnd()),
    }),
    witness: journeys.witness,
    drainTimeoutMs: 5_000,
  });
}

/** Until SNS has confirmed its subscription and the queue is read: what is sent before may find nobody. */
async function sourcesReady({ tidemill, signal, settings }: Stage): Promise<void> {
  const endMs = performance.now() + Math.min(30_000, settings.patienceMs);
  for (;;) {
    const late = tidemill.sources
      .map(({ plan, status }) => ({ name: `${plan.eventSource}/${plan.event}`, now: status() }))
      .filter(({ now }) => now.state !== "ready");
    if (late.length === 0) return;
    // what only a person can mend is told at once; all else may come right by itself
    const taken = late.filter(({ now }) => now.state === "failing" && now.code === codes.PORT_UNAVAILABLE.id);
    if (taken.length > 0 || performance.now() > endMs) {
      // a source that merely has not started yet is not what is to be mended
      const said = (taken.length > 0 ? taken : late).map(
        ({ name, now }) => `${name}: ${"reason" in now ? now.reason : now.state}`,
      );
      throw new Error(`not ready: ${said.join("; ")}`);
    }
    await pause(20, undefined, { signal });
  }
}

async function sendAndWait(stage: Stage, sent: Sent[]): Promise<void> {
  const { settings, screen, aws, tidemill } = stage;
  const { count, maxGapMs, run, random } = settings;
  const drafts = sample({ count, maxGapMs, run, random });
  let outage: Promise<void> | undefined;
  // what goes wrong on one side ends the other
  using both = within(stage.signal);
  const { signal } = both;
  const sending = sendAll({
    drafts,
    to: aws,
    signal,
    sent: (channel, message) => {
      sent.push({ channel, message });
      if (settings.serviceOutageMs === undefined || outage !== undefined || sent.length < count) return;
      screen.say(`the recorder service is killed, and comes back in ${settings.serviceOutageMs} ms`);
      outage = stage.recorder.crash(settings.serviceOutageMs, signal);
      outage.catch((error: unknown) => both.abort(error));
    },
    deleteJobs: async () => {
      const removed = await tidemill.jobs?.remove({ namespace: "orders-jobs", states: ["complete"] });
      screen.say(`${removed?.length ?? 0} completed Jobs deleted`);
    },
  });
  try {
    await Promise.all([sending, arrivals({ ...stage, signal }, sending, sent)]);
  } finally {
    both.abort(new Error("the run is over"));
    await outage;
  }
}

/** Reads what comes into the table, until everything that was sent has come to its end, or nothing happens for long. */
async function arrivals(stage: Stage, sending: Promise<void>, sent: readonly Sent[]): Promise<void> {
  const { settings, signal, screen, journeys, table } = stage;
  let sendingEnded = false;
  const ended = (): void => {
    sendingEnded = true;
  };
  sending.then(ended, ended);
  let sinceUs = 0;
  let seen = -1;
  let quietSinceMs = performance.now();
  for (;;) {
    for (const row of await table.rows(settings.run, sinceUs)) {
      journeys.inserted(row);
      // a writer that was slower to commit than another has an earlier time
      sinceUs = Math.max(sinceUs, row.insertedUs - 5_000_000);
    }
    const { over, finished } = journeys;
    screen.progress(over);
    const wanted = sent.filter(({ message }) => isWanted(message)).length;
    if (sendingEnded && over >= sent.length && finished >= wanted) return;
    if (over !== seen || !sendingEnded) quietSinceMs = performance.now();
    seen = over;
    if (performance.now() - quietSinceMs > settings.patienceMs) {
      return screen.warn(`nothing happened for ${settings.patienceMs / 1000} s: giving up`);
    }
    await pause(50, undefined, { signal });
  }
}

async function conclude(
  { dataDir, recordUrl, endpoint, run }: Settings,
  {
    screen,
    sent,
    rows,
  }: {
    readonly screen: Screen;
    readonly sent: readonly Sent[];
    readonly rows: Awaited<ReturnType<MessageTable["rows"]>>;
  },
): Promise<boolean> {
  screen.endProgress();
  await using record = await openRecord(recordUrl ?? `sqlite:${path.join(dataDir, "record.sqlite")}`, {
    readOnly: true,
  });
  // a record of its own starts with this run; one on a server may remember earlier ones
  const since = recordUrl === undefined ? {} : { fromUs: startedUs(run) };
  const audit = await record.audit(since);
  const faults = faultsOf({ sent, rows, audit, alone: endpoint === "local" });
  const wanted = sent.filter(({ message }) => isWanted(message)).length;
  const page = path.join(dataDir, "delays.html");
  await writeFile(page, delayHtml(rows));
  const hops = await record.delays({ by: "source", ...since });
  screen.say(`\nDelays inside tidemill, hop by hop\n${delaysText({ ...hops, slowest: [] })}`);
  screen.say(`Delays in all, from sending to insertion\n${delayTable(delaysOf(rows))}`);
  screen.say(`Audit\n${auditText(audit)}`);
  screen.say(`the same with a chart: ${page}`);
  if (faults.length === 0) {
    screen.say(
      `${sent.length} sent, ${sent.length - wanted} filtered, ${wanted} recorded exactly once; the audit adds up.`,
    );
    return true;
  }
  for (const fault of faults.slice(0, 50)) screen.warn(fault);
  if (faults.length > 50) screen.warn(`and ${faults.length - 50} more`);
  screen.warn(`${sent.length} sent, ${wanted} should have been recorded, ${rows.length} were: something is wrong.`);
  return false;
}

/** The name of a run is the moment it began. */
function startedUs(run: string): number {
  return Number.parseInt(run, 36) * 1_000;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}
