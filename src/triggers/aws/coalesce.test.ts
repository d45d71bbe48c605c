import { setMaxListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TideError } from "../../lib/errors.ts";
import { Coalescer, Coalescers, type SendBatch } from "./coalesce.ts";

interface Request {
  readonly messages: readonly string[];
  answer(ends?: readonly (string | TideError)[]): void;
  fail(error: unknown): void;
}

/** A service that answers when it is told to. */
function service() {
  const requests: Request[] = [];
  let told = (): void => undefined;
  const send: SendBatch<string> = (messages) =>
    new Promise((resolve, reject) => {
      requests.push({ messages, answer: (ends) => resolve(ends ?? messages.map((one) => `got ${one}`)), fail: reject });
      told();
    });
  const until = async (count: number): Promise<void> => {
    while (requests.length < count) await new Promise<void>((resolve) => (told = resolve));
  };
  return { requests, send, until };
}

const { signal } = new AbortController();
setMaxListeners(0, signal);
const nothing = new Error("aborted");

describe("messages that are posted at the same time", () => {
  it("go in requests of ten, each with its own result", async () => {
    const { requests, send, until } = service();
    const batches = new Coalescer(send);
    const ends = Array.from({ length: 25 }, (_, n) => batches.post({ message: `m${n}`, bytes: 1 }, signal));
    await until(2);
    expect(requests.map(({ messages }) => messages.length)).toEqual([10, 10]);
    // the last five wait for others for a moment
    await until(3);
    expect(requests[2]?.messages).toEqual(["m20", "m21", "m22", "m23", "m24"]);
    const bad = new TideError("AWS_REFUSED", "bad");
    requests[0]?.answer(["got m0", bad, ...Array.from({ length: 8 }, () => "got")]);
    for (const request of requests.slice(1)) request.answer();
    await expect(ends[0]).resolves.toBe("got m0");
    await expect(ends[1]).rejects.toBe(bad);
    await expect(ends[24]).resolves.toBe("got m24");
    expect((await Promise.allSettled(ends)).filter(({ status }) => status === "rejected").length).toBe(1);
  });

  it("one alone goes at once", async () => {
    const { requests, send, until } = service();
    const end = new Coalescer(send).post({ message: "a", bytes: 1 }, signal);
    await new Promise((resolve) => setImmediate(resolve));
    await until(1);
    requests[0]?.answer();
    await expect(end).resolves.toBe("got a");
  });

  it("those that come while a request is under way go when it ends", async () => {
    const { requests, send, until } = service();
    const batches = new Coalescer(send);
    const ends = [batches.post({ message: "a", bytes: 1 }, signal)];
    await until(1);
    ends.push(batches.post({ message: "b", bytes: 1 }, signal), batches.post({ message: "c", bytes: 1 }, signal));
    requests[0]?.answer();
    await until(2);
    requests[1]?.answer();
    expect(await Promise.all(ends)).toEqual(["got a", "got b", "got c"]);
    expect(requests[1]?.messages).toEqual(["b", "c"]);
  });

  it("a request has at most 256 KiB, unless one message alone has more", async () => {
    const { requests, send, until } = service();
    const batches = new Coalescer(send);
    const sizes = [100_000, 100_000, 100_000, 900_000, 1];
    const ends = sizes.map((size, n) => batches.post({ message: `m${n}`, bytes: size }, signal));
    await until(4);
    expect(requests.map(({ messages }) => messages)).toEqual([["m0", "m1"], ["m2"], ["m3"], ["m4"]]);
    for (const request of requests) request.answer();
    await Promise.all(ends);
  });
});

describe("a request that fails", () => {
  it("because of one message is sent again message by message", async () => {
    const seen: (readonly string[])[] = [];
    const batches = new Coalescer<string>((messages) => {
      seen.push(messages);
      if (messages.includes("bad")) return Promise.reject(new TideError("AWS_REFUSED", "no"));
      return Promise.resolve(messages.map((one) => `got ${one}`));
    });
    const ends = ["a", "bad", "c"].map((message) => batches.post({ message, bytes: 1 }, signal));
    const settled = await Promise.allSettled(ends);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(seen).toEqual([["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
  });

  it("as a whole fails all of its messages, and no others", async () => {
    const { requests, send, until } = service();
    const batches = new Coalescer(send);
    const first = batches.post({ message: "a", bytes: 1 }, signal);
    await until(1);
    const second = batches.post({ message: "b", bytes: 1 }, signal);
    requests[0]?.fail(new TideError("TARGET_UNREACHABLE", "away"));
    await expect(first).rejects.toMatchObject({ code: "TARGET_UNREACHABLE" });
    await until(2);
    requests[1]?.answer();
    await expect(second).resolves.toBe("got b");
  });

  it("with an answer that leaves a message out is a failure of that message", async () => {
    const batches = new Coalescer<string>(async () => ["got a"]);
    const ends = ["a", "b"].map((message) => batches.post({ message, bytes: 1 }, signal));
    await expect(ends[0]).resolves.toBe("got a");
    await expect(ends[1]).rejects.toMatchObject({ code: "AWS_FAILED" });
  });
});

it("an abort takes a message that waits out, and lets go of one that is under way", async () => {
  const { requests, send, until } = service();
  const batches = new Coalescer(send);
  const abort = new AbortController();
  const first = batches.post({ message: "a", bytes: 1 }, abort.signal);
  const kept = batches.post({ message: "b", bytes: 1 }, signal);
  await until(1);
  const waiting = batches.post({ message: "c", bytes: 1 }, abort.signal);
  abort.abort(nothing);
  await expect(first).rejects.toBe(nothing);
  await expect(waiting).rejects.toBe(nothing);
  await expect(batches.post({ message: "d", bytes: 1 }, abort.signal)).rejects.toBe(nothing);
  requests[0]?.answer();
  await expect(kept).resolves.toBe("got b");
  expect(requests.length).toBe(1);
});

it("a group has one request under way, in the order of posting, and keeps no other from going", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ group: fc.integer({ min: 0, max: 3 }), bytes: fc.constantFrom(1, 100_000) }), {
        maxLength: 80,
      }),
      fc.infiniteStream(fc.nat(5)),
      async (posts, pauses) => {
        const sent: string[] = [];
        const underWay = new Set<string>();
        const batches = new Coalescer<string>(async (messages) => {
          const groups = new Set(messages.map((one) => one.slice(0, 2)));
          for (const group of groups) {
            expect(underWay.has(group)).toBe(false);
            underWay.add(group);
          }
          for (let turns = pauses.next().value ?? 0; turns > 0; turns--) await Promise.resolve();
          sent.push(...messages);
          for (const group of groups) underWay.delete(group);
          return messages.map(() => "ok");
        });
        const names = posts.map(({ group }, n) => `g${group}/${n}`);
        await Promise.all(
          posts.map(({ group, bytes }, n) =>
            batches.post({ message: names[n] ?? "", bytes, group: `g${group}` }, signal),
          ),
        );
        for (const group of ["g0", "g1", "g2", "g3"]) {
          const of = (list: readonly string[]) => list.filter((name) => name.startsWith(group));
          expect(of(sent)).toEqual(of(names));
        }
      },
    ),
    { numRuns: 50 },
  ));

it("each destination has requests of its own, and is forgotten when nothing goes there", async () => {
  let made = 0;
  const seen: string[] = [];
  const batches = new Coalescers<string>((destination) => {
    made += 1;
    return async (messages) => {
      seen.push(`${destination}: ${messages.join()}`);
      return messages.map(() => "ok");
    };
  });
  const post = (to: string, message: string) => batches.post(to, { message, bytes: 1 }, signal);
  await Promise.all([post("x", "a"), post("y", "b"), post("x", "c")]);
  expect([...seen].sort()).toEqual(["x: a,c", "y: b"]);
  await new Promise((resolve) => setImmediate(resolve));
  await post("x", "d");
  expect(made).toBe(3);
});
