import { expect, test } from "vitest";
import { Committer } from "./committer.ts";
import { createMemoryStore } from "./memory-store.ts";

const key = (name: string): Buffer => Buffer.from(name);

test("a member that throws in the middle leaves nothing of itself in the commit of the others", async () => {
  const store = createMemoryStore();
  const committer = new Committer(store);
  const told: string[] = [];
  const good = committer.commit({
    prepare: (tx) => tx.put("meta", key("good"), key("kept")),
    durable: () => told.push("good is durable"),
  });
  const bad = committer.commit({
    prepare: (tx) => {
      tx.put("meta", key("bad"), key("lost"));
      tx.afterDurable(() => told.push("bad is durable"));
      tx.afterFailure(() => told.push("bad is taken back"));
      throw new Error("in the middle");
    },
  });
  await expect(bad).rejects.toThrow("in the middle");
  await good;
  expect(store.get("meta", key("good"))?.toString()).toBe("kept");
  expect(store.get("meta", key("bad"))).toBeUndefined();
  expect(told).toEqual(["bad is taken back", "good is durable"]);
});
