import { fork } from "node:child_process";
import { type CodeName, TideError } from "../../lib/errors.ts";
import { sibling } from "../../lib/sibling.ts";
import { placeOf } from "../address.ts";
import { driverOf, type RecordOptions } from "../open.ts";
import type { Asked, QueryAnswer, QueryCall } from "./answer.ts";

/** A server has this long to say by itself that the time is over: its message names the statement. */
const graceMs = 1_000;

/**
 * Runs one statement of a person's on a record, and changes nothing: SQLite is opened read-only, a server is told that the
 * session and the transaction are. It runs in a process of its own, which ends with it: SQLite cannot be interrupted.
 * Rejects with RECORD_QUERY (what the database says about the statement), RECORD_QUERY_TIMEOUT, and as `openRecord`.
 */
export async function queryRecord(
  url: string,
  options: Pick<QueryCall, "sql" | "limit" | "timeoutMs"> & Pick<RecordOptions, "sdk">,
): Promise<QueryAnswer> {
  const place = placeOf(url);
  const { sdk, sql, limit, timeoutMs } = options;
  await driverOf(place, sdk);
  const child = fork(sibling(import.meta.url, "./child"), {
    serialization: "advanced",
    execArgv: ["--no-warnings"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const patienceMs = timeoutMs + (place.kind === "sqlite" ? 0 : graceMs + place.connectTimeoutMs);
  let timer: NodeJS.Timeout | undefined;
  try {
    const asked = await new Promise<Asked>((answered, failed) => {
      const late = new TideError("RECORD_QUERY_TIMEOUT", `the query took longer than ${timeoutMs} ms`);
      timer = setTimeout(() => failed(late), patienceMs);
      child.once("message", (message) => answered(message as Asked));
      child.once("error", (cause) => failed(new TideError("RECORD_FAILED", "starting the query", { cause })));
      child.once("exit", (code, signal) =>
        failed(new TideError("RECORD_FAILED", `the process of the query ended with ${signal ?? code}`)),
      );
      child.send({ place, sql, limit, timeoutMs } satisfies QueryCall);
    });
    if ("code" in asked) throw new TideError(asked.code as CodeName, asked.message);
    return asked.answer;
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}
