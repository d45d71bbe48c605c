import { appendFile, mkdir, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import { codeOf, messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Redactor } from "../telemetry/redact.ts";

/** Who changed what, as a line of the audit log tells it. */
export interface Change {
  /** RFC 3339. */
  readonly at: string;
  /** The token's name, or `local`. */
  readonly who: string;
  /** The token's id. */
  readonly token?: string | undefined;
  /** From where; absent for a verb that works on the data folder itself. */
  readonly address?: string | undefined;
  /** `POST /deadletters/retry`, `token create`. */
  readonly did: string;
  /** On what: ids, names, filters; never the data of events. */
  readonly on?: unknown;
  readonly outcome: "done" | "accepted" | "refused" | "failed";
  /** The operation that goes on with what was accepted. */
  readonly operation?: string | undefined;
  /** `TMnnnn` of what was refused or failed. */
  readonly code?: string | undefined;
}

export const change: z.ZodType<Change> = z.strictObject({
  at: z.string().meta({ description: "RFC 3339, UTC." }),
  who: z.string().meta({ description: "The token's name, or `local`." }),
  token: z.string().optional().meta({ description: "The token's id." }),
  address: z.string().optional().meta({ description: "From where." }),
  did: z.string().meta({ description: "The call of the admin API, or the verb." }),
  on: z.unknown().optional().meta({ description: "Ids, names and filters that it was about." }),
  outcome: z.enum(["done", "accepted", "refused", "failed"]),
  operation: z.string().optional().meta({ description: "The operation that goes on with what was accepted." }),
  code: z.string().optional().meta({ description: "`TMnnnn` of what was refused or failed." }),
});

/** A file of the log, and how many older ones are kept beside it. */
const maxFileBytes = 8 * 1024 * 1024;
const olderFiles = 4;
/** What is said of one call may be this long. */
const maxLineBytes = 8 * 1024;

export interface AuditLogOptions {
  /** undefined: nothing is kept, and each change is a line of the log alone (`--ephemeral`). */
  readonly dataDir: string | undefined;
  readonly redactor: Redactor;
  readonly clock: Clock;
  readonly log: Log;
}

export function auditFile(dataDir: string): string {
  return join(dataDir, "audit.log");
}

/**
 * `audit.log` of a data folder: a JSON line for each change, the newest last, readable for this user alone. Lines are only
 * ever added, and a full file is put aside as `audit.log.1` to `.4`.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** Resolves once the line is in the file. Never rejects: what was done is done, and that it is not written is logged. */
  append(entry: Omit<Change, "at">): Promise<void> {
    const { dataDir, redactor, clock, log } = this.#options;
    const line = redactor.clean(lineOf({ at: new Date(clock.nowMs()).toISOString(), ...entry }));
    if (dataDir === undefined) {
      log.info({ change: JSON.parse(line) }, "a change by the admin API");
      return Promise.resolve();
    }
    this.#last = this.#last
      .then(() => appendLine(auditFile(dataDir), line))
      .catch((error: unknown) =>
        log.error({ error: messageOf(error), change: line }, "a change by the admin API was not written to audit.log"),
      );
    return this.#last;
  }
}

function lineOf(entry: Change): string {
  const line = JSON.stringify(entry);
  return line.length <= maxLineBytes ? line : JSON.stringify({ ...entry, on: "too long to be kept" });
}

async function appendLine(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  if ((await sizeOf(file)) >= maxFileBytes) await putAside(file);
  // opened anew each time: a verb may add lines too, and each is written at once, at the end
  await appendFile(file, `${line}\n`, { mode: 0o600 });
}

async function putAside(file: string): Promise<void> {
  for (let at = olderFiles; at > 1; at--) await renameIfThere(`${file}.${at - 1}`, `${file}.${at}`);
  await renameIfThere(file, `${file}.1`);
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
}

/** The last changes of a data folder, the newest last. A line that is cut off or damaged is left out. */
export async function readChanges(dataDir: string, limit: number): Promise<readonly Change[]> {
  const file = auditFile(dataDir);
  const found: Change[] = [];
  for (const name of [file, ...Array.from({ length: olderFiles }, (_, at) => `${file}.${at + 1}`)]) {
    if (found.length >= limit) break;
    const lines = (await textOf(name)).split("\n").flatMap((line) => changeOf(line) ?? []);
    found.unshift(...lines.slice(-(limit - found.length)));
  }
  return found;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return "";
    throw error;
  }
}

function changeOf(line: string): Change | undefined {
  try {
    const read = change.safeParse(JSON.parse(line));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
