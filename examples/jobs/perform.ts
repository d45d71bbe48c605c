import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { UsageError } from "../lib/options.ts";
import { type Aws, localKeys, openAws, region } from "./aws.ts";
import { judge } from "./check.ts";
import { type Inbox, openInbox } from "./inbox.ts";
import { reportText } from "./report.ts";
import { openResults, type Results } from "./results.ts";
import { sample } from "./sample.ts";
import { createScreen, type Screen } from "./screen.ts";
import { type Sent, sendAll } from "./send.ts";
import { startTidemill, type Tidemill, verb } from "./tidemill.ts";

export interface Settings {
  readonly count: number;
  readonly minutes: number | undefined;
  /** Of all messages, from 0 to 1. */
  readonly malformed: number;
  readonly maxGapMs: number;
  readonly deadLetters: "queue" | "trigger";
  readonly random: () => number;
  readonly crash: boolean;
  readonly observe: boolean;
  /** `local`, or the URL of a stand-in. */
  readonly endpoint: string;
  readonly port: number;
  readonly dataDir: string;
  readonly patienceMs: number;
}

const manifests = fileURLToPath(new URL("./manifests", import.meta.url));

/** Starts everything, sends, waits until each message is somewhere, ends everything, and reports. True when the sum is right. */
export async function performRun(settings: Settings, signal: AbortSignal): Promise<boolean> {
  const { dataDir } = settings;
  await demandFree(settings.port);
  await mkdir(dataDir, { recursive: true });
  using screen = createScreen(process.stdout, process.stderr);
  await using aws = await openAws(settings.endpoint);
  await using inbox = await openInbox();
  using results = openResults(path.join(dataDir, "results.sqlite"));
  const env = environment(settings, { aws, results });
  const sent: Sent[] = [];
  {
    await using tidemill = await startTidemill({
      manifests: await manifestsOf(settings),
      dataDir,
      args: settings.observe ? observing : ["--metrics", "none"],
      env,
      said: complaints(screen),
    });
    screen.say(`event bus     http://127.0.0.1:${settings.port}, bus "jobs", source "jobs"`);
    screen.say(`SQS and SNS   ${aws.endpoint}, dead letters by the ${settings.deadLetters}`);
    screen.say(`tidemill      ${dataDir}`);
    await Promise.all([
      generate(settings, { aws, naming: inbox !== undefined, signal, screen, sent }),
      settings.crash ? crash(tidemill, { settings, sent, screen }) : undefined,
    ]);
    await settled(settings, { aws, inbox, results, sent, screen });
  }
  const ending = {
    sent,
    rows: results.rows(),
    letters: await aws.drain("jobs-dead"),
    notified: await aws.drain("jobs-notified"),
    inbox: inbox?.letters ?? [],
    crashed: settings.crash,
  };
  const { counts, faults } = judge(ending);
  screen.end();
  const ask = (...args: readonly string[]): Promise<string> => verb([...args, "--data-dir", dataDir], env);
  screen.say(`\n${reportText(counts)}`);
  screen.say(await ask("delays", "--by", "trigger"));
  const story = sent.find(({ draft, refused }) => draft.fate === "executed" && draft.channel === "bus" && !refused);
  if (story !== undefined) screen.say(await ask("trace", story.traceId));
  for (const fault of faults) screen.warn(fault);
  screen.say(
    faults.length === 0
      ? `The sum is right: ${counts.generated} = ${counts.refused} refused at the door + ${counts.executed} executed + ${counts.deadLetters} in the dead-letter queue.`
      : `The sum is wrong: ${faults.length} faults.`,
  );
  return faults.length === 0;
}

/** Told at once, and not by a source that waits for the port. */
async function demandFree(port: number): Promise<void> {
  const probe = createServer();
  const free = await new Promise<boolean>((told) => {
    probe.once("error", () => told(false));
    probe.listen(port, "127.0.0.1", () => told(true));
  });
  if (!free) throw new UsageError(`port ${port} is taken: name another one for the event bus with --port`);
  await new Promise((closed) => probe.close(closed));
}

/** What tidemill complains of, shorter; a job that fails again is told of once. */
function complaints(screen: Screen): (line: string) => void {
  const told = new Set<string>();
  return (line) => {
    const [, trigger, event, code, error] =
      / triggerName=(\S+) .*event\.id=(\w+) .*code=(\w+) error=(.*?) attempts=\d+$/.exec(line) ?? [];
    if (event === undefined) return screen.warn(line);
    if (!told.has(event)) screen.say(`failed        ${trigger}: ${code} ${error}`);
    told.add(event);
  };
}

const observing = [...["--metrics", "0.0.0.0:7777"], ...["--log-store", "http://127.0.0.1:9200"]];

/** What tidemill needs to know of this machine; on AWS these are the role, the region and the topic of the account. */
function environment(
  { observe }: Settings,
  { aws, results }: { readonly aws: Aws; readonly results: Results },
): Readonly<Record<string, string | undefined>> {
  const otlp = "http://127.0.0.1:4318";
  return {
    ...process.env,
    ...(observe ? { OTEL_EXPORTER_OTLP_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? otlp } : {}),
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: localKeys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localKeys.secretAccessKey,
    JOBS_TOPIC_ARN: aws.topicArn,
    TIDEMILL_SECRET_JOBS_RESULTS__URL: results.url,
  };
}

/** The manifests as they are; only the event bus of this machine may have to be at another port. */
async function manifestsOf({ deadLetters, port, dataDir }: Settings): Promise<readonly string[]> {
  const local = path.join(manifests, "local.yaml");
  const rest = [path.join(manifests, "shared.yaml"), path.join(manifests, `dead-letters-by-${deadLetters}`)];
  if (port === 4_010) return [local, ...rest];
  const documents = parseAllDocuments(await readFile(local, "utf8"));
  documents[0]?.setIn(["spec", "eventBridge", "job", "port"], String(port));
  const copy = path.join(dataDir, "local.yaml");
  await writeFile(copy, documents.map(String).join(""));
  return [copy, ...rest];
}

interface Generating {
  readonly aws: Aws;
  /** Somebody listens at the address that jobs may name. */
  readonly naming: boolean;
  readonly signal: AbortSignal;
  readonly screen: Screen;
  readonly sent: Sent[];
}

async function generate(settings: Settings, { aws, naming, signal, screen, sent }: Generating): Promise<void> {
  const { minutes, count, malformed, maxGapMs, random, port } = settings;
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  signal.addEventListener("abort", stop, { once: true });
  const timer = minutes === undefined ? undefined : setTimeout(stop, minutes * 60_000);
  await sendAll({
    drafts: sample({ count, malformed, maxGapMs, nowMs: Date.now, naming, random }),
    aws,
    busUrl: `http://127.0.0.1:${port}`,
    signal: ended.signal,
    sent(one) {
      sent.push(one);
      screen.sent(one);
    },
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
}

/** When a third of the messages are out: the pipeline is full then. */
async function crash(
  tidemill: Tidemill,
  of: { readonly settings: Settings; readonly sent: readonly Sent[]; readonly screen: Screen },
): Promise<void> {
  const { count } = of.settings;
  const enough = Number.isFinite(count) ? count / 3 : 20;
  while (of.sent.length < enough) await pause(20);
  of.screen.say("tidemill is killed");
  await tidemill.crash();
  of.screen.say("tidemill runs again");
}

/** Until every message is in the table, in the dead-letter queue, or was refused; or nothing moves any more. */
async function settled(
  { patienceMs }: Settings,
  of: {
    readonly aws: Aws;
    readonly inbox: Inbox | undefined;
    readonly results: Results;
    readonly sent: readonly Sent[];
    readonly screen: Screen;
  },
): Promise<void> {
  const expected = of.sent.filter(({ refused }) => refused === undefined).length;
  const told = of.sent.filter(({ draft }) => draft.fate === "failed" || draft.fate === "malformed").length;
  let before = "";
  let movedMs = performance.now();
  for (;;) {
    const executed = of.results.count();
    const [dead, byTopic, first, second] = await Promise.all([
      of.aws.depth("jobs-dead"),
      of.aws.depth("jobs-notified"),
      of.aws.depth("ingester"),
      of.aws.depth("jobs-todo"),
    ]);
    const notified = byTopic + (of.inbox?.letters.length ?? 0);
    of.screen.progress({ executed, dead, of: expected });
    if (executed + dead >= expected && notified >= told && first + second === 0) return;
    const now = JSON.stringify([executed, dead, notified, first, second]);
    if (now !== before) movedMs = performance.now();
    before = now;
    if (performance.now() - movedMs > patienceMs) {
      of.screen.warn(
        `nothing has moved for ${patienceMs / 1_000} s: ${executed} executed, ${dead} dead of ${expected}`,
      );
      return;
    }
    await pause(100);
  }
}
