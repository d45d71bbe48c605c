import { TideError } from "../../lib/errors.ts";
import type { Gone } from "./link.ts";
import type { Thrown } from "./messages.ts";

const codes = { threw: "FUNCTION_THREW", junk: "FUNCTION_ANSWER_INVALID", unloadable: "FUNCTION_UNLOADABLE" } as const;

/** What was thrown inside, as the stage knows failures. `folder`: of the module, whose paths are shown without it. */
export function failureOf(thrown: Thrown, folder: string): TideError {
  const { kind, never, retryAfterMs } = thrown;
  const retry = never === true ? "never" : retryAfterMs === undefined ? undefined : { afterMs: retryAfterMs };
  return new TideError(codes[kind], sayThrown(thrown, folder), retry === undefined ? {} : { retry });
}

export function uncaughtOf(thrown: Thrown, folder: string): TideError {
  return new TideError("FUNCTION_UNCAUGHT", `nobody could catch ${sayThrown(thrown, folder)}`);
}

/** `TypeError: x is not a function, at handler (ingest.ts:12:9), at …`: what fits into a line of `why`. */
function sayThrown({ name, message, frames }: Thrown, folder: string): string {
  const what = name === "" || message.startsWith(name) ? message : `${name}: ${message}`;
  return [what, ...frames.slice(0, 3).map((frame) => `at ${frame.replace(`${folder}/`, "")}`)].join(", ");
}

export function goneOf(how: Gone, memoryLimit: number): TideError {
  if (how.how === "memory")
    return new TideError("FUNCTION_MEMORY", `the function needs more than ${memoryLimit} MiB: ${how.message}`);
  if (how.how === "error") return new TideError("FUNCTION_ENDED", `its thread or process ended: ${how.message}`);
  const { code, said = "" } = how;
  const ended = typeof code === "number" ? `process.exit(${code}) was called, or it ended so` : `it ended by ${code}`;
  return new TideError("FUNCTION_ENDED", said === "" ? ended : `${ended}: ${said}`);
}
