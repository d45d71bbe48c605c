import fastify from "fastify";
import { expect, test } from "vitest";
import { createRedactor } from "../telemetry/redact.ts";
import { redactAnswers } from "./redacting.ts";

test("texts of answers are without secrets, keys and the data of events stay as they came", async () => {
  const redactor = createRedactor();
  redactor.add("hunter22");
  redactor.add("error");
  const app = fastify();
  redactAnswers(app, redactor);
  app.get("/", async () => ({ items: [{ error: "401 for hunter22" }], data: { password: "hunter22" }, count: 1 }));
  const { body } = await app.inject("/");
  expect(JSON.parse(body)).toEqual({ items: [{ error: "401 for ***" }], data: { password: "hunter22" }, count: 1 });
  await app.close();
});
