import { hash } from "node:crypto";

/** A place in a trace, as W3C Trace Context writes it; it travels in headers, attributes and extensions of these names. */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>`, in lower-case hex digits. */
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** What a `traceparent` says. */
export interface SpanPlace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Whether whoever began the trace wants it kept. */
  readonly sampled: boolean;
}

const form = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const nothing = /^0+$/;
/** What W3C Trace Context asks to pass on at least, and no more. */
const maxStateLength = 512;

/** Undefined where the text is no `traceparent` (W3C Trace Context 2, 3.2): the context is then as if there were none. */
export function placeOf(traceparent: string): SpanPlace | undefined {
  const [, version, traceId, spanId, flags, more] = form.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (nothing.test(traceId) || nothing.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparentOf({ traceId, spanId, sampled }: SpanPlace): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** The context in fields such as headers; undefined where there is none, or it is damaged. `get` is asked lower-case names. */
export function traceFrom(get: (name: string) => string | undefined): TraceContext | undefined {
  const place = placeOf(get("traceparent")?.trim() ?? "");
  if (place === undefined) return undefined;
  const tracestate = get("tracestate")?.trim();
  const traceparent = traceparentOf(place);
  return tracestate === undefined || tracestate === "" || tracestate.length > maxStateLength
    ? { traceparent }
    : { traceparent, tracestate };
}

const awsRoot = /^1-([\da-f]{8})-([\da-f]{24})$/i;
const awsParent = /^[\da-f]{16}$/i;

/**
 * The context of an X-Ray header (`AWSTraceHeader` of SQS, `TraceHeader` of EventBridge, `X-Amzn-Trace-Id`):
 * `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`. Without a parent there is nothing to hang on: undefined.
 */
export function traceFromAws(header: string | undefined): TraceContext | undefined {
  const fields = new Map((header ?? "").split(";").map((part) => pairOf(part)));
  const [, time, rest] = awsRoot.exec(fields.get("root") ?? "") ?? [];
  const parent = fields.get("parent");
  if (time === undefined || rest === undefined || parent === undefined || !awsParent.test(parent)) return undefined;
  const sampled = fields.get("sampled") === "1";
  const place = { traceId: `${time}${rest}`.toLowerCase(), spanId: parent.toLowerCase(), sampled };
  return traceFrom((name) => (name === "traceparent" ? traceparentOf(place) : undefined));
}

function pairOf(part: string): readonly [string, string] {
  const at = part.indexOf("=");
  return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()];
}

/** The same context as an X-Ray header. */
export function traceToAws({ traceparent }: TraceContext): string {
  const { traceId, spanId, sampled } = placeOf(traceparent) ?? { traceId: "", spanId: "", sampled: false };
  return `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=${sampled ? 1 : 0}`;
}

/**
 * Span ids are made of what they stand for, so that they need not be remembered: the same attempt has the same span in
 * the header that its target saw, in the record and in what is exported, also after a restart. `kind` is a word of ours.
 */
export function spanIdOf(kind: string, id: string): string {
  return hash("sha256", `${kind} ${id}`).slice(0, 16);
}

/**
 * One try of a firing, for ids: attempts count from 1 anew in each round of a dead letter that is tried again. The first
 * round is 0, and is not in the name.
 */
export function attemptName(firing: string, n: number, round = 0): string {
  return inRound(`${firing}/${n}`, round);
}

/** What there is once in each round of a firing, for ids. */
export function inRound(name: string, round: number): string {
  return round === 0 ? name : `${name}@${round}`;
}

const traceIdForm = /^[\da-f]{32}$/;

/** The trace of an event that brought none: its own id, where that has the form of one. */
export function traceIdOf(eventId: string): string {
  if (traceIdForm.test(eventId) && !nothing.test(eventId)) return eventId;
  return hash("sha256", `trace ${eventId}`).slice(0, 32);
}
