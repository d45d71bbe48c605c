import { createHash } from "node:crypto";

/** The label that holds the firing id: an object with ours was made by an earlier attempt. */
export const firingLabel = "tidemill/firing";

/** A firing id as a label value: at most 63 characters of a label's alphabet, the end of a `dlqTrigger`'s id included. */
export function firingLabelOf(key: string): string {
  return labelValue(key);
}

/**
 * The name that a `generateName` becomes: its end is made from the firing id, so that another attempt of the same firing
 * finds the object again. Kubernetes' own alphabet, which spells no words; ten characters are 2 * 10^14 names.
 */
export function generatedName(generateName: string, key: string): string {
  const suffix = [...createHash("sha256").update(key).digest().subarray(0, 10)]
    .map((byte) => alphabet[byte % alphabet.length])
    .join("");
  return generateName.slice(0, maxNameLength - suffix.length) + suffix;
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const maxNameLength = 63;

/** A text as a label can have it: the API refuses anything else (T5). */
export function labelValue(text: string): string {
  if (/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(text)) return text;
  return text
    .replace(/[^-A-Za-z0-9_.]/g, "-")
    .slice(0, 63)
    .replace(/^[-_.]+|[-_.]+$/g, "");
}
