import type { Job } from "./functions/job.ts";

/** A message that a producer sends, and what must become of it. */
export interface Draft {
  /** 0 for the first: by it a message is found again, whatever is in it. */
  readonly n: number;
  /** Onto the event bus, or directly into the second queue. */
  readonly channel: "bus" | "todo";
  /** What is sent: the event's detail, or the message's body. */
  readonly text: string;
  readonly fate: Fate;
  /** How it is malformed, if it is. */
  readonly malformed?: string;
  /** Whom the job itself asks to be told, and whether the manifest allows it. */
  readonly notify?: "allowed" | "forbidden";
  /** The job's id, where it has one. */
  readonly job?: string;
  readonly gapMs: number;
}

/**
 * `executed`: there is a row of it. `failed`: it is well formed and cannot be done. `malformed`: a stage finds that it is no
 * job; both end in the dead-letter queue. `refused`: the event bus itself does not take it, and tells the producer.
 */
export type Fate = "executed" | "failed" | "malformed" | "refused";

type Fields = Record<string, unknown>;

/** Twenty ways to be no job; each makes of a job something that is none. */
const malformations: Readonly<Record<string, (job: Fields) => string>> = {
  "cut short": (job) => JSON.stringify(job).slice(0, -7),
  "no JSON": () => "job: digest",
  empty: () => "",
  "a list": (job) => JSON.stringify([job]),
  "a text": (job) => JSON.stringify(JSON.stringify(job)),
  null: () => "null",
  "a number": () => "42",
  "an empty object": () => "{}",
  "no id": ({ id: _, ...job }) => JSON.stringify(job),
  "no kind": ({ kind: _, ...job }) => JSON.stringify(job),
  "no input": ({ input: _, ...job }) => JSON.stringify(job),
  "another kind": (job) => JSON.stringify({ ...job, kind: "levitate" }),
  "an id that is none": (job) => JSON.stringify({ ...job, id: "17" }),
  "a time that is none": (job) => JSON.stringify({ ...job, submittedAt: "yesterday" }),
  "a priority too high": (job) => JSON.stringify({ ...job, priority: 10 }),
  "a priority in words": (job) => JSON.stringify({ ...job, priority: "high" }),
  "a field too many": (job) => JSON.stringify({ ...job, force: true }),
  "the input of another kind": (job) => JSON.stringify({ ...job, kind: "digest", input: { below: 10 } }),
  "an input too long": (job) => JSON.stringify({ ...job, kind: "digest", input: { text: "x".repeat(10_001) } }),
  "a text where numbers belong": (job) =>
    JSON.stringify({ ...job, kind: "divide", input: { dividend: "six", divisor: 2 } }),
};

export const malformedKinds = Object.keys(malformations);

/** EventBridge takes a detail only if it is a JSON object. */
const refusedByBus: ReadonlySet<string> = new Set([
  ...["cut short", "no JSON", "empty", "a list", "a text", "null", "a number"],
]);
/** SQS takes any text but none. */
const refusedByQueue: ReadonlySet<string> = new Set(["empty"]);

export interface SampleOptions {
  /** Infinity where the time decides. */
  readonly count: number;
  /** Of all messages, from 0 to 1. */
  readonly malformed: number;
  /** Messages come in bursts, with a random pause of up to this after each. */
  readonly maxGapMs: number;
  readonly nowMs: () => number;
  /** Some jobs that the first stage refuses name who is to be told: an address that is listened to, or one that may not be. */
  readonly naming: boolean;
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
}

/**
 * The messages of one run. Every kind of damage comes before one comes again; of those that are well formed about one in
 * ten cannot be done; about one in four goes directly into the second queue.
 */
export function* sample(options: SampleOptions): Generator<Draft> {
  const { count, malformed, maxGapMs, nowMs, random } = options;
  let damaged = Math.floor(random() * malformedKinds.length);
  let burst = 0;
  for (let n = 0; n < count; n++) {
    const channel = random() < 0.25 ? "todo" : "bus";
    burst = burst === 0 ? Math.floor(random() * 8) : burst - 1;
    const at = { n, channel, gapMs: burst === 0 ? Math.round(random() * maxGapMs) : 0 } as const;
    if (random() < malformed) {
      const kind = malformedKinds[damaged++ % malformedKinds.length] as string;
      const text = malformations[kind]?.({ ...validJob(random, nowMs()) }) ?? "";
      const refused = (channel === "bus" ? refusedByBus : refusedByQueue).has(kind);
      yield { ...at, text, malformed: kind, fate: refused ? "refused" : "malformed" };
    } else {
      const fails = n > 0 && random() < 0.1;
      const job = fails ? failingJob(random, { nowMs: nowMs(), channel }) : validJob(random, nowMs());
      const named = options.naming && job.submittedAt > new Date(nowMs()).toISOString() ? naming(random) : undefined;
      const text = JSON.stringify(named === undefined ? job : { ...job, notify: addresses[named] });
      const fate = fails ? "failed" : "executed";
      yield { ...at, text, fate, job: job.id, ...(named === undefined ? {} : { notify: named }) };
    }
  }
}

/** Where the run listens for who is told by an address of their own; the manifests allow it. */
export const inboxPort = 4_011;

const addresses = {
  allowed: `http://127.0.0.1:${inboxPort}/teams/blue`,
  forbidden: `http://127.0.0.1:${inboxPort + 1}/teams/red`,
} as const;

function naming(random: () => number): Draft["notify"] {
  const choice = random();
  return choice < 0.5 ? "allowed" : choice < 0.75 ? "forbidden" : undefined;
}

function validJob(random: () => number, nowMs: number): Job {
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const about = { id: uuidOf(random), submittedAt: new Date(nowMs).toISOString(), priority: whole(0, 9) };
  const kind = whole(0, 2);
  if (kind === 0) return { ...about, kind: "digest", input: { text: "a text ".repeat(whole(1, 100)) } };
  if (kind === 1) return { ...about, kind: "primes", input: { below: whole(2, 60_000) } };
  return { ...about, kind: "divide", input: { dividend: whole(-1_000, 1_000), divisor: whole(1, 1_000) } };
}

/** Well formed, but the second stage cannot do it; or, on the bus, the first stage will not have it. */
function failingJob(random: () => number, at: { readonly nowMs: number; readonly channel: Draft["channel"] }): Job {
  const job = validJob(random, at.nowMs);
  if (at.channel === "bus" && random() < 0.5)
    return { ...job, submittedAt: new Date(at.nowMs + 86_400_000).toISOString() };
  return { ...job, kind: "divide", input: { dividend: 1, divisor: 0 } };
}

/** A version 4 UUID of these random numbers: the same for the same seed. */
function uuidOf(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = "4";
  hex[16] = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  const text = hex.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
