import type { WebResponse } from "../kit/webhook.ts";

const json = "application/x-amz-json-1.1";

/** What became of one entry of a request. */
export interface ResultEntry {
  readonly EventId?: string;
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

/** The answer of PutEvents. */
export function putEventsAnswer(requestId: string, entries: readonly ResultEntry[]): WebResponse {
  const failed = entries.filter(({ ErrorCode }) => ErrorCode !== undefined).length;
  return {
    status: 200,
    headers: { "Content-Type": json, "x-amzn-requestid": requestId },
    body: JSON.stringify({ FailedEntryCount: failed, Entries: entries }),
  };
}

/** An error of the API: SDKs take the code from the body or from the header. */
export function errorAnswer(
  requestId: string,
  { status, code, message }: { readonly status: number; readonly code: string; readonly message: string },
): WebResponse {
  return {
    status,
    headers: { "Content-Type": json, "x-amzn-requestid": requestId, "x-amzn-errortype": code },
    body: JSON.stringify({ __type: code, message }),
  };
}
