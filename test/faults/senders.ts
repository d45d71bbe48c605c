import { Readable } from "node:stream";
import { Pool } from "undici";
import { codeOf } from "../../src/lib/errors.ts";

/** Numbered events that were handed in, and what became of the handing in. */
export interface Sent {
  /** Event ids by number, where the sender is told. */
  readonly acknowledged: ReadonlyMap<number, string | undefined>;
  /** Sent again because nobody told how an earlier time ended: may be several events. */
  readonly uncertain: ReadonlySet<number>;
  /** How often that was. Refused connections are not among them: nothing was sent. */
  unanswered(): number;
  /** Answers that told to come again. */
  pushedBack(): number;
  /** Answers that nobody expects. */
  readonly unexpected: readonly string[];
}

export interface Senders extends Sent, AsyncDisposable {
  readonly acknowledged: ReadonlyMap<number, string>;
  /** Resolves when all numbers before `end` are acknowledged. */
  readonly done: Promise<void>;
  /** Each sender sees its last number acknowledged; then it ends. */
  stop(): Promise<void>;
}

export interface SendersOptions {
  readonly port: number;
  readonly path: string | ((n: number) => string);
  /** Each has one event under way. */
  readonly senders: number;
  /** Its length is declared if it is text, and not if it comes in pieces. */
  readonly bodyOf?: (n: number) => string | AsyncIterable<string>;
  /** After each acknowledged event. */
  readonly pauseMs?: number;
  /** No number from here on is sent. */
  readonly end?: number;
  /** Told of each acknowledged event, how long its sender waited for the answer. */
  readonly tookMs?: (ms: number) => void;
}

/** A sender does as `Retry-After` says, but no longer than this: runs are to be short. */
const mostPatienceMs = 1_000;

/** Posts numbered events, each again and again until it is acknowledged. */
export function startSenders(options: SendersOptions): Senders {
  const { port, path, senders, pauseMs = 0, end = Number.POSITIVE_INFINITY } = options;
  const bodyOf: Exclude<SendersOptions["bodyOf"], undefined> =
    options.bodyOf ?? ((n) => JSON.stringify({ n, even: n % 2 === 0 }));
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: senders, headersTimeout: 30_000 });
  const acknowledged = new Map<number, string>();
  const uncertain = new Set<number>();
  const unexpected: string[] = [];
  let unanswered = 0;
  let pushedBack = 0;
  let next = 0;
  let stopped = false;
  let gone = false;
  /** Whether it is acknowledged. */
  const attempt = async (n: number): Promise<boolean> => {
    const sentMs = performance.now();
    try {
      const answer = await pool.request({
        method: "POST",
        path: typeof path === "string" ? path : path(n),
        body: piecesOf(bodyOf(n)),
        headers: { "content-type": "application/json" },
      });
      await answer.body.dump();
      if (answer.statusCode === 200) {
        acknowledged.set(n, String(answer.headers["tidemill-event-id"]));
        options.tookMs?.(performance.now() - sentMs);
        return true;
      }
      if (answer.statusCode === 503 && answer.headers["retry-after"] !== undefined) {
        pushedBack++;
        await pause(Math.min(mostPatienceMs, Number(answer.headers["retry-after"]) * 1_000));
      } else unexpected.push(`${n} was answered with ${answer.statusCode}`);
    } catch (error) {
      if (codeOf(error) === "ECONNREFUSED") return false;
      unanswered++;
      uncertain.add(n);
    }
    return false;
  };
  const sender = async (): Promise<void> => {
    while (!stopped && next < end) {
      const n = next++;
      // refused connections come back at once: leave the machine to whoever starts
      while (!gone && !(await attempt(n))) await pause(20);
      if (pauseMs > 0) await pause(pauseMs);
    }
  };
  const done = Promise.all(Array.from({ length: senders }, sender)).then(() => undefined);
  const stop = async (): Promise<void> => {
    stopped = true;
    await done;
  };
  return {
    acknowledged,
    uncertain,
    unexpected,
    unanswered: () => unanswered,
    pushedBack: () => pushedBack,
    done,
    stop,
    async [Symbol.asyncDispose]() {
      // after a failure nobody may be there to acknowledge the last ones
      stopped = true;
      gone = true;
      await pool.destroy();
      await done;
    },
  };
}

function piecesOf(body: string | AsyncIterable<string>): string | Readable {
  return typeof body === "string" ? body : Readable.from(body, { objectMode: false });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
