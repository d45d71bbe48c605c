import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as sdk from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { SqsQueue } from "./sqs-queue.ts";

let opened: AsyncDisposableStack | undefined;
afterEach(async () => {
  await opened?.disposeAsync();
  opened = undefined;
});

/** A queue whose server answers the first `answers` requests and then says nothing, as one behind a dead link. */
async function halfOpen(answers: number) {
  const stack = new AsyncDisposableStack();
  opened = stack;
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      asked += 1;
      if (asked > answers) return;
      response.writeHead(200, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify({ QueueUrl: `http://localhost/0/todo` }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const settings = {
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: async () => ({ accessKeyId: "local", secretAccessKey: "local", expiration: new Date(8.64e15) }),
  };
  const queue = stack.use(new SqsQueue(sdk, settings, { region: "", queue: "todo", answerTimeoutMs: 1_000 }));
  return { queue };
}

describe("an SQS that never answers", () => {
  const { signal } = new AbortController();
  const late = /no answer from queue todo within/;

  it("is given up after a while, whatever was asked", async () => {
    const { queue } = await halfOpen(0);
    const held = [{ message: {}, handle: "h" }];
    await Promise.all([
      expect(queue.find(signal)).rejects.toThrow(late),
      expect(queue.delete(held, signal)).rejects.toThrow(late),
      expect(queue.hide(held, 1, signal)).rejects.toThrow(late),
    ]);
  });

  it("is given up after the long poll and that while, where it was well before", async () => {
    const { queue } = await halfOpen(1);
    await queue.find(signal);
    const startedMs = performance.now();
    // the poll itself is 3 s
    await expect(queue.receive(signal)).rejects.toThrow(late);
    expect(performance.now() - startedMs).toBeGreaterThan(3_000);
  });

  it("ends at once with the signal", async () => {
    const { queue } = await halfOpen(0);
    const stop = new AbortController();
    const finding = queue.find(stop.signal);
    stop.abort(new Error("the source stops"));
    await expect(finding).rejects.toThrow("the source stops");
  });
});
