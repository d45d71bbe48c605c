import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { messageOf } from "../../../lib/errors.ts";
import type { Log } from "../../../lib/log.ts";
import type { Engine } from "./engine.ts";

/** How long the last lines of a container that ended may take to come. Real time. */
const lastLinesMs = 5000;
/**
 * Before a log that broke off is read again, from its beginning. Real time; longer than an engine takes to tell the end of a
 * container whose log has ended, also on a busy machine.
 */
const againMs = 5000;

/**
 * Copies the output of a container to a file until it has ended, from its beginning: what an earlier tidemill copied is
 * written anew, and so it is when the engine breaks off, so that no line is there twice. The two streams come through two
 * pipes; lines written at nearly the same time may change places. Resolves, never rejects, when `ended` has settled and all
 * is written. The pipes end with us: the command line does not write on when tidemill is killed.
 */
export async function copyLog(
  engine: Engine,
  id: string,
  to: { readonly file: string; readonly ended: Promise<unknown>; readonly log: Log },
): Promise<void> {
  let over = false;
  void to.ended.then(() => {
    over = true;
  });
  for (;;) {
    const afterEnd = over;
    try {
      await copyOnce(engine, id, to);
    } catch (error) {
      to.log.warn({ container: id, error: messageOf(error) }, "a container's log cannot be kept");
    }
    // one that was whole after the end is the last
    if (afterEnd || over) return;
    await Promise.race([to.ended, new Promise((resolve) => setTimeout(resolve, againMs))]);
    if (over) return;
  }
}

async function copyOnce(
  engine: Engine,
  id: string,
  { file, ended }: { readonly file: string; readonly ended: Promise<unknown> },
): Promise<void> {
  await writeFile(file, "");
  const child = engine.spawn(["logs", "--follow", id]);
  // appending: what trims the file moves its end
  const appended = createWriteStream(file, { flags: "a" });
  const failed = new Promise<never>((_, reject) => {
    appended.once("error", reject);
    child.once("error", reject);
  });
  failed.catch(() => child.kill());
  child.stdout?.pipe(appended, { end: false });
  child.stderr?.pipe(appended, { end: false });
  let timer: NodeJS.Timeout | undefined;
  void ended.then(() => {
    timer = setTimeout(() => child.kill(), lastLinesMs);
  });
  try {
    await Promise.race([once(child, "close"), failed]);
    appended.end();
    await Promise.race([once(appended, "close"), failed]);
  } finally {
    clearTimeout(timer);
    appended.destroy();
  }
}
