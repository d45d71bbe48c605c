import { hash } from "node:crypto";

/** The first 32 hex digits of SHA-256, the form of all ids that tidemill derives (design: event id, firing id). */
export function digest(text: string): string {
  return hash("sha256", text, "hex").slice(0, 32);
}
