import { writeSync } from "node:fs";
import { isTide } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { ReloadReport } from "../runtime/reload-report.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import { Watch, type WatchOptions } from "./watch.ts";

export interface ReloadingOptions {
  readonly read: () => Promise<Manifests>;
  /** What is watched; undefined: only SIGHUP reloads. */
  readonly watched: Pick<WatchOptions, "manifests" | "values"> | undefined;
  /** A terminal hangs up with SIGHUP too. */
  readonly terminal: boolean;
  readonly log: Log;
  /** Findings and changes, for whoever watches. Not called when nothing differs from what was told last. */
  tell(manifests: Manifests, report: ReloadReport): Promise<void>;
}

/** Reads the manifests again at SIGHUP, and with `--watch` when a file changed. One at a time; the last one always counts. */
export class Reloading implements Disposable {
  readonly #options: ReloadingOptions;
  readonly #over = new AbortController();
  readonly #watch: Watch | undefined;
  #runtime: StandardRun | undefined;
  #asked = false;
  #busy = false;
  #told = "";

  constructor(options: ReloadingOptions) {
    this.#options = options;
    const { watched, log } = options;
    if (watched !== undefined) {
      this.#watch = new Watch({
        ...watched,
        changed: () => this.#ask(),
        failed: (folder, error) => log.warn({ folder, error }, "the folder cannot be watched; SIGHUP reloads"),
      });
    }
    process.on("SIGHUP", this.#onHangUp);
  }

  /** Before the manifests are read for the first time: every change after that is noticed. */
  async begin(): Promise<void> {
    await this.#watch?.refresh();
  }

  /** From now on it reloads. A signal or a change may have come before. */
  of(runtime: StandardRun): void {
    this.#runtime = runtime;
    if (this.#asked) this.#ask();
  }

  [Symbol.dispose](): void {
    process.off("SIGHUP", this.#onHangUp);
    this.#watch?.[Symbol.dispose]();
    this.#over.abort(new Error("tidemill is stopping"));
  }

  readonly #onHangUp = (): void => {
    if (this.#options.terminal && isGone()) {
      process.kill(process.pid, "SIGTERM");
      return;
    }
    this.#options.log.info({ signal: "SIGHUP" }, "reading the manifests again");
    this.#ask();
  };

  #ask(): void {
    this.#asked = true;
    if (this.#busy || this.#runtime === undefined) return;
    this.#busy = true;
    this.#run(this.#runtime)
      .catch((error: unknown) => {
        if (this.#over.signal.aborted || isTide(error, "STOPPED")) return;
        this.#options.log.error({ err: error }, "the reload failed: everything goes on as it was");
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  async #run(runtime: StandardRun): Promise<void> {
    while (this.#asked && !this.#over.signal.aborted) {
      this.#asked = false;
      const manifests = await this.#options.read();
      if (this.#over.signal.aborted) return;
      const bad = manifests.findings.some(({ severity }) => severity === "error");
      if (!bad && manifests.sources.length === 0 && manifests.sensors.length === 0) {
        // more likely a mount that is not there yet than a wish
        this.#options.log.warn({}, "the manifests hold nothing that can run: everything goes on as it was");
        continue;
      }
      const report = await runtime.reload(manifests, { signal: this.#over.signal });
      const { result, findings, errors } = report;
      const now = JSON.stringify([result, findings, errors]);
      const changes = [report.sources, report.sensors, report.values];
      const quiet = changes.every(
        ({ added, changed, removed }) => added.length + changed.length + removed.length === 0,
      );
      if (quiet && now === this.#told) continue;
      this.#told = now;
      await this.#options.tell(manifests, report);
    }
  }
}

/** Whether the terminal of standard error hung up: what is written to it then fails. */
function isGone(): boolean {
  try {
    writeSync(2, "\r");
    return false;
  } catch {
    return true;
  }
}
