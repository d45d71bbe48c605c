import { expect, test } from "vitest";
import type { Finding } from "../lib/finding.ts";
import { allOrNone, exactlyOne, needs, saslRules, someOf, tlsRules, watchPathRules, webhookRules } from "./rules.ts";

const ref = { name: "s", key: "k" };

function told(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, code, path }) => `${severity} ${code} ${path.join(".")}`);
}

test("needed fields are there and not empty", () => {
  expect(told(needs({ a: "x", b: "", c: [] }, ["a", "b", "c", "d"], ["p"]))).toEqual([
    "error FIELD_MISSING p.b",
    "error FIELD_MISSING p.c",
    "error FIELD_MISSING p.d",
  ]);
});

test("alternatives are one, some, all or none", () => {
  expect(told(exactlyOne({}, ["a", "b"]))).toEqual(["error FIELD_MISSING "]);
  expect(told(exactlyOne({ a: "1", b: "2" }, ["a", "b"]))).toEqual(["error FIELD_CONFLICT b"]);
  expect(exactlyOne({ a: "1" }, ["a", "b"])).toEqual([]);
  expect(told(someOf({ a: "" }, ["a", "b"]))).toEqual(["error FIELD_MISSING "]);
  expect(someOf({ a: "1", b: "2" }, ["a", "b"])).toEqual([]);
  expect(told(allOrNone({ a: "1" }, ["a", "b"]))).toEqual(["error FIELD_CONFLICT a"]);
  expect(allOrNone({}, ["a", "b"])).toEqual([]);
});

// Reference 0, TLSConfig.
test.each([
  [undefined, []],
  [{}, ["error FIELD_MISSING tls"]],
  [{ enabled: true }, []],
  [{ insecureSkipVerify: true }, []],
  [{ caCertSecret: ref }, []],
  [{ clientCertSecret: ref }, ["error FIELD_CONFLICT tls.clientCertSecret"]],
  [{ clientCertSecret: ref, clientKeySecret: ref }, []],
])("tls %j", (tls, expected) => {
  expect(told(tlsRules(tls, ["tls"]))).toEqual(expected);
});

test.each([
  [undefined, ["error FIELD_MISSING webhook"]],
  [{ endpoint: "/a", port: "12000" }, []],
  [{ port: "http" }, ["error FIELD_MISSING webhook.endpoint", "error FIELD_VALUE webhook.port"]],
  [{ endpoint: "/a", port: "70000" }, ["error FIELD_VALUE webhook.port"]],
  [{ endpoint: "/a", port: "1", serverKeySecret: ref }, ["warning FIELD_CONFLICT webhook.serverKeySecret"]],
])("webhook %j", (context, expected) => {
  expect(told(webhookRules(context, ["webhook"]))).toEqual(expected);
});

test.each([
  [undefined, []],
  [{ mechanism: "PLAIN", userSecret: ref, passwordSecret: ref }, []],
  [{ mechanism: "NONE", userSecret: ref }, ["error FIELD_MISSING passwordSecret", "error FIELD_VALUE mechanism"]],
])("sasl %j", (sasl, expected) => {
  expect(told(saslRules(sasl, []))).toEqual(expected);
});

test.each([
  [{ directory: "/d/", path: "x" }, []],
  [{ directory: "d", path: "/x" }, ["error FIELD_VALUE directory", "error FIELD_VALUE path"]],
  [{ directory: "/d", path: "x", pathRegexp: "y" }, ["error FIELD_CONFLICT pathRegexp"]],
  [undefined, ["error FIELD_MISSING directory", "error FIELD_MISSING "]],
])("watched path %j", (watched, expected) => {
  expect(told(watchPathRules(watched, []))).toEqual(expected);
});
