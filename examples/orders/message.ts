/** A message as it is published: JSON, to the topic and to the queue. */
export interface Message {
  /** `<run>-<number>`: each run of the generator has its own first half. */
  readonly id: string;
  readonly author: string;
  /** `heartbeat` messages are filtered at the source. */
  readonly kind: "order" | "heartbeat";
  /** `true`, and authors that begin with `test-`, are filtered by the sensors. */
  readonly internal: boolean;
  readonly text: string;
  /** When it was handed to SNS or SQS: Unix microseconds. */
  readonly sentUs: number;
}

/** The two ways a message goes: over SNS to the service, over SQS to a Job. */
export const channels = ["topic", "queue"] as const;
export type Channel = (typeof channels)[number];

/** What the manifests are meant to let through. */
export function isWanted({ kind, author, internal }: Pick<Message, "kind" | "author" | "internal">): boolean {
  return kind === "order" && !author.startsWith("test-") && !internal;
}

/** Reads a message from JSON text; throws an Error that names what is wrong. */
export function parseMessage(text: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error("the message is no JSON", { cause });
  }
  if (typeof value !== "object" || value === null) throw new Error("the message is no JSON object");
  const { id, author, kind, internal, text: words, sentUs } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || id === "" || id.length > 64) throw new Error("id must be a text of 1 to 64 characters");
  if (typeof author !== "string" || author === "" || author.length > 64) {
    throw new Error("author must be a text of 1 to 64 characters");
  }
  if (typeof sentUs !== "number" || !Number.isSafeInteger(sentUs)) throw new Error("sentUs must be a whole number");
  return {
    id,
    author,
    kind: kind === "heartbeat" ? "heartbeat" : "order",
    internal: internal === true,
    text: typeof words === "string" ? words : "",
    sentUs,
  };
}

/** Unix microseconds; finer than `Date.now()`, which has whole milliseconds. */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}
