import { TideError } from "../../lib/errors.ts";

/** One message on its way into a batch. */
export interface Posted<T> {
  readonly message: T;
  /** What counts towards the limit of a request. */
  readonly bytes: number;
  /** Messages of one group go out in the order in which they were posted; no order without. */
  readonly group?: string | undefined;
}

/**
 * Sends up to 10 messages in one request. What became of each, in their order: what the service said, or its failure.
 * Rejects with a TideError when the request as a whole failed.
 */
export type SendBatch<T> = (messages: readonly T[], signal: AbortSignal) => Promise<readonly (string | TideError)[]>;

interface Waiting<T> extends Posted<T> {
  readonly sinceMs: number;
  resolve(said: string): void;
  reject(error: unknown): void;
}

/** Of SQS, SNS and EventBridge alike. */
const mostMessages = 10;
/**
 * A fourth of what SQS and EventBridge take, and all that a topic of SNS takes by default: larger requests would save
 * nothing, and every stand-in takes these.
 */
const mostBytes = 256 * 1024;
/** So many full requests at once reach what one destination gives, without a socket for every firing. */
const mostUnderWay = 8;
/** Beside a request that is under way, a batch that is not full waits for this long at most. */
const lingerMs = 4;
const requestTimeoutMs = 30_000;

/**
 * Makes batches of the messages that are posted at the same time to one destination. A message goes at once when nothing is
 * under way; those that come meanwhile gather until ten are there, a request ends, or the first has waited for 4 ms. So one
 * firing alone is not slower, and many pay for a tenth of the requests. Each message has its own result: a request that the
 * service refuses because of one of them is sent again message by message.
 */
export class Coalescer<T> {
  readonly #send: SendBatch<T>;
  readonly #onIdle: () => void;
  readonly #groups = new Set<string>();
  #waiting: Waiting<T>[] = [];
  #underWay = 0;
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;

  /** `onIdle` is called whenever nothing waits and nothing is under way any more. */
  constructor(send: SendBatch<T>, onIdle: () => void = () => undefined) {
    this.#send = send;
    this.#onIdle = onIdle;
  }

  /** Resolves with what the service said; rejects with the failure of this message, or with the signal's reason at its abort. */
  post(posted: Posted<T>, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = (): void => {
        // one that is under way may arrive all the same: its key tells its receiver
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        reject(signal.reason);
      };
      const settled = (): void => signal.removeEventListener("abort", stop);
      const waiting: Waiting<T> = {
        ...posted,
        sinceMs: performance.now(),
        resolve(said) {
          settled();
          resolve(said);
        },
        reject(error) {
          settled();
          reject(error);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiting.push(waiting);
      // after what else comes in this turn of the loop
      this.#soon ??= setImmediate(() => {
        this.#soon = undefined;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#underWay < mostUnderWay) {
      const batch = this.#next();
      const [first] = batch;
      if (first === undefined) {
        if (this.#underWay === 0) this.#onIdle();
        return;
      }
      const waitedMs = performance.now() - first.sinceMs;
      if (this.#underWay > 0 && batch.length < mostMessages && waitedMs < lingerMs) {
        this.#later ??= setTimeout(() => {
          this.#later = undefined;
          this.#flush();
        }, lingerMs - waitedMs);
        return;
      }
      void this.#run(batch);
    }
  }

  /** The next messages, as they stand; one whose group is under way is left, and those of its group behind it. */
  #next(): readonly Waiting<T>[] {
    const batch: Waiting<T>[] = [];
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (waiting.group !== undefined && this.#groups.has(waiting.group)) continue;
      bytes += waiting.bytes;
      if (batch.length === mostMessages || (batch.length > 0 && bytes > mostBytes)) break;
      batch.push(waiting);
    }
    return batch;
  }

  /** Never rejects. */
  async #run(batch: readonly Waiting<T>[]): Promise<void> {
    const taken = new Set(batch);
    this.#waiting = this.#waiting.filter((waiting) => !taken.has(waiting));
    const groups = new Set(batch.flatMap(({ group }) => group ?? []));
    for (const group of groups) this.#groups.add(group);
    this.#underWay += 1;
    try {
      await this.#settle(batch);
    } finally {
      this.#underWay -= 1;
      for (const group of groups) this.#groups.delete(group);
      this.#flush();
    }
  }

  async #settle(batch: readonly Waiting<T>[]): Promise<void> {
    // the abort of one firing must not end the request of the others: only the time limit does
    const limit = new AbortController();
    const late = new TideError("TARGET_TIMEOUT", `no answer within ${requestTimeoutMs / 1000} s`);
    const timer = setTimeout(() => limit.abort(late), requestTimeoutMs);
    try {
      const messages = batch.map(({ message }) => message);
      const ends = await this.#send(messages, limit.signal);
      for (const [at, one] of batch.entries()) {
        const end = ends[at];
        if (typeof end === "string") one.resolve(end);
        else one.reject(end ?? new TideError("AWS_FAILED", "the answer says nothing of this message"));
      }
    } catch (error) {
      const failure = limit.signal.aborted ? late : error;
      if (batch.length > 1 && isOfOne(failure)) {
        for (const one of batch) await this.#settle([one]);
      } else {
        for (const one of batch) one.reject(failure);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether a single message may be why the request failed. */
function isOfOne(error: unknown): boolean {
  return error instanceof TideError && (error.code === "AWS_REFUSED" || error.code === "MESSAGE_INVALID");
}

/** The batches under way to several destinations, each on its own. */
export class Coalescers<T> {
  readonly #send: (destination: string) => SendBatch<T>;
  readonly #byDestination = new Map<string, Coalescer<T>>();

  constructor(send: (destination: string) => SendBatch<T>) {
    this.#send = send;
  }

  post(destination: string, posted: Posted<T>, signal: AbortSignal): Promise<string> {
    let coalescer = this.#byDestination.get(destination);
    if (coalescer === undefined) {
      // events may name ever new destinations
      coalescer = new Coalescer(this.#send(destination), () => this.#byDestination.delete(destination));
      this.#byDestination.set(destination, coalescer);
    }
    return coalescer.post(posted, signal);
  }
}
