import { describe, expect, it } from "vitest";
import type { StreamEntry } from "./redis-connection.ts";
import { ReadSize } from "./redis-read-size.ts";

const entries = (count: number, bytes = 100): readonly StreamEntry[] =>
  Array.from({ length: count }, (_, at) => ({ stream: "s", id: `${at}-0`, fields: [Buffer.alloc(bytes)] }));

describe("how many entries a read asks for", () => {
  it("is what the manifest says, whatever comes", () => {
    const size = new ReadSize(25);
    size.seen(entries(25));
    size.seen([]);
    expect(size.count).toBe(25);
  });

  it("is 10, doubles while reads are full, and comes back when they are not", () => {
    const size = new ReadSize(undefined);
    const asked = Array.from({ length: 9 }, () => {
      size.seen(entries(size.count));
      return size.count;
    });
    expect(asked).toEqual([20, 40, 80, 160, 320, 640, 640, 640, 640]);
    for (let at = 0; at < 8; at++) size.seen(entries(3));
    expect(size.count).toBe(10);
  });

  it("does not grow by entries that are large, and shrinks by larger ones", () => {
    const size = new ReadSize(undefined);
    size.seen(entries(10, 40_000));
    expect(size.count).toBe(10);
    for (let at = 0; at < 4; at++) size.seen(entries(size.count));
    expect(size.count).toBe(160);
    size.seen(entries(160, 40_000));
    expect(size.count).toBe(80);
  });

  it("counts an entry that was trimmed before it could be read", () => {
    const size = new ReadSize(undefined);
    size.seen(Array.from({ length: 10 }, (_, at) => ({ stream: "s", id: `${at}-0`, fields: undefined })));
    expect(size.count).toBe(20);
  });
});
