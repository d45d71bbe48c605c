import { Agent, request } from "undici";
import { messageOf } from "../../lib/errors.ts";
import { type Message, marksOf, type SendResult, type Target } from "../target.ts";

/** Longest wait for an answer. */
const answerMs = 60_000;

/**
 * A POST for each message. 2xx is taken; another status below 500 is refused, but for 408 and 429, which are "later", as 5xx
 * is. tidemill's webhooks tell the event's id.
 */
export function httpTarget(url: URL, { inFlight }: { readonly inFlight: number }): Target {
  const agent = new Agent({ connections: inFlight, headersTimeout: answerMs, bodyTimeout: answerMs });
  return {
    name: url.href,
    batch: 1,
    send: (messages, signal) =>
      Promise.all(
        messages.map(async (message): Promise<SendResult> => {
          try {
            const headers = {
              "content-type": "application/json",
              traceparent: message.traceparent,
              ...marksOf(message),
            };
            const options = { method: "POST", headers, body: message.bytes, dispatcher: agent, signal } as const;
            const { statusCode, headers: answered, body } = await request(url, options);
            const text = await body.text();
            return resultOf(statusCode, { text, id: answered["tidemill-event-id"] });
          } catch (error) {
            return { outcome: "failed", reason: messageOf(error) };
          }
        }),
      ),
    [Symbol.asyncDispose]: () => agent.close(),
  };
}

function resultOf(
  status: number,
  { text, id }: { readonly text: string; readonly id: string | readonly string[] | undefined },
): SendResult {
  const event = typeof id === "string" ? { event: id } : {};
  if (status < 300) return { outcome: "taken", ...event };
  const later = status >= 500 || status === 408 || status === 429;
  return { outcome: later ? "failed" : "refused", reason: `${status}: ${text.trim().slice(0, 200)}`, ...event };
}

/** How the admin API of a running tidemill hands in an event; `data` is what a sensor would see. */
export type SendEvent = (
  source: string,
  message: Pick<Message, "bytes" | "traceparent">,
  signal: AbortSignal,
) => Promise<SendResult>;

/** `source:web/hello`: through the admin API, without the source's own server or queue. */
export function sourceTarget(source: string, send: SendEvent): Target {
  return {
    name: `source:${source}`,
    batch: 1,
    send: (messages, signal) => Promise.all(messages.map((message) => send(source, message, signal))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
