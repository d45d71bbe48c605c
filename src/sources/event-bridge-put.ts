import { hash, randomUUID } from "node:crypto";
import { type EnvelopeFields, envelopeData, envelopeJson } from "../kit/event-envelope.ts";
import { headerOf } from "../kit/headers.ts";
import type { Draft } from "../kit/source.ts";
import { traceOfHeaders } from "../kit/trace-headers.ts";
import type { Member, WebRequest, WebResponse } from "../kit/webhook.ts";
import { isTide, messageOf } from "../lib/errors.ts";
import type { Receipt } from "../lib/event.ts";
import { type TraceContext, traceFromAws } from "../lib/trace.ts";
import type { Desk } from "./event-bridge.ts";
import { errorAnswer, putEventsAnswer, type ResultEntry } from "./event-bridge-answers.ts";
import { readBusName } from "./event-bridge-config.ts";
import { type Admission, admit } from "./event-bridge-keys.ts";
import { type EntryFault, invalidArgument, type PutEntry, readPutEvents } from "./event-bridge-request.ts";

/** One request, to all entries that share its place. */
export async function answerPutEvents(request: WebRequest, members: readonly Member<Desk>[]): Promise<WebResponse> {
  const requestId = randomUUID();
  const target = headerOf(request.rawHeaders, "x-amz-target") ?? "";
  if (target !== "AWSEvents.PutEvents") {
    const message = `${target === "" ? "A request without X-Amz-Target" : target} is not served here, only AWSEvents.PutEvents is: rules are patterns in the manifest`;
    return errorAnswer(requestId, { status: 400, code: "UnknownOperationException", message });
  }
  const nowMs = members[0]?.value.cx.clock.nowMs() ?? 0;
  const admission = await admit(request, members, nowMs);
  if ("code" in admission) return errorAnswer(requestId, admission);
  const entries = readPutEvents(request.body);
  if ("code" in entries) return errorAnswer(requestId, { status: 400, ...entries });
  const call: Call = { request, members, admission, nowMs, trace: traceOfHeaders(request.rawHeaders) };
  const results = await putAll(entries.map((entry, at) => ("ErrorCode" in entry ? entry : address(call, entry, at))));
  return allToComeAgain(requestId, results) ?? putEventsAnswer(requestId, results);
}

interface Call {
  readonly request: WebRequest;
  readonly members: readonly Member<Desk>[];
  readonly admission: Admission;
  readonly nowMs: number;
  /** That of the request. */
  readonly trace: TraceContext | undefined;
}

/** An entry on its way: what each of its addressees gets. */
interface Addressed {
  readonly eventId: string;
  readonly drafts: readonly { readonly desk: Desk; readonly draft: Draft }[];
}

const comeAgain = "InternalFailure";
const throttled = "ThrottlingException";

/** Who gets an entry. One that matches nobody is an event all the same: the first entry of its bus records it as filtered. */
function address(call: Call, entry: PutEntry, at: number): Addressed | EntryFault {
  const here = call.members.filter(({ value }) => isMeant(value, entry.bus));
  if (here.length === 0) {
    const ErrorMessage = `Event bus ${entry.bus} does not exist.`;
    return { ErrorCode: "ResourceNotFoundException", ErrorMessage };
  }
  const fields = fieldsOf(call, entry, at);
  const view = { version: "0", ...fields, detail: entry.detailValue };
  let matching: readonly Member<Desk>[];
  try {
    matching = here.filter(({ value }) => value.pattern?.matches({ ...view, ...placeOf(value, call, entry) }) ?? true);
  } catch (error) {
    if (!isTide(error, "EXPRESSION_FAILED")) throw error;
    return invalidArgument("Detail", messageOf(error));
  }
  const { admits } = call.admission;
  const recorders = matching.length > 0 ? matching : here.filter(({ value }) => admits.has(value)).slice(0, 1);
  if (recorders.length === 0 || recorders.some(({ value }) => !admits.has(value))) {
    const ErrorMessage = `The key of the request may not put this event on event bus ${entry.bus}.`;
    return { ErrorCode: "AccessDeniedException", ErrorMessage };
  }
  const gone = recorders.find(({ away }) => away !== undefined);
  if (gone !== undefined) return { ErrorCode: comeAgain, ErrorMessage: `${gone.owner}: ${gone.away}` };
  const trace = traceFromAws(entry.traceHeader) ?? call.trace;
  const drafts = recorders.map(({ value: desk }) => {
    const envelope = envelopeJson({ ...fields, ...placeOf(desk, call, entry) }, entry.detail);
    const draft: Draft = {
      data: envelopeData(envelope, desk.cx.config.metadata),
      upstreamId: fields.id,
      ...sentAt(entry.timeMs),
      ...(trace === undefined ? {} : { trace }),
      ...(matching.length > 0 ? {} : { turnedDown: `no pattern of event bus ${entry.bus} matches` }),
    };
    return { desk, draft };
  });
  return { eventId: fields.id, drafts };
}

/** Whether a bus, by name or ARN, is that of an entry. What one of the two does not say, it leaves open. */
function isMeant({ bus }: Desk, asked: string): boolean {
  const { name, region, account } = readBusName(asked) ?? { name: asked };
  if (name !== bus.name) return false;
  if (region !== undefined && bus.region !== undefined && region !== bus.region) return false;
  return account === undefined || bus.account === undefined || account === bus.account;
}

/** Region and account of an event at an entry: the entry's, then those that the request names. */
function placeOf({ bus }: Desk, call: Call, entry: PutEntry): Pick<EnvelopeFields, "account" | "region"> {
  const asked = readBusName(entry.bus);
  return {
    account: bus.account ?? asked?.account ?? "000000000000",
    region: bus.region ?? asked?.region ?? call.admission.region ?? "us-east-1",
  };
}

function fieldsOf(call: Call, entry: PutEntry, at: number): EnvelopeFields {
  const ms = entry.timeMs ?? call.request.receivedUs / 1000;
  return {
    id: eventIdOf(call.request, entry, at),
    "detail-type": entry.detailType,
    source: entry.source,
    account: "",
    // whole seconds, as EventBridge writes it
    time: `${new Date(ms).toISOString().slice(0, 19)}Z`,
    region: "",
    resources: entry.resources,
  };
}

/**
 * An SDK that sends a request again, for its answer was lost, gives it the same invocation id: then the same entry gets
 * the same id, and what the bus has already is a duplicate. The id alone is not trusted: the entry's content is in it too.
 */
function eventIdOf({ rawHeaders }: WebRequest, { detailValue: _, ...entry }: PutEntry, at: number): string {
  const invocation = headerOf(rawHeaders, "amz-sdk-invocation-id") ?? "";
  if (!/^[\da-f-]{36}$/i.test(invocation)) return randomUUID();
  const digits = hash("sha256", JSON.stringify([invocation.toLowerCase(), at, entry]));
  // version 8, for ids of one's own making, and the variant of RFC 9562
  const variant = ((Number.parseInt(digits[16] ?? "0", 16) & 3) | 8).toString(16);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

/** `Time` is when it happened at the sender. A time before 1970 is none that a delay can be counted from. */
function sentAt(timeMs: number | undefined): { readonly sentUs?: number } {
  return timeMs === undefined || timeMs < 0 ? {} : { sentUs: Math.round(timeMs * 1000) };
}

/** Hands all drafts over, each addressee's together, and says what became of each entry. */
async function putAll(entries: readonly (Addressed | EntryFault)[]): Promise<readonly ResultEntry[]> {
  const byDesk = new Map<Desk, { readonly at: number; readonly draft: Draft }[]>();
  for (const [at, entry] of entries.entries()) {
    if ("ErrorCode" in entry) continue;
    for (const { desk, draft } of entry.drafts) {
      const drafts = byDesk.get(desk) ?? [];
      byDesk.set(desk, drafts);
      drafts.push({ at, draft });
    }
  }
  const faults = new Map<number, EntryFault>();
  await Promise.all(
    [...byDesk].map(async ([{ cx }, drafts]) => {
      const receipts = await cx.emit(drafts.map(({ draft }) => draft)).catch((error: unknown) => {
        cx.log.warn({ error: messageOf(error), entries: drafts.length }, "events were not taken: they must come again");
        return faultOf(error);
      });
      for (const [i, { at }] of drafts.entries()) {
        const fault = "ErrorCode" in receipts ? receipts : refusalOf(receipts[i]);
        if (fault !== undefined && !isFinal(faults.get(at))) faults.set(at, fault);
      }
    }),
  );
  return entries.map((entry, at) => {
    const fault = "ErrorCode" in entry ? entry : faults.get(at);
    return fault ?? { EventId: "ErrorCode" in entry ? "" : entry.eventId };
  });
}

function faultOf(error: unknown): EntryFault {
  if (isTide(error, "BUS_FULL")) return { ErrorCode: throttled, ErrorMessage: messageOf(error) };
  return { ErrorCode: comeAgain, ErrorMessage: "the event could not be recorded; send it again" };
}

function refusalOf(receipt: Receipt | undefined): EntryFault | undefined {
  if (receipt === undefined) return { ErrorCode: comeAgain, ErrorMessage: "the bus gave no receipt" };
  return receipt.outcome === "refused" ? invalidArgument("Detail", receipt.reason ?? "it was refused.") : undefined;
}

/** A refusal is the last word, whatever else failed: sending it again would change nothing. */
function isFinal(fault: EntryFault | undefined): boolean {
  return fault !== undefined && fault.ErrorCode !== comeAgain && fault.ErrorCode !== throttled;
}

/**
 * Where nothing was taken and everything may come again, the request as a whole fails: SDKs repeat it by themselves, which they
 * never do for single entries.
 */
function allToComeAgain(requestId: string, results: readonly ResultEntry[]): WebResponse | undefined {
  const codes = new Set(results.map(({ ErrorCode }) => ErrorCode));
  if (![...codes].every((code) => code === comeAgain || code === throttled)) return undefined;
  const message = results[0]?.ErrorMessage ?? "";
  return codes.has(comeAgain)
    ? errorAnswer(requestId, { status: 500, code: "InternalException", message })
    : errorAnswer(requestId, { status: 400, code: throttled, message });
}
