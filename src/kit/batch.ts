import { isRecord } from "../lib/json.ts";
/**
 * What a target answers about the items of a batch: those that failed, by index in the body, event id or firing id.
 * Nothing failed: an empty list. `unreadable`: it tells failures in a form that is not understood, so that no item can be
 * taken for done.
 */
export type BatchAnswer = readonly (string | number)[] | "unreadable";

/** Of the answer to a batch this much is read: 10,000 identifiers of 100 bytes. */
export const batchAnswerBytes = 1024 * 1024;

const none: BatchAnswer = [];

/**
 * Reads a partial failure as AWS Lambda has it: `{ "batchItemFailures": [{ "itemIdentifier": ID }] }`; an empty list or
 * null means success. An answer that is no JSON object with that key says nothing about items: the status alone counts.
 * `cut`: there was more than was read; `json`: the content type says JSON.
 */
export function readBatchAnswer(
  body: string,
  { cut, json }: { readonly cut: boolean; readonly json: boolean },
): BatchAnswer {
  if (cut) return json ? "unreadable" : none;
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    // Lambda takes broken JSON for a failure; what does not claim to be JSON is a text such as "OK"
    return json && body.trim() !== "" ? "unreadable" : none;
  }
  if (!isRecord(answer) || !Object.hasOwn(answer, "batchItemFailures")) return none;
  const { batchItemFailures: failures } = answer;
  if (failures === null) return none;
  if (!Array.isArray(failures)) return "unreadable";
  const ids: (string | number)[] = [];
  for (const failure of failures) {
    const id: unknown = isRecord(failure) ? failure.itemIdentifier : undefined;
    if (typeof id !== "number" && (typeof id !== "string" || id === "")) return "unreadable";
    ids.push(id);
  }
  return ids;
}
