import { open, truncate } from "node:fs/promises";
import { codeOf, messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";

/** The end of a log file. */
export interface LogText {
  readonly path: string;
  readonly text: string;
  /** There is more before it. */
  readonly cut: boolean;
}

/** The last `maxBytes` of a file; empty when it is not there. */
export async function tail(path: string, maxBytes: number): Promise<LogText> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const from = Math.max(0, size - maxBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, maxBytes)), 0, undefined, from);
    return { path, text: buffer.subarray(0, bytesRead).toString(), cut: from > 0 };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { path, text: "", cut: false };
    throw error;
  }
}

/**
 * Keeps a log file that a process writes to under `maxBytes`: what is over is cut from its beginning, down to half. The
 * process has the file open for appending, so that it goes on at the new end; what it writes during the cut is lost, and
 * so is what says where it was cut. A pipe through tidemill would lose nothing, but end the process with tidemill.
 */
async function trim(path: string, maxBytes: number): Promise<void> {
  await using file = await open(path, "r+");
  const { size } = await file.stat();
  if (size <= maxBytes) return;
  const { text } = await tail(path, Math.floor(maxBytes / 2));
  const lines = text.slice(text.indexOf("\n") + 1);
  await truncate(path, 0);
  await using end = await open(path, "a");
  await end.appendFile(`[tidemill: ${size - Buffer.byteLength(lines)} bytes cut]\n${lines}`);
}

const trimEveryMs = 250;

/** Trims a log file again and again until disposed, and once more then. */
export function bounded(path: string, maxBytes: number, log: Log): Disposable {
  let busy = false;
  const look = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      await trim(path, maxBytes);
    } catch (error) {
      log.debug({ path, error: messageOf(error) }, "log cannot be trimmed");
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), trimEveryMs).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      void look();
    },
  };
}
