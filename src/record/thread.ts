import type { Worker } from "node:worker_threads";
import { type CodeName, TideError } from "../lib/errors.ts";
import { startWorker } from "../lib/worker.ts";
import type { StoreOptions } from "./options.ts";
import type { Answer, Call, CallName, Calls } from "./sql/calls.ts";

interface Waiting {
  readonly worker: Worker;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: TideError) => void;
}

/** How long the end waits for calls to a server: one that hangs answers none of them. A file always answers. */
const serverCloseMs = 5_000;

/**
 * A thread with one connection to the database. It keeps the process alive only while a call is under way. Should it die, the calls
 * under way fail with RECORD_FAILED (nothing of them is committed, or all of it), and the next one starts a new thread.
 */
export class RecordThread implements AsyncDisposable {
  readonly #options: StoreOptions;
  readonly #waiting = new Map<number, Waiting>();
  #opened: Promise<Worker> | undefined;
  #lastId = 0;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#opened !== undefined;
  }

  get busy(): boolean {
    return this.#waiting.size > 0;
  }

  async call<Name extends CallName>(name: Name, asked: Calls[Name][0]): Promise<Calls[Name][1]> {
    if (this.#closed) throw new TideError("RECORD_CLOSED", "the record is closed");
    this.#opened ??= this.#open();
    const worker = await this.#opened;
    if (this.#closed) throw new TideError("RECORD_CLOSED", "the record is closed");
    return (await this.#post(worker, name, asked)) as Calls[Name][1];
  }

  /** Ends the thread once its calls are answered; the next call starts it again. */
  async stop(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    const worker = await opened?.catch(() => undefined);
    if (worker === undefined) return;
    const closed = this.#post(worker, "close", undefined).catch(() => undefined);
    await (this.#options.place.kind === "sqlite" ? closed : Promise.race([closed, unheld(serverCloseMs)]));
    await worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.stop();
  }

  async #open(): Promise<Worker> {
    const worker = startWorker(import.meta.url, "./thread-main", {
      name: "record",
      // its rows live for one transaction: with the 36 MB of the process' own heap they take more memory and no less time
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.on("message", (answer: Answer) => this.#answered(answer));
    worker.on("error", (cause) => this.#died(worker, cause));
    worker.on("exit", () => this.#died(worker, undefined));
    try {
      await this.#post(worker, "open", this.#options);
      return worker;
    } catch (error) {
      this.#opened = undefined;
      await worker.terminate();
      throw error;
    }
  }

  #post(worker: Worker, name: CallName, asked: unknown): Promise<unknown> {
    this.#lastId += 1;
    const call: Call = { id: this.#lastId, name, asked };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.id, { worker, resolve, reject });
      worker.ref();
      worker.postMessage(call);
    });
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) waiting.worker.unref();
    if ("code" in answer) waiting.reject(new TideError(answer.code as CodeName, answer.message));
    else waiting.resolve(answer.value);
  }

  #died(worker: Worker, cause: unknown): void {
    const failed = [...this.#waiting].filter(([, waiting]) => waiting.worker === worker);
    for (const [id, { reject }] of failed) {
      this.#waiting.delete(id);
      reject(new TideError("RECORD_FAILED", "the thread of the record ended", cause === undefined ? {} : { cause }));
    }
    this.#opened?.then(
      (current) => {
        if (current === worker) this.#opened = undefined;
      },
      () => undefined,
    );
  }
}

function unheld(ms: number): Promise<void> {
  return new Promise((passed) => setTimeout(passed, ms).unref());
}
