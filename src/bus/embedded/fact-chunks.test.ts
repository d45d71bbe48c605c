import { expect, test } from "vitest";
import type { Fact } from "../../lib/facts.ts";
import { factChunks } from "./fact-chunks.ts";

const fact = (n: number, reason = ""): Fact => ({ k: "firing", firing: `f${n}`, state: "dead", atUs: n, reason });

test("the facts of a small commit are one chunk, those of a large one fit on a page each, in their order", () => {
  expect(factChunks([])).toEqual([]);
  expect(factChunks([fact(1), fact(2)])).toEqual([JSON.stringify([fact(1), fact(2)])]);
  const many = Array.from({ length: 500 }, (_, n) => fact(n));
  const chunks = factChunks(many);
  expect(chunks.flatMap((chunk) => JSON.parse(chunk))).toEqual(many);
  for (const chunk of chunks) expect(chunk.length).toBeLessThan(8_100);
  expect(chunks.length).toBeLessThanOrEqual(Math.ceil(JSON.stringify(many).length / 7_500));
});

test("a fact that is larger than a page is a chunk of its own", () => {
  const large = fact(2, "x".repeat(20_000));
  expect(factChunks([fact(1), large, fact(3)])).toEqual(
    [[fact(1)], [large], [fact(3)]].map((facts) => JSON.stringify(facts)),
  );
});
