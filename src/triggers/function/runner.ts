import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { ChildSpan } from "../../kit/trigger.ts";
import { messageOf, TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import type { Log } from "../../lib/log.ts";
import { failureOf, goneOf, uncaughtOf } from "./failures.ts";
import type { Gone, Heard, Link, Spec } from "./link.ts";
import type { Level, Order, Result, Thrown, Told } from "./messages.ts";
import { readTold } from "./read-told.ts";
import { stampOf } from "./stamp.ts";

/** Who hears what a call says while it runs. */
export interface Listener {
  readonly log: Log;
  readonly fields: object;
  span(span: ChildSpan): void;
  progress(message: string, fraction: number | undefined): void;
}

interface Running {
  readonly call: number;
  readonly listener: Listener;
  readonly ended: PromiseWithResolvers<Result>;
}

/** What runs a second after it was told to stop is ended; a little less, so that the call ends within that second. */
const graceMs = 900;

/** One thread or process with one module loaded. Runs one call at a time. */
export class Runner {
  readonly key: string;
  readonly spec: Spec;
  /** When it was last given back, as `performance.now()`. */
  idleSinceMs = 0;
  readonly #link: Link;
  readonly #folder: string;
  readonly #files = new Map<string, string>();
  readonly #ready = Promise.withResolvers<void>();
  #running: Running | undefined;
  #last: Listener | undefined;
  #calls = 0;
  #loaded = false;
  #state: "live" | "worn" | "gone" = "live";

  constructor(key: string, spec: Spec, start: (spec: Spec, heard: Heard) => Link) {
    this.key = key;
    this.spec = spec;
    this.#folder = dirname(spec.setup.module);
    this.#ready.promise.catch(() => undefined);
    this.#link = start(spec, {
      told: (said) => this.#told(readTold(said)),
      said: (stream, line) => this.#last?.log.info({ ...this.#last.fields, stream }, line),
      gone: (how) => this.#gone(how),
    });
  }

  /** Calls that it ran. */
  get calls(): number {
    return this.#calls;
  }

  get usable(): boolean {
    return this.#state === "live" && !this.#link.heavy;
  }

  /** Whether all files that the module was made of are as they were. */
  isCurrent(): boolean {
    for (const [path, stamp] of this.#files) if (stampOf(path, statSync) !== stamp) return false;
    return true;
  }

  /** Once the module is loaded. Rejects with FUNCTION_UNLOADABLE, or the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#link.hold(true);
    try {
      await Promise.race([this.#ready.promise, promise]);
    } catch (error) {
      await this.end();
      throw error;
    } finally {
      this.#link.hold(false);
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * One call. Rejects with what the function failed of. At the abort of `signal` the function is told, and has a second;
   * then this runner is ended, and no other.
   */
  async run(order: Omit<Order, "call">, listener: Listener, signal: AbortSignal): Promise<Result> {
    if (this.#loaded) signal.throwIfAborted();
    else await this.ready(signal);
    this.#calls += 1;
    const running: Running = { call: this.#calls, listener, ended: Promise.withResolvers() };
    this.#running = running;
    this.#last = listener;
    let patience: NodeJS.Timeout | undefined;
    const stop = (): void => {
      const why = messageOf(signal.reason);
      this.#link.post({ k: "abort", call: running.call, why, timeout: isTimeout(signal.reason) });
      patience = setTimeout(() => {
        running.ended.reject(signal.reason);
        void this.end();
      }, graceMs);
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#link.hold(true);
    try {
      this.#link.post({ k: "run", order: { ...order, call: running.call } });
      return await running.ended.promise;
    } catch (error) {
      // whatever it failed of after it was told to stop, that is why
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener("abort", stop);
      this.#running = undefined;
      if (this.#state !== "gone") this.#link.hold(false);
    }
  }

  async end(): Promise<void> {
    this.#gone({ how: "error", message: "it was ended" });
    await this.#link.end();
  }

  #told(told: Told | undefined): void {
    if (told === undefined) return;
    if (told.k === "ready") {
      this.#loaded = true;
      this.#ready.resolve();
    }
    if (told.k === "unloadable") this.#ready.reject(failureOf(told.error, this.#folder));
    else if (told.k === "files") for (const [path, stamp] of told.files) this.#files.set(path, stamp);
    else if (told.k === "uncaught") this.#uncaught(told.error, told.call);
    else if ("call" in told && told.call === this.#running?.call) this.#heard(told, this.#running);
  }

  #heard(told: Extract<Told, { readonly call: number }>, { listener, ended }: Running): void {
    if (told.k === "done") ended.resolve(told.result);
    else if (told.k === "failed") ended.reject(failureOf(told.error, this.#folder));
    else if (told.k === "log") logLine(listener, told);
    else if (told.k === "span") listener.span(told.span);
    else if (told.k === "progress") listener.progress(told.message, told.fraction);
  }

  /** Its state is not to be trusted any more: what runs may end, and then it is not used again. */
  #uncaught(error: Thrown, call: number | undefined): void {
    if (this.#state === "live") this.#state = "worn";
    const running = this.#running;
    // before the module is loaded it is what keeps it from loading
    this.#ready.reject(failureOf({ ...error, kind: "unloadable" }, this.#folder));
    if (running !== undefined && running.call === call) running.ended.reject(uncaughtOf(error, this.#folder));
    else if (this.#last !== undefined) {
      const { log, fields } = this.#last;
      log.warn(
        { ...fields, error: uncaughtOf(error, this.#folder).message },
        "a function failed after its call was over",
      );
    }
  }

  #gone(how: Gone): void {
    if (this.#state === "gone") return;
    this.#state = "gone";
    const error = goneOf(how, this.spec.memoryLimit);
    this.#ready.reject(error.code === "FUNCTION_ENDED" ? unloadable(error) : error);
    this.#running?.ended.reject(error);
  }
}

/** It ended before it said that its module is loaded. */
function unloadable({ message }: TideError): TideError {
  return new TideError("FUNCTION_UNLOADABLE", `the module ended its thread or process while it was loaded: ${message}`);
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof TideError && reason.code === "ATTEMPT_TIMEOUT";
}

function logLine({ log, fields }: Listener, said: { level: Level; fields: string; message: string }): void {
  log[said.level]({ ...parsedFields(said.fields), ...fields }, said.message);
}

function parsedFields(text: string): object {
  if (text === "") return {};
  try {
    const fields: unknown = JSON.parse(text);
    return isRecord(fields) ? fields : { said: fields };
  } catch {
    return { said: text };
  }
}
