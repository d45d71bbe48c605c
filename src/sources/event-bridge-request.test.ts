import fc from "fast-check";
import { expect, test } from "vitest";
import { readBusName } from "./event-bridge-config.ts";
import { readPutEvents } from "./event-bridge-request.ts";

const read = (value: unknown) => readPutEvents(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const job = { Source: "jobs", DetailType: "job", Detail: "{}" };

test("whatever comes is read, or a fault in a sentence; never an exception", () => {
  const word = fc.constantFrom("Source", "DetailType", "Detail", "EventBusName", "TraceHeader", "Time", "Resources");
  const value = fc.oneof(fc.json(), fc.string(), fc.double(), fc.constant(null), fc.anything({ maxDepth: 2 }));
  const entry = fc.oneof(fc.dictionary(fc.oneof(word, fc.constant("__proto__")), value), fc.anything({ maxDepth: 1 }));
  const body = fc.oneof(
    fc.array(entry, { maxLength: 12 }).map((Entries) => safeJson({ Entries })),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(body, (text) => {
      const entries = read(text);
      if ("code" in entries) {
        expect(entries.message.length).toBeGreaterThan(0);
        return;
      }
      expect(entries.length).toBeGreaterThan(0);
      expect(entries.length).toBeLessThanOrEqual(10);
      for (const one of entries) if ("detail" in one) expect(typeof JSON.parse(one.detail)).toBe("object");
    }),
    { numRuns: 2_000 },
  );
});

/** What JSON cannot say is left out. */
function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, held: unknown) => (typeof held === "bigint" ? String(held) : held));
  } catch {
    return "{}";
  }
}

test("bytes that are no UTF-8 are no request", () => {
  expect(readPutEvents(Buffer.from([0x7b, 0xff, 0x7d]))).toMatchObject({ code: "SerializationException" });
});

test("a member that nests deep beyond reason harms nobody", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  expect(read(`{"Entries":[{"Source":"a","DetailType":"b","Detail":"{}","More":${deep}}]}`)).toMatchObject([
    { source: "a" },
  ]);
  expect(read({ Entries: [{ ...job, Detail: `{"x":${deep}}` }] })).toMatchObject([{ ErrorCode: "MalformedDetail" }]);
});

test("keys of every object's prototype are not taken for members", () => {
  expect(read('{"__proto__":{"Entries":[]}}')).toMatchObject({ message: expect.stringContaining("must not be null") });
  expect(read('{"Entries":[{"__proto__":{"Source":"s","DetailType":"t","Detail":"{}"}}]}')).toMatchObject([
    { ErrorCode: "InvalidArgument" },
  ]);
});

test("a time is seconds, with a fraction, or RFC 3339", () => {
  const timeOf = (Time: unknown) => read({ Entries: [{ ...job, Time }] });
  expect(timeOf(1_767_603_600.25)).toMatchObject([{ timeMs: 1_767_603_600_250 }]);
  expect(timeOf("2026-01-05T09:00:00Z")).toMatchObject([{ timeMs: 1_767_603_600_000 }]);
  expect(timeOf(null)).toMatchObject([{ timeMs: undefined }]);
  for (const bad of [1e300, -1e300, true, {}]) expect(timeOf(bad)).toMatchObject({ code: "SerializationException" });
});

test("a bus has a name or an ARN", () => {
  expect(readBusName("a.b-c_d/e")).toEqual({ name: "a.b-c_d/e" });
  const arn = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/jobs";
  expect(readBusName(arn)).toEqual({ name: "jobs", region: "cn-north-1", account: "123456789012" });
  for (const bad of ["", "a b", "arn:aws:sqs:us-east-1:123456789012:jobs", "é", "x".repeat(1601)]) {
    expect(readBusName(bad)).toBeUndefined();
  }
});
