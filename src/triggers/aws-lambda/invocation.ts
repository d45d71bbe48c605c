import type { InvocationResponse } from "@aws-sdk/client-lambda";
import { readBatchAnswer } from "../../kit/batch.ts";
import type { Outcome } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import type { TraceContext } from "../../lib/trace.ts";

/** Of an answer this much is shown. */
const shownBytes = 4096;
const shownLogChars = 1000;

/**
 * What a function finds in `context.clientContext.custom`: the idempotency key and its place in the trace. Lambda hands it
 * over in synchronous invocations only, and takes at most 3,583 bytes of it: these are 800 at most.
 */
export function clientContext(key: string, { traceparent, tracestate }: TraceContext): string {
  const custom = { "idempotency-key": key, traceparent, ...(tracestate === undefined ? {} : { tracestate }) };
  return Buffer.from(JSON.stringify({ custom })).toString("base64");
}

/** What became of an invocation. Throws LAMBDA_FAILED where the function failed (T9: the status is 200 then too). */
export function outcomeOf(
  functionName: string,
  response: InvocationResponse,
  { batch }: { readonly batch: boolean },
): Outcome {
  const { StatusCode: status = 200, FunctionError, Payload, LogResult } = response;
  const payload = Buffer.from(Payload ?? new Uint8Array());
  if (FunctionError !== undefined && FunctionError !== "") {
    const why = sayError(payload.toString()) || "it said nothing";
    const log = LogResult === undefined ? "" : `; its log ends: ${tailOf(LogResult)}`;
    throw new TideError("LAMBDA_FAILED", `function ${functionName} failed (${FunctionError}): ${why}${log}`);
  }
  // a character cut in two by the limit is left out
  const body = new TextDecoder().decode(payload.subarray(0, shownBytes), { stream: true });
  return {
    status,
    said: status === 202 ? "queued by Lambda" : status === 204 ? "may be invoked" : `${functionName} answered`,
    ...(body === "" ? {} : { body }),
    ...(batch ? { failedItems: readBatchAnswer(payload.toString(), { cut: false, json: true }) } : {}),
  };
}

/** `{ errorType, errorMessage, trace }`, as the runtimes write it; otherwise the text itself. */
function sayError(payload: string): string {
  let said: unknown;
  try {
    said = JSON.parse(payload);
  } catch {
    return payload.slice(0, shownLogChars);
  }
  if (!isRecord(said) || typeof said.errorMessage !== "string") return payload.slice(0, shownLogChars);
  const type = typeof said.errorType === "string" ? `${said.errorType}: ` : "";
  return `${type}${said.errorMessage}`.slice(0, shownLogChars);
}

function tailOf(logResult: string): string {
  return Buffer.from(logResult, "base64").toString().trim().slice(-shownLogChars);
}
