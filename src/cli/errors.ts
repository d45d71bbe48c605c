import { codes } from "../lib/codes/index.ts";
import { type CodeName, isTide, messageOf } from "../lib/errors.ts";
import { type Io, printable } from "./io.ts";
import { ServerProblem } from "./server.ts";
import { exit } from "./verb.ts";

/** What, why, and what to do, on `err`; answers the exit code. */
export function sayError(error: unknown, io: Io): number {
  const { id, message, fix } = partsOf(error);
  io.err(`${io.paintErr(["red", "bold"], `error[${id}]`)}: ${printable(message)}\n`);
  io.err(`  fix: ${printable(fix)}\n`);
  // a stack is for our own faults only
  if (error instanceof Error && !isTide(error) && !(error instanceof ServerProblem)) io.err(`${error.stack ?? ""}\n`);
  return exitOf(error);
}

function partsOf(error: unknown): { readonly id: string; readonly message: string; readonly fix: string } {
  if (error instanceof ServerProblem) return { id: error.problem.code, message: error.message, fix: error.problem.fix };
  const { id, fix } = codes[isTide(error) ? error.code : "INTERNAL"];
  return { id, message: messageOf(error), fix };
}

/** Faults of tidemill or of the machine are 1; what was asked wrongly is 2. */
const usage: ReadonlySet<CodeName> = new Set<CodeName>([
  ...(["USAGE", "NOTHING_TO_RUN", "PORT_UNAVAILABLE", "EVENT_UNKNOWN", "ENTRY_UNKNOWN", "FIRING_UNKNOWN"] as const),
  ...([
    "OPERATION_UNKNOWN",
    "OPERATIONS_BUSY",
    "JOB_UNKNOWN",
    "JOBS_OFF",
    "RECORD_OFF",
    "BUS_LOCKED",
    "BUS_FORMAT_NEWER",
    "BUS_UNWRITABLE",
  ] as const),
  ...(["FILE_UNREADABLE", "HOST_REFUSED", "NOT_FOUND", "BUS_DAMAGED", "EVENT_INVALID", "TEST_INVALID"] as const),
  ...(["RECORD_URL", "RECORD_UNSUPPORTED", "RECORD_MISSING", "RECORD_NEWER", "RECORD_UNWRITABLE"] as const),
  ...(["ADMIN_TOKEN_MISSING", "ADMIN_TLS_BAD", "TOKENS_UNREADABLE", "TOKEN_UNKNOWN"] as const),
  ...(["RECORD_QUERY", "RECORD_REFUSED", "CLUSTER_CONFIG", "CONTAINERS_MISSING", "OTLP_OPTIONS_BAD"] as const),
]);

function exitOf(error: unknown): number {
  if (error instanceof ServerProblem) return error.problem.status < 500 ? exit.usage : exit.bad;
  if (isTide(error, "NO_SERVER")) return exit.noServer;
  return isTide(error) && usage.has(error.code) ? exit.usage : exit.bad;
}
