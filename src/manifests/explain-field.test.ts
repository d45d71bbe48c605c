import { expect, test } from "vitest";
import { explainField } from "./explain-field.ts";
import { lists } from "./read.ts";

const explain = (query: string) => explainField(query, lists);

test.each([
  "sensor.spec.triggers.template.http.url",
  "Sensor.spec.triggers[0].template.http.url",
  "sensor.spec.triggers[].template.http.url",
  "http.url",
])("%s is the url of the http trigger", (query) => {
  expect(explain(query)).toMatchObject({
    page: { kind: "Sensor", path: "spec.triggers[].template.http.url", type: "text", fields: [] },
  });
});

test("defaults are told: of the description, or of Go", () => {
  expect(explain("http.timeout")).toMatchObject({ page: { default: "60", type: "whole number" } });
  expect(explain("http.method")).toMatchObject({ page: { default: "POST" } });
  expect(explain("sensor.spec.triggers.atLeastOnce")).toMatchObject({
    page: { default: "false", type: "true or false" },
  });
});

test("a map of the user's names is passed through, and its fields are listed", () => {
  const explained = explain("eventsource.spec.webhook");
  expect(explained).toMatchObject({ page: { path: "spec.webhook" } });
  if (!("page" in explained)) throw new Error("no page");
  expect(explained.page.fields.map(({ name }) => name)).toEqual(expect.arrayContaining(["endpoint", "method", "port"]));
  expect(explain("eventsource.spec.webhook.*.endpoint")).toMatchObject({ page: { path: "spec.webhook.*.endpoint" } });
});

test("extensions are marked", () => {
  expect(explain("sensor.spec.triggers.concurrency")).toMatchObject({ page: { extension: true } });
  expect(explain("sensor.spec.triggers.atLeastOnce")).toMatchObject({ page: { extension: false } });
});

test("what is not clear is listed, and what is misspelt corrected", () => {
  expect(explain("topicArn")).toEqual({
    several: [
      ...["eventsource.spec.sns.topicArn", "eventsource.spec.storageGrid.topicArn"],
      "sensor.spec.triggers.template.sns.topicArn",
    ],
  });
  expect(explain("eventsource.spec.webhok.port")).toEqual({
    unknown: "eventsource.spec.webhok.port",
    meant: "eventsource.spec.webhook.port",
  });
  expect(explain("qqqqqq")).toEqual({ unknown: "qqqqqq", meant: undefined });
  expect(explain("")).toMatchObject({ unknown: "" });
  expect(explain("__proto__.constructor")).toMatchObject({ unknown: "__proto__.constructor" });
});
