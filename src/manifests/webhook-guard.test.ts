import { expect, test } from "vitest";
import type { z } from "zod";
import { fieldMeta } from "../kit/fields.ts";
import { guardFields } from "../kit/webhook-guard-fields.ts";
import { planTexts } from "./plan.ts";
import { lists } from "./read.ts";

test("a manifest hears what is wrong, and where", () => {
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: shop}
spec:
  webhook:
    orders:
      endpoint: /orders
      method: POST
      port: "12000"
      signature:
        preset: gihub
        algoritm: md5
      allowFrom:
        - 192.0.2.0/24
        - 192.0.2.0/40
      clientCertificate:
        caSecret: {name: ca, key: crt}
      rateLimit: {requestsPerUnit: 0, unit: second}
`;
  const { findings } = planTexts([{ file: "a.yaml", folder: ".", named: true, text }], lists);
  const told = findings.map(({ line, column, code, message, fix }) => [`${line}:${column} ${code} ${message}`, fix]);
  expect(told).toContainEqual(['11:17 FIELD_VALUE preset cannot be the text "gihub"', "Write github."]);
  expect(told).toContainEqual([expect.stringContaining("12:9 UNKNOWN_FIELD algoritm"), "Write algorithm."]);
  expect(told).toContainEqual([
    expect.stringMatching(/^18:36 FIELD_VALUE requestsPerUnit must be at least 1/),
    undefined,
  ]);
  expect(told).toContainEqual(['18:45 FIELD_VALUE unit cannot be the text "second"', "Write Second."]);
  const fixed = text
    .replace("preset: gihub", "preset: github")
    .replace("algoritm: md5", "secrets: [{name: s, key: k}]");
  const deeper = fixed.replace("requestsPerUnit: 0, unit: second", "requestsPerUnit: 1");
  const then = planTexts([{ file: "a.yaml", folder: ".", named: true, text: deeper }], lists).findings;
  expect(then.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
    "15:11 FIELD_VALUE",
    "16:7 FIELD_CONFLICT",
  ]);
});

test("lint --portable knows all of it for extensions", () => {
  const marks = Object.values(guardFields).map((field) => fieldMeta(field.unwrap() as z.core.$ZodType).extension);
  expect(marks).toEqual(marks.map(() => true));
});
