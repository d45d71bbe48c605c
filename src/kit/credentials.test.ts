import fc from "fast-check";
import { expect, test } from "vitest";
import { basicCheck } from "./credentials.ts";

const refs = { username: { name: "s", key: "user" }, password: { name: "s", key: "word" } };

function open(values: Record<string, string>) {
  const clock = { now: 0, nowMs: () => clock.now, sleep: () => Promise.reject(new Error("no")) };
  const made = basicCheck({ ...refs, clock, secret: async ({ key }) => values[key] ?? "" });
  const of = (text: string) => ({ rawHeaders: ["authorization", text] });
  return {
    clock,
    made,
    of,
    basic: (user: string, word: string) => of(`Basic ${Buffer.from(`${user}:${word}`).toString("base64")}`),
  };
}

test("the right name and password are let in, whatever the case of the scheme, and nothing else", async () => {
  const { made, basic, of } = open({ user: "jürgen", word: "a:b" });
  const isKnown = await made;
  const right = basic("jürgen", "a:b");
  expect(await isKnown(right)).toBe(true);
  expect(await isKnown(of(String(right.rawHeaders[1]).replace("Basic", "bAsIc")))).toBe(true);
  for (const wrong of [
    basic("jürgen", "a:c"),
    basic("jurgen", "a:b"),
    basic("", ""),
    of("Basic"),
    of("Basic !"),
    of("Bearer x"),
    of(""),
  ]) {
    expect(await isKnown(wrong)).toBe(false);
  }
  expect(await isKnown({ rawHeaders: [...right.rawHeaders, ...right.rawHeaders] })).toBe(false);
  expect(await isKnown({ rawHeaders: [] })).toBe(false);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), async (user, word) => {
      expect(await isKnown(basic(user, word))).toBe(`${user}:${word}` === "jürgen:a:b");
    }),
  );
});

test("both are renewed, and neither may be empty", async () => {
  const values = { user: "u", word: "old" };
  const { made, basic, clock } = open(values);
  const isKnown = await made;
  values.word = "new";
  clock.now = 1_000;
  expect(await isKnown(basic("u", "new"))).toBe(true);
  expect(await isKnown(basic("u", "old"))).toBe(false);
  await expect(open({ user: "u", word: "" }).made).rejects.toMatchObject({ code: "SECRET_UNFIT" });
});
