import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import type { Thrown } from "../messages.ts";
import { JunkError } from "./answer.ts";

const mostFrames = 5;
const maxLength = 2_000;

/** Anything that can be thrown, as data. Never throws: what is thrown may have getters that do. */
export function thrownOf(error: unknown, kind: Thrown["kind"] = "threw"): Thrown {
  try {
    return told(error, kind);
  } catch {
    return { kind, name: "Error", message: "an error that cannot be read", frames: [] };
  }
}

function told(error: unknown, kind: Thrown["kind"]): Thrown {
  if (error instanceof JunkError) return { kind: "junk", name: "", message: cut(error.message), frames: [] };
  if (!isError(error)) {
    const message = inspect(error, { depth: 2, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 500 });
    return { kind, name: "", message: cut(`what was thrown is no Error: ${message}`), frames: [] };
  }
  const { retry, retryAfterMs } = error as { readonly retry?: unknown; readonly retryAfterMs?: unknown };
  return {
    kind,
    name: cut(String(error.name)),
    message: cut(`${messageOf(error)}${deniedOf(error)}`),
    frames: framesOf(String(error.stack ?? "")),
    ...(retry === false ? { never: true } : {}),
    ...(typeof retryAfterMs === "number" && retryAfterMs > 0 && Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

/** An Error of this realm, or what looks like one: modules may bring errors of a `vm` context. */
function isError(error: unknown): error is Error {
  return error instanceof Error || Object.prototype.toString.call(error) === "[object Error]";
}

/** What Node's permission model says beside its message: which right, and for what. */
function deniedOf(error: Error): string {
  const { code, permission, resource } = error as { code?: unknown; permission?: unknown; resource?: unknown };
  return code === "ERR_ACCESS_DENIED" ? ` (${String(permission)} ${String(resource)})` : "";
}

function messageOf(error: Error): string {
  const parts: string[] = [];
  for (let e: unknown = error, depth = 0; isError(e) && depth < 4; e = e.cause, depth++) {
    const text = String(e.message || e.name);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(": ");
}

/** The folder of tidemill's own code that runs beside the function. */
const ours = new URL("..", import.meta.url).href;

function framesOf(stack: string): readonly string[] {
  const frames: string[] = [];
  for (const line of stack.slice(0, 20_000).split("\n")) {
    const frame = /^\s+at (.+)$/.exec(line)?.[1];
    if (frame === undefined || /\bnode:|<anonymous>\)?$/.test(frame) || frame.includes(ours)) continue;
    frames.push(cut(frame.replace(/file:\/\/[^\s)]+?(?=:\d+(?::\d+)?\)?$)/, (url) => pathOf(url))));
    if (frames.length === mostFrames) break;
  }
  return frames;
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

function cut(text: string): string {
  return text.slice(0, maxLength);
}
