import { expect, it } from "vitest";
import { gather } from "./resource-gather.ts";

/** A source that is told what to give, and when to end or fail. */
function tap<T>() {
  const waiting: T[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let bell = Promise.withResolvers<void>();
  let returned = false;
  async function* items(): AsyncIterable<T> {
    try {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift() as T;
        if (ended?.error !== undefined) throw ended.error;
        if (ended !== undefined) return;
        await bell.promise;
        bell = Promise.withResolvers();
      }
    } finally {
      returned = true;
    }
  }
  return {
    items: items(),
    get returned() {
      return returned;
    },
    give(...all: T[]): void {
      waiting.push(...all);
      bell.resolve();
    },
    end(error?: unknown): void {
      ended = error === undefined ? {} : { error };
      bell.resolve();
    },
  };
}

it("gives at once all that came while its consumer was busy, as many as it may", async () => {
  const source = tap<number>();
  const lists = gather(source.items, 3)[Symbol.asyncIterator]();
  source.give(1);
  expect((await lists.next()).value).toEqual([1]);
  source.give(2, 3, 4, 5, 6, 7, 8);
  const rest: number[] = [];
  while (rest.length < 7) {
    const { value } = (await lists.next()) as { value: readonly number[] };
    expect(value.length).toBeLessThanOrEqual(3);
    rest.push(...value);
  }
  expect(rest).toEqual([2, 3, 4, 5, 6, 7, 8]);
  source.end();
  expect(await lists.next()).toEqual({ done: true, value: undefined });
});

it("tells a failure after what came before it", async () => {
  const source = tap<number>();
  source.give(1, 2);
  source.end(new Error("broken"));
  const seen: number[] = [];
  const read = async () => {
    for await (const list of gather(source.items, 100)) seen.push(...list);
  };
  await expect(read()).rejects.toThrow("broken");
  expect(seen).toEqual([1, 2]);
});

it("lets its source go when nobody wants more", async () => {
  const source = tap<number>();
  source.give(1, 2, 3);
  for await (const list of gather(source.items, 1)) {
    expect(list).toEqual([1]);
    break;
  }
  await expect.poll(() => source.returned).toBe(true);
});
