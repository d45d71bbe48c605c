import type { FastifyInstance } from "fastify";
import type { Redactor } from "../telemetry/redact.ts";

/**
 * Texts of answers go out without secrets, since errors of targets may repeat what was sent to them. The data of events is
 * left as it came: it is what was asked for.
 */
export function redactAnswers(app: FastifyInstance, redactor: Redactor): void {
  app.addHook("preSerialization", async (_request, _reply, payload) => cleaned(payload, redactor));
}

function cleaned(value: unknown, redactor: Redactor): unknown {
  if (typeof value === "string") return redactor.clean(value);
  if (Array.isArray(value)) return value.map((item) => cleaned(item, redactor));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, eventData.has(key) ? member : cleaned(member, redactor)]),
  );
}

const eventData: ReadonlySet<string> = new Set(["data", "dataBase64"]);
