import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Cause, groupOf, normalised } from "./dead-letter-cause.ts";

const about = { namespace: "default", bus: "default", sensor: "s", trigger: "t", status: undefined };
const cause = (message: string, more: Partial<Cause> = {}): Cause => ({ ...about, code: "TM4009", message, ...more });

const word = fc.constantFrom(
  "order",
  "customer",
  "was",
  "not",
  "found",
  "by",
  "the",
  "target",
  "timed",
  "out",
  "schema",
);

/** What differs between two occurrences of one cause, of one kind each. */
const varying = [
  fc.nat().map(String),
  fc.uuid(),
  fc.stringMatching(/^[0-9a-f]{16,32}$/).filter((text) => /\d/.test(text)),
  fc.nat(99_999_999).map((n) => `ord-${n}`),
  fc.stringMatching(/^[a-z]{1,8}$/).map((name) => `${name}@example.com`),
  fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
  fc.nat().map((n) => `https://api.example.com/orders/${n}?at=${n}`),
  fc.ipV4().map((host) => `${host}:8080`),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString()),
];

/** A part of a message as it was once, and another time. */
const part = fc.oneof(
  word.map((text) => [text, text] as const),
  ...varying.map((kind) => fc.tuple(kind, kind)),
);

describe("the cause of a dead letter", () => {
  test("is the same whatever ids, numbers, addresses and quoted values its message has", () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 12 }), (parts) => {
        const [once, again] = [0, 1].map((at) => parts.map((pair) => pair[at]).join(" "));
        expect(groupOf(cause(once ?? ""))).toBe(groupOf(cause(again ?? "")));
      }),
    );
  });

  test("is another for another code, status, trigger or wording", () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
        const message = words.join(" ");
        const group = groupOf(cause(message));
        const others = [
          cause(message, { code: "TM4010" }),
          cause(message, { status: "503" }),
          cause(message, { trigger: "other" }),
          cause(message, { sensor: "other" }),
          cause(message, { namespace: "other" }),
          cause(`${message} again`),
        ];
        for (const other of others) expect(groupOf(other)).not.toBe(group);
      }),
    );
  });

  test("reads as the message without what varies", () => {
    const cases = [
      ["the target answered 500: order 17 of ada@example.com failed", "the target answered #: order # of # failed"],
      ['no "currency" in data.body at line 4', 'no "…" in data.body at line #'],
      ["connect ECONNREFUSED 127.0.0.1:8080", "connect ECONNREFUSED #"],
      ["GET https://u:p@api.example.com/v1/orders/77?x=1#y failed", "GET https://api.example.com/#/orders/# failed"],
      ["can't read 'a b' or `c`", 'can\'t read "…" or "…"'],
      ['the target answered 400: {"error":"no stock","order":"A-7","items":["x', 'the target answered #: {"…":["…'],
    ];
    for (const [message = "", plain] of cases) expect(normalised(message)).toBe(plain?.replace(/[\s,:;{["…]+$/, ""));
  });

  test("takes time linear in the message, and no text breaks it", () => {
    for (const hostile of ['"\\', "'", "`", "a@", "://", "#.", "x".repeat(30), "0", "[", "ab/"])
      for (const text of [hostile.repeat(50_000), `${hostile.repeat(2_000)}!`]) {
        const startedMs = performance.now();
        normalised(text);
        expect(performance.now() - startedMs).toBeLessThan(100);
      }
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => normalised(normalised(text)).length <= 130));
  });
});
