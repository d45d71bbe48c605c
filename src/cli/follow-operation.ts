import type { OperationAnswer } from "../console/operations.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Io } from "./io.ts";
import type { Server } from "./server.ts";
import { exit, type VerbContext } from "./verb.ts";

const askEveryMs = 300;
/** Without a terminal a line now and then is enough. */
const lineEveryMs = 5_000;

/**
 * Shows how an operation goes until it ends, or until Ctrl-C: the server goes on with it. Answers the last that was seen.
 */
export async function followOperation(
  server: Server,
  begun: OperationAnswer,
  { io, clock = systemClock }: { readonly io: Io; readonly clock?: Clock },
): Promise<OperationAnswer> {
  const left = new AbortController();
  const leave = (): void => left.abort();
  process.once("SIGINT", leave).once("SIGTERM", leave);
  let now = begun;
  let toldMs = clock.nowMs();
  try {
    while (now.state === "running" && !left.signal.aborted) {
      if (io.errTty) io.err(`\r${bar(now)}`);
      else if (clock.nowMs() - toldMs >= lineEveryMs) {
        toldMs = clock.nowMs();
        io.err(`${bar(now)}\n`);
      }
      await clock.sleep(askEveryMs, left.signal).catch(() => undefined);
      if (!left.signal.aborted) now = await server.get<OperationAnswer>(`/operations/${now.id}`);
    }
    if (io.errTty) io.err(`\r${bar(now)}\n`);
    if (now.state === "running") io.err(goesOn(now.id));
    return now;
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
  }
}

export function goesOn(id: string): string {
  return `it goes on in the server: see tidemill ops ls, or end it with tidemill ops cancel ${id}\n`;
}

const width = 24;

/** `[######------------------]  312 of 1250, 2 failed`. */
function bar({ done, failed, total }: OperationAnswer): string {
  const share = total === 0 ? 1 : Math.min(1, (done + failed) / total);
  const full = Math.round(share * width);
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  return `[${"#".repeat(full)}${"-".repeat(width - full)}]  ${done} of ${total}${failures}`;
}

/** What it came to, for people; the exit code is 1 unless all was done. */
export function tellEnd(operation: OperationAnswer, { io, end }: VerbContext): void {
  const { id, state, done, failed, total, notes, error } = operation;
  const failures = failed === 0 ? "" : `, ${failed} failed`;
  io.out(`${id}  ${state}: ${done} of ${total}${failures}\n`);
  for (const note of notes) io.err(`  ${note}\n`);
  if (error !== undefined) io.err(`  ${error}\n`);
  if (state === "cancelled" || state === "failed" || failed > 0) end(exit.bad);
}
