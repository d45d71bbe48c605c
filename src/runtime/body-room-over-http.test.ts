import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import { silentLog } from "../lib/log.ts";
import { createListeners } from "./listeners.ts";

/** A request whose body comes piece by piece. */
function begin(port: number, headers: Readonly<Record<string, string | number>>): ClientRequest {
  return request({ port, host: "127.0.0.1", method: "POST", path: "/a", headers });
}

async function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  return response;
}

describe("bodies over HTTP", () => {
  test("that find no room are told to come again, small ones go on, and room comes back with each answer", async () => {
    const warned: string[] = [];
    const log = { ...silentLog, warn: (_: object, message: string) => void warned.push(message) };
    const port = await freePort();
    await using listeners = createListeners({ log, bodyRoomBytes: 1_000 });
    let held = 0;
    const goOn = Promise.withResolvers<void>();
    await listeners.route({ port, path: "/a", maxBytes: 5_000, owner: "test" }, async ({ body }) => {
      held += body.length;
      await goOn.promise;
      return { status: 200, body: String(body.length) };
    });
    const post = (length: number): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/a`, { method: "POST", body: "x".repeat(length) });
    const first = post(800);
    await until("the first holds its room while it is handled", () => held === 800);

    const large = await post(300);
    expect([large.status, large.headers.get("retry-after")]).toEqual([503, "1"]);
    const small = post(100);
    await until("a small one is handled", () => held === 900);
    // in pieces of unknown number: what came so far is given back, and the connection goes on
    const pieces = begin(port, { "transfer-encoding": "chunked" });
    const answered = answerTo(pieces);
    for (let n = 0; n < 4; n++) pieces.write("y".repeat(60));
    expect((await answered).statusCode).toBe(503);
    pieces.end();
    const asking = begin(port, { expect: "100-continue", "content-length": 300 });
    asking.flushHeaders();
    let continued = false;
    asking.on("continue", () => {
      continued = true;
    });
    const refused = await answerTo(asking);
    expect([refused.statusCode, refused.headers.connection, continued]).toEqual([503, "close", false]);
    asking.destroy();
    expect(warned).toEqual(["the bodies of requests fill their room in memory: senders are told to come again"]);

    goOn.resolve();
    expect((await first).status).toBe(200);
    expect((await small).status).toBe(200);
    const alone = await post(4_000);
    expect([alone.status, await alone.text()]).toEqual([200, "4000"]);
  });
});
