import fc from "fast-check";
import { expect, it, test } from "vitest";
import { readBatchAnswer } from "./batch.ts";

const read = (body: string, of: Partial<Parameters<typeof readBatchAnswer>[1]> = {}) =>
  readBatchAnswer(body, { cut: false, json: true, ...of });

test.each([
  ["", []],
  ["null", []],
  ["[]", []],
  ["{}", []],
  ['{"ok":true}', []],
  ['{"batchItemFailures":[]}', []],
  ['{"batchItemFailures":null}', []],
  ['{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":0}]}', ["a", 0]],
  ['{"batchItemFailures":[{"itemIdentifier":"a","more":1}],"else":2}', ["a"]],
  ['{"batchItemFailures":{}}', "unreadable"],
  ['{"batchItemFailures":["a"]}', "unreadable"],
  ['{"batchItemFailures":[null]}', "unreadable"],
  ['{"batchItemFailures":[{"itemIdentifier":""}]}', "unreadable"],
  ['{"batchItemFailures":[{"itemIdentifier":null}]}', "unreadable"],
  ['{"batchItemFailures":[{"id":"a"}]}', "unreadable"],
  ['{"batchItemFailures":', "unreadable"],
  ["OK", "unreadable"],
])("%s", (body, answer) => {
  expect(read(body)).toEqual(answer);
});

it("leaves a text alone that does not say it is JSON, and takes one that is", () => {
  expect(read("OK", { json: false })).toEqual([]);
  expect(read('{"batchItemFailures":[{"itemIdentifier":"a"}]}', { json: false })).toEqual(["a"]);
});

it("does not trust an answer of which it has not all", () => {
  expect(read('{"batchItemFailures":[]}', { cut: true })).toBe("unreadable");
  expect(read("<html>", { cut: true, json: false })).toEqual([]);
});

it("answers whatever comes", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (body) => void read(body)));
});
