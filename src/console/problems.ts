import { codes } from "../lib/codes/index.ts";
import { type CodeName, isTide, messageOf } from "../lib/errors.ts";

/** RFC 9457 `application/problem+json`, with the stable code and what to do. */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** `TMnnnn`. */
  readonly code: string;
  readonly fix: string;
}

/** The status of codes that are not the server's own trouble. */
const statuses: Readonly<Partial<Record<CodeName, number>>> = {
  USAGE: 400,
  TOKEN_REQUIRED: 401,
  TOKEN_REFUSED: 401,
  HOST_REFUSED: 403,
  SCOPE_MISSING: 403,
  EVENT_UNKNOWN: 404,
  TRACE_UNKNOWN: 404,
  ENTRY_UNKNOWN: 404,
  FIRING_UNKNOWN: 404,
  JOB_UNKNOWN: 404,
  OPERATION_UNKNOWN: 404,
  PAUSABLE_UNKNOWN: 404,
  NOT_FOUND: 404,
  RECORD_OFF: 409,
  JOBS_OFF: 409,
  OPERATIONS_BUSY: 409,
  EVENT_TOO_LARGE: 413,
  CONTENT_TYPE_REFUSED: 415,
  TOKEN_TRIES: 429,
  BUS_FULL: 503,
  BUS_CLOSED: 503,
  PAUSED: 503,
  STARTING: 503,
  STOPPED: 503,
};

export function problemOf(error: unknown): Problem {
  const name = isTide(error) ? error.code : nameOf(statusOf(error));
  const status = isTide(error) ? (statuses[name] ?? 500) : (statusOf(error) ?? 500);
  const { id, says, fix } = codes[name];
  return { title: says, status, detail: messageOf(error), code: id, fix };
}

/** Fastify's own refusals (no such content type, a body over the limit) carry a status. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}

function nameOf(status: number | undefined): CodeName {
  if (status === 404) return "NOT_FOUND";
  if (status === 413) return "EVENT_TOO_LARGE";
  return status === undefined ? "INTERNAL" : "USAGE";
}
