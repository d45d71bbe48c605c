import type { Egress } from "../../kit/egress.ts";
import { TideError } from "../../lib/errors.ts";
import { isRecord, recordOf } from "../../lib/json.ts";
import { HttpClient } from "../http/client.ts";
import type { Answer } from "../http/exchange.ts";
import { retryAfterMs } from "../http/headers.ts";
import { send } from "../http/send.ts";
import { parseTarget, type Target } from "../http/target.ts";
import type { SlackMessage } from "./message.ts";

const timeoutMs = 30_000;
const keptBytes = 256 * 1024;

/** Words of `ok: false` after which the same message may be taken later; any other is final. */
const passing: ReadonlySet<string> = new Set([
  "ratelimited",
  "rate_limited",
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
  "accesslimited",
  "external_channel_migrating",
]);

/** Words that say that the thread is not there any more. */
const threadGone: ReadonlySet<string> = new Set(["thread_not_found", "message_not_found", "cannot_reply_to_message"]);

export function isThreadGone(error: unknown): boolean {
  return error instanceof TideError && threadGone.has(/: (\w+)$/.exec(error.message)?.[1] ?? "");
}

/** Slack's Web API, as far as it is called. */
export class SlackApi implements AsyncDisposable {
  readonly #client: HttpClient;
  readonly #target: Target;
  readonly #token: string;

  /** Throws REQUEST_INVALID where the URL is none. */
  constructor(baseUrl: string, token: string, egress: Egress) {
    this.#target = parseTarget(`${baseUrl.replace(/(?<!\/)\/+$/, "")}/chat.postMessage`);
    this.#client = new HttpClient(this.#target.origin, {}, egress);
    this.#token = token;
  }

  /**
   * Posts a message; resolves with its `ts`, by which others answer it. Throws SLACK_REFUSED, SLACK_BUSY with the pause that
   * Slack asks for, or what sending a request throws.
   */
  async post(message: SlackMessage, { signal, nowMs }: { signal: AbortSignal; nowMs: number }): Promise<string> {
    const body = Buffer.from(JSON.stringify(message));
    const headers = ["Authorization", `Bearer ${this.#token}`, "Content-Type", "application/json; charset=utf-8"];
    const request = { target: this.#target, method: "POST", headers, body, host: undefined };
    // a redirect would take the token's owner, and the message, to who knows where
    const answer = await send(request, { client: this.#client, timeoutMs, signal, keptBytes, redirects: false });
    return timestampOf(answer, `posting to ${message.channel}`, nowMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

function timestampOf({ status, headers, body }: Answer, doing: string, nowMs: number): string {
  const asked = headers["retry-after"];
  const pauseMs = asked === undefined ? undefined : retryAfterMs(asked, nowMs);
  const later = pauseMs === undefined ? {} : { retry: { afterMs: pauseMs } };
  const read = answerOf(body);
  const word = typeof read.error === "string" ? read.error : undefined;
  if (status === 429 || status >= 500 || (word !== undefined && passing.has(word)))
    throw new TideError(
      "SLACK_BUSY",
      `${doing}: Slack answered ${status}${word === undefined ? "" : ` ${word}`}`,
      later,
    );
  if (word !== undefined && read.ok !== true) {
    const details = detailsOf(read);
    throw new TideError("SLACK_REFUSED", `${doing}: ${details === "" ? "" : `${details}: `}${word}`);
  }
  if (status !== 200 || read.ok !== true || typeof read.ts !== "string")
    throw new TideError("SLACK_REFUSED", `${doing}: status ${status}, and no answer of Slack's API`);
  return read.ts;
}

function answerOf(body: Buffer | undefined): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(body?.toString() ?? "");
    return recordOf(read);
  } catch {
    return {};
  }
}

/** What Slack says of blocks that are wrong, and of scopes. */
function detailsOf(read: Readonly<Record<string, unknown>>): string {
  const said = isRecord(read.response_metadata) ? read.response_metadata.messages : undefined;
  const messages = Array.isArray(said) ? said.filter((one) => typeof one === "string") : [];
  const needed = typeof read.needed === "string" ? [`needs the scope ${read.needed}`] : [];
  return [...needed, ...messages].join("; ").slice(0, 500);
}
