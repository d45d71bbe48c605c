import { expect, test } from "vitest";
import { Committer, type Transaction } from "./committer.ts";
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

/** A memory store that remembers which keys were committed together. */
function recordingStore() {
  const memory = createMemoryStore();
  const commits: string[][] = [];
  return {
    commits,
    store: {
      ...memory,
      commit(writes: Parameters<typeof memory.commit>[0]) {
        commits.push(writes.map((write) => write.key.toString()));
        return memory.commit(writes);
      },
    },
  };
}

const putting = (name: string) => ({ prepare: (tx: Transaction) => tx.put("meta", key(name), key("kept")) });

test("a patient member goes with the next commit of others", async () => {
  const { store, commits } = recordingStore();
  const committer = new Committer(store);
  const result = committer.commit({ ...putting("result"), patient: true });
  await committer.commit(putting("event"));
  await result;
  expect(commits).toEqual([["result", "event"]]);
});

test("a patient member that nobody comes after is committed alone", async () => {
  const { store, commits } = recordingStore();
  await new Committer(store).commit({ ...putting("result"), patient: true });
  expect(commits).toEqual([["result"]]);
});

test("what is patient during a commit waits on, and is committed at once when somebody hurries", async () => {
  const { store, commits } = recordingStore();
  const committer = new Committer(store);
  let result: Promise<void> | undefined;
  await committer.commit({
    ...putting("event"),
    durable: () => {
      result = committer.commit({ ...putting("result"), patient: true });
    },
  });
  expect(commits).toEqual([["event"]]);
  committer.hurry();
  await result;
  expect(commits).toEqual([["event"], ["result"]]);
});

test("closing keeps what is patient", async () => {
  const { store, commits } = recordingStore();
  const committer = new Committer(store);
  const result = committer.commit({ ...putting("result"), patient: true });
  await committer.close();
  await result;
  expect(commits).toEqual([["result"]]);
});
