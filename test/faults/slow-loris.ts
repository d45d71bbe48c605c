import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayMb, sayTimes, shippedArgs, type Times, timesOf, watchMemory } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";
import type { LorisCounts, LorisOrders } from "./slow-loris-sender.ts";

const program = fileURLToPath(new URL("./slow-loris-sender.ts", import.meta.url));

/** Until a whole request must be there (src/runtime/listeners.ts), and what a busy machine may be late by. */
const longestMs = 30_000 + 10_000;
/** Connections of the honest senders, and of those of them that are just being made or closed. */
const honestCount = 30;
const wholeCount = 10_000;

export const slowLoris: Scenario = {
  name: "slow-loris",
  title: "10,000 connections that never finish a request",
  promise:
    "10,000 connections from 8 addresses send a byte now and then, or nothing at all, and 400 a second come again when they are closed: honest senders are served, every slow connection is closed in time, and memory is bounded.",
  async unavailable() {
    if (process.platform !== "linux") return "it needs addresses 127.0.0.2 to 127.0.0.9";
    const files = openFilesLimit();
    if (files < wholeCount + 1_000) return `a process may open ${files} files (ulimit -n), and it needs 11,000`;
    return undefined;
  },
  run: slow,
};

function openFilesLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? 0);
}

/** Connections to the port that are established on its own side. */
function openAt(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let count = 0;
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const [, address, , state] = line.trim().split(/\s+/);
    if (state === "01" && address?.endsWith(local) === true) count += 1;
  }
  return count;
}

async function slow(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const port = await freePort();
  const seconds = (count: number, atLeast: number): number => Math.max(atLeast, count * cx.scale) * 1_000;
  await place.write("web.yaml", webhooks(port, ["a"]));
  await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/s` }));
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    nodeArgs: shippedArgs,
    readyTimeoutMs: 60_000,
  });
  const took: number[] = [];
  await using honest = startSenders({ port, path: "/a", senders: 4, pauseMs: 20, tookMs: (ms) => void took.push(ms) });
  using anew = startNewcomers(port);
  using memory = watchMemory(product.pid);
  const phase = (): Phase => ({ kept: timesOf(took.splice(0)), anew: anew.phase(), mostMb: memory.mostMb() });

  await pause(seconds(5, 0.5));
  const quiet = phase();

  const count = scaled(cx, wholeCount, 200);
  const attackMs = seconds(40, 1.5);
  await using attack = startAttack({ port, count, attackMs });
  await until("the slow connections are there", () => attack.counts().opened >= count, { timeoutMs: 60_000 });
  cx.progress(`${count} slow connections`);
  await pause(Math.max(0, attackMs - attack.sinceMs()), undefined, { signal: cx.signal });
  const under = phase();
  const held = openAt(port);
  if (cx.scale === 1) {
    cx.progress("waiting until the slow connections are closed");
    const closed = (): boolean => openAt(port) <= honestCount;
    await until("every slow connection is closed", closed, { timeoutMs: longestMs, everyMs: 250 });
  } else {
    // they are as slow as ever: the test of the listeners waits for that with shorter times
    await attack.stop();
  }
  const counts = attack.counts();
  phase();
  await pause(seconds(10, 0.5));
  const after = phase();
  await honest.stop();
  const audit = await drained(product, { timeoutMs: 60_000 });
  const faults = [
    ...(counts.otherwise > 0 ? [`${counts.otherwise} slow connections were answered with something else`] : []),
    ...(counts.opened < count ? [`only ${counts.opened} slow connections came to be`] : []),
    ...(anew.failures.length > 0 ? [`new connections of honest senders failed: ${anew.failures.slice(0, 3)}`] : []),
    ...(honest.unanswered() > 0 ? [`${honest.unanswered()} requests of honest senders were not answered`] : []),
    ...(under.kept.p99Ms > 5_000 ? [`honest senders waited: ${sayTimes(under.kept)}`] : []),
    ...(under.mostMb - quiet.mostMb > 160 ? [`memory grew from ${quiet.mostMb} to ${under.mostMb} MB`] : []),
  ];
  if (faults.length > 0) throw new Error(faults.join("\n"));
  if ((await product.stop()) !== 0) throw new Error("it did not end well");
  return judge({
    claims: [{ path: "/s", sent: honest }],
    target,
    audit,
    figures: [
      [
        "slow connections",
        `${say(counts.opened)} opened, ${say(counts.mostOpen)} wanted and ${say(held)} held at once`,
      ],
      ["closed", `${say(counts.timedOut)} with 408, ${say(counts.closed)} without a word`],
      ...figuresOf("before", quiet),
      ...figuresOf("under attack", under),
      ...figuresOf("afterwards", after),
    ],
  });
}

interface Phase {
  /** Of senders that keep their connections. */
  readonly kept: Times;
  /** Of those that open one for each request. */
  readonly anew: Times;
  readonly mostMb: number;
}

function figuresOf(when: string, { kept, anew, mostMb }: Phase): (readonly [string, string])[] {
  return [
    [`honest senders, ${when}`, sayTimes(kept)],
    [`honest senders with a new connection each, ${when}`, sayTimes(anew)],
    [`RssAnon at most, ${when}`, sayMb(mostMb)],
  ];
}

function say(count: number): string {
  return count.toLocaleString("en-US");
}

interface Attack extends AsyncDisposable {
  /** As the senders see it: a connection that the kernel turned away looks open to one that waits for nothing. */
  counts(): LorisCounts;
  /** How long it has been going on. */
  sinceMs(): number;
  stop(): Promise<void>;
}

/** Two processes, so that neither their processor nor their files are what is measured. */
function startAttack({ port, count, attackMs }: { port: number; count: number; attackMs: number }): Attack {
  const startedMs = performance.now();
  const parts = [0, 1].map((part) => {
    const orders: LorisOrders = {
      port,
      path: "/a",
      count: Math.ceil(count / 2),
      from: [2, 3, 4, 5].map((last) => `127.0.0.${last + part * 4}`),
      perSecond: 1_000,
      againPerSecond: 200,
      byteEveryMs: 5_000,
      againForMs: attackMs,
    };
    const child = spawn(process.execPath, ["--no-warnings", program, JSON.stringify(orders)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    return { child, counts: countsOf(child) };
  });
  const sum = (of: (counts: LorisCounts) => number): number => parts.reduce((all, { counts }) => all + of(counts()), 0);
  let stopped: LorisCounts | undefined;
  const counts = (): LorisCounts => ({
    open: sum(({ open }) => open),
    mostOpen: sum(({ mostOpen }) => mostOpen),
    opened: sum(({ opened }) => opened),
    timedOut: sum(({ timedOut }) => timedOut),
    closed: sum(({ closed }) => closed),
    refused: sum(({ refused }) => refused),
    otherwise: sum(({ otherwise }) => otherwise),
    bytesSent: sum(({ bytesSent }) => bytesSent),
  });
  const stop = async (): Promise<void> => {
    stopped ??= counts();
    await Promise.all(parts.map(({ child }) => end(child)));
  };
  return {
    counts: () => stopped ?? counts(),
    sinceMs: () => performance.now() - startedMs,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

function countsOf(child: ChildProcess): () => LorisCounts {
  let counts: LorisCounts = {
    ...{ open: 0, mostOpen: 0, opened: 0, timedOut: 0, closed: 0 },
    ...{ refused: 0, otherwise: 0, bytesSent: 0 },
  };
  let rest = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    const last = lines.at(-1);
    if (last !== undefined) counts = JSON.parse(last) as LorisCounts;
  });
  return () => counts;
}

interface Newcomers extends Disposable {
  phase(): Times;
  readonly failures: readonly string[];
}

/** Honest senders that open a connection for each request: they are among the slow ones until their request is whole. */
function startNewcomers(port: number): Newcomers {
  const failures: string[] = [];
  let took: number[] = [];
  const one = (): void => {
    const startedMs = performance.now();
    const call = request({ port, host: "127.0.0.1", path: "/health", agent: false }, (answer) => {
      answer.resume();
      answer.once("end", () => {
        if (answer.statusCode === 200) took.push(performance.now() - startedMs);
        else failures.push(`answered with ${answer.statusCode}`);
      });
    });
    call.on("error", (error) => failures.push(error.message));
    call.end();
  };
  const timer = setInterval(one, 25);
  return {
    failures,
    phase() {
      const times = timesOf(took);
      took = [];
      return times;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
