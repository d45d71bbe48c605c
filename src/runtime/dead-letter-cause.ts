import { hash } from "node:crypto";

/** What a dead letter died of, as far as it tells one cause from another. */
export interface Cause {
  readonly namespace: string;
  readonly bus: string;
  readonly sensor: string;
  readonly trigger: string;
  readonly code: string;
  readonly status: string | undefined;
  readonly message: string;
}

/** What is read of a message: a target's answer may be long, and its end says nothing new. */
const mostRead = 2_048;
/** What is kept of it: an answer is cut at some length, which must not tell messages apart. */
const mostKept = 120;

/**
 * The id of a cause, stable over restarts and machines: a hash of the trigger, the code, the status and the message without
 * what varies from one occurrence to the next.
 */
export function groupOf({ namespace, bus, sensor, trigger, code, status, message }: Cause): string {
  const parts = JSON.stringify([namespace, bus, sensor, trigger, code, status ?? "", normalised(message)]);
  return `g_${hash("sha256", parts).slice(0, 10)}`;
}

/**
 * A message without its numbers, ids, hex digits, quoted strings, addresses of mail, and what varies in its URLs, so that two
 * occurrences of one cause read the same. Takes time linear in what is read of it.
 */
export function normalised(message: string): string {
  const plain = message
    .slice(0, mostRead)
    .replace(/\\+$/, "")
    .replaceAll(/"(?:[^"\\]|\\.)*(?:"|$)/gs, quoted)
    .replaceAll(/`[^`]*`/g, quoted)
    .replaceAll(/(?<!\w)'[^']*'(?!\w)/g, quoted)
    .replaceAll(/[^\s"]+/g, shapeOfToken)
    .replaceAll(/[\w-]+/g, (word) => (varies(word) ? "#" : word))
    .replaceAll(/#(?:[\s.,:;/+-]*#)+/g, "#")
    .replaceAll(/"…"(?:\s*[,:]\s*"…")+/g, quoted)
    .replaceAll(/\s+/g, " ")
    .trim();
  return cut(plain).replace(/[\s,:;{["…]+$/, "");
}

const quoted = '"…"';

/** A token between spaces: an address of mail is an id, and of a URL just the shape tells something. */
function shapeOfToken(token: string): string {
  const scheme = token.indexOf("://");
  if (scheme >= 0) return shapeOfUrl(token, scheme);
  return token.includes("@") ? "#" : token;
}

function shapeOfUrl(url: string, scheme: number): string {
  const [address = ""] = url.slice(scheme + 3).split(/[?#]/, 1);
  const [host = "", ...path] = address.split("/");
  const steps = path.map((step) => (/[\d%]/.test(step) || step.length > 24 ? "#" : step.replace(/[).,:;]+$/, "")));
  return `${url.slice(0, scheme)}://${[host.slice(host.indexOf("@") + 1), ...steps].join("/")}`;
}

/** A word with a digit, or one that is long and all hex, is somebody's id; a UUID is one word, hyphens and all. */
function varies(word: string): boolean {
  return /\d/.test(word) || (word.length >= 12 && /^[a-f]+$/i.test(word));
}

/** At the end of a word. */
function cut(text: string): string {
  if (text.length <= mostKept) return text;
  const end = text.lastIndexOf(" ", mostKept);
  return text.slice(0, end > mostKept / 2 ? end : mostKept);
}
