import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import type { Banner } from "./banner.ts";
import { exit } from "./verb.ts";

/**
 * How a run ends: the first SIGTERM or SIGINT drains, a second ends at once; an error that nobody caught drains too, and
 * is told by exit code 70.
 */
export class Ending implements Disposable {
  /** Resolves when the end has been asked for. */
  readonly asked: Promise<void>;
  /** Resolves with the exit code once everything has stopped. */
  readonly ended: Promise<number>;
  readonly #log: Log;
  readonly #banner: Banner;
  readonly #resolve: { asked(): void; ended(code: number | Promise<number>): void };
  #runtime: StandardRun | undefined;
  #code: number = exit.ok;
  #began = false;

  constructor(log: Log, banner: Banner) {
    this.#log = log;
    this.#banner = banner;
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<number>();
    this.asked = asked.promise;
    this.ended = ended.promise;
    this.#resolve = { asked: asked.resolve, ended: ended.resolve };
    process.on("SIGTERM", this.#onSignal).on("SIGINT", this.#onSignal);
    process.on("uncaughtException", this.#onFault).on("unhandledRejection", this.#onFault);
  }

  get began(): boolean {
    return this.#began;
  }

  /** Hands over what is to be stopped. A signal may have come before it was there. */
  of(runtime: StandardRun): void {
    this.#runtime = runtime;
    if (this.#began) this.#stop();
  }

  [Symbol.dispose](): void {
    process.off("SIGTERM", this.#onSignal).off("SIGINT", this.#onSignal);
    process.off("uncaughtException", this.#onFault).off("unhandledRejection", this.#onFault);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#banner.stopping(signal, this.#began);
    this.#begin();
  };

  readonly #onFault = (error: unknown): void => {
    this.#banner.fault(error);
    this.#code = exit.fault;
    if (!this.#began) this.#begin();
  };

  #begin(): void {
    this.#began = true;
    this.#resolve.asked();
    this.#stop();
  }

  #stop(): void {
    const stopped = this.#runtime?.stop();
    if (stopped === undefined) return;
    this.#resolve.ended(
      stopped.then(
        () => this.#code,
        (error: unknown) => {
          this.#log.error({ error: messageOf(error) }, "the end was not clean");
          return this.#code === exit.ok ? exit.bad : this.#code;
        },
      ),
    );
  }
}
