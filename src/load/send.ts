import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Clock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { Wakeup } from "../lib/wakeup.ts";
import type { CheckSchema } from "../schemas/check.ts";
import { type MalformedKind, malform, malformedKinds } from "./malform.ts";
import { dueTimes, type Pace } from "./pace.ts";
import { randomOf } from "./random.ts";
import { type Message, type SendResult, type Target, traceOfMessage } from "./target.ts";
import type { LoadTemplate } from "./template.ts";

export interface SendOptions {
  readonly target: Target;
  readonly template: LoadTemplate;
  readonly pace: Pace;
  /** Ends after so many messages. */
  readonly count?: number | undefined;
  /** Ends after this time. Without either, at the abort. */
  readonly durationMs?: number | undefined;
  /** The share of messages that are spoilt, from 0 to 1. */
  readonly malformed?: number | undefined;
  readonly malformedKinds?: readonly MalformedKind[] | undefined;
  /** What messages must be like, and spoilt ones must not. */
  readonly check?: CheckSchema | undefined;
  /** The same seed makes the same messages at the same times, clock aside. */
  readonly seed: string;
  /** 16 hex digits; random unless given. */
  readonly load?: string | undefined;
  /** Messages without an answer at most: a target that is slow is not run over. */
  readonly inFlight: number;
  readonly clock: Clock;
  /** Ends the sending; what is on its way is waited for. */
  readonly signal: AbortSignal;
  /** Told after each answer; the same object each time. */
  readonly progress?: ((counts: Readonly<Counts>) => void) | undefined;
}

export interface Counts {
  sent: number;
  taken: number;
  refused: number;
  failed: number;
  inFlight: number;
  malformed: number;
}

/** What became of one message at the target. */
export interface Sent extends SendResult {
  readonly seq: number;
  readonly malformed: MalformedKind | undefined;
  readonly bytes: number;
  /** Unix milliseconds. */
  readonly sentMs: number;
  readonly endedMs: number;
}

/** All messages of a load, by their number. */
export interface SentLoad {
  readonly load: string;
  readonly seed: string;
  readonly target: string;
  readonly startMs: number;
  readonly endMs: number;
  /** How far behind its times the load was at most, because the target was slow. */
  readonly behindMs: number;
  readonly messages: readonly Sent[];
}

/** Once the sending ends, answers are waited for as long as this. */
const lastMs = 30_000;

/** Sends messages at their times. Rejects with LOAD_TEMPLATE; what the target does is in the answer. */
export async function sendLoad(options: SendOptions): Promise<SentLoad> {
  const load = options.load ?? randomBytes(8).toString("hex");
  const sending = new Sending(options);
  const { clock, signal, durationMs = Number.POSITIVE_INFINITY, count = Number.POSITIVE_INFINITY } = options;
  const startMs = clock.nowMs();
  let behindMs = 0;
  let seq = 0;
  let fault: unknown;
  try {
    for (const dueMs of dueTimes(options.pace, randomOf(options.seed, "pace"))) {
      if (seq >= count || dueMs >= durationMs) break;
      if (!(await sending.until(startMs + dueMs))) break;
      const lateMs = clock.nowMs() - startMs - dueMs;
      if (options.pace.perSecond !== undefined) behindMs = Math.max(behindMs, lateMs);
      if (signal.aborted || clock.nowMs() - startMs >= durationMs) break;
      seq += 1;
      sending.add(makeMessage(options, { load, seq, nowMs: clock.nowMs() }));
    }
  } catch (error) {
    fault = error;
  }
  await sending.close();
  if (fault !== undefined) throw fault;
  const messages = sending.ended.toSorted((a, b) => a.seq - b.seq);
  const { target, seed } = options;
  return { load, seed, target: target.name, startMs, endMs: clock.nowMs(), behindMs, messages };
}

interface Waiting {
  readonly message: Message;
  readonly sentMs: number;
}

/** Gathers messages that are due at once into calls, and keeps count of what is on its way. */
class Sending {
  readonly ended: Sent[] = [];
  readonly #options: SendOptions;
  readonly #counts: Counts = { sent: 0, taken: 0, refused: 0, failed: 0, inFlight: 0, malformed: 0 };
  readonly #wakeup = new Wakeup();
  readonly #stop = new AbortController();
  #batch: Message[] = [];

  constructor(options: SendOptions) {
    this.#options = options;
    // each call on its way listens to it
    setMaxListeners(0, this.#stop.signal);
  }

  /** Resolves with true at the time, and when there is room for a message; with false at the abort. */
  async until(atMs: number): Promise<boolean> {
    const { clock, signal, inFlight } = this.#options;
    for (;;) {
      if (signal.aborted) return false;
      const waitMs = atMs - clock.nowMs();
      if (waitMs > 0) {
        this.#flush();
        await clock.sleep(waitMs, signal).catch(() => undefined);
        continue;
      }
      if (this.#counts.inFlight < inFlight) return true;
      this.#flush();
      const seen = this.#wakeup.rings;
      if (this.#counts.inFlight >= inFlight) await this.#wakeup.wait(seen, signal);
    }
  }

  add(message: Message): void {
    this.#counts.inFlight += 1;
    this.#batch.push(message);
    if (this.#batch.length >= this.#options.target.batch) this.#flush();
  }

  /** Waits for what is on its way. */
  async close(): Promise<void> {
    this.#flush();
    const late = setTimeout(() => this.#stop.abort(new Error("no answer in time")), lastMs);
    const unending = new AbortController().signal;
    while (this.#counts.inFlight > 0) await this.#wakeup.wait(this.#wakeup.rings, unending);
    clearTimeout(late);
  }

  #flush(): void {
    const messages = this.#batch;
    if (messages.length === 0) return;
    this.#batch = [];
    const sentMs = this.#options.clock.nowMs();
    const waiting = messages.map((message): Waiting => ({ message, sentMs }));
    this.#options.target.send(messages, this.#stop.signal).then(
      (results) => this.#end(waiting, (at) => results[at] ?? { outcome: "failed", reason: "no result" }),
      (error: unknown) => this.#end(waiting, () => ({ outcome: "failed", reason: messageOf(error) })),
    );
  }

  #end(waiting: readonly Waiting[], resultOf: (at: number) => SendResult): void {
    const endedMs = this.#options.clock.nowMs();
    for (const [at, { message, sentMs }] of waiting.entries()) {
      const result = resultOf(at);
      const { seq, malformed, bytes } = message;
      this.ended.push({ seq, malformed, bytes: bytes.byteLength, sentMs, endedMs, ...result });
      this.#counts[result.outcome] += 1;
      this.#counts.sent += 1;
      this.#counts.inFlight -= 1;
      if (malformed !== undefined) this.#counts.malformed += 1;
    }
    this.#options.progress?.(this.#counts);
    this.#wakeup.ring();
  }
}

/** A message, whole or spoilt. What is made of a number is the same each time. */
export function makeMessage(
  {
    template,
    seed,
    check,
    malformed = 0,
    malformedKinds: kinds = malformedKinds,
  }: Omit<SendOptions, "clock" | "signal" | "target" | "inFlight" | "pace">,
  { load, seq, nowMs }: { readonly load: string; readonly seq: number; readonly nowMs: number },
): Message {
  const json = template.render({ seq, load, nowMs, random: randomOf(seed, "message", seq) });
  const traceparent = traceOfMessage(load, seq);
  const bytes = Buffer.from(json);
  const fault = check?.(bytes);
  if (fault !== undefined)
    throw new TideError("LOAD_TEMPLATE", `message ${seq} of the template is not as the schema says: ${fault.message}`);
  const random = randomOf(seed, "malformed", seq);
  const spoilt = random() < malformed ? malform(json, { kinds, random, check }) : undefined;
  return { seq, load, traceparent, bytes: spoilt?.bytes ?? bytes, malformed: spoilt?.kind };
}
