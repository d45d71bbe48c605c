import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startRedis } from "../../test/servers/redis.ts";
import { startProgram } from "../testing/program.ts";
import { runExample } from "../testing/run-example.ts";

const folder = new URL(".", import.meta.url);

async function startEcho() {
  const echo = startProgram(new URL("echo.ts", folder), ["0"]);
  await echo.until(/listening on /);
  const url = /http:\S+/.exec(echo.out())?.[0] ?? "";
  return { echo, url };
}

describeWithServer("redis", () => {
  test("XADD FOO * message hello arrives at the target", async () => {
    await using server = await startRedis();
    const { echo, url } = await startEcho();
    await using _ = echo;
    using redis = closing(new Redis(server.url));
    await redis.client.xgroup("CREATE", "FOO", "argo-events-cg", "$", "MKSTREAM");
    await using tidemill = await runExample(folder, {
      "127.0.0.1:6379": server.address,
      "http://127.0.0.1:12090": url,
    });
    expect(tidemill.findings).toEqual([]);
    await tidemill.until(({ status }) => status().state === "ready");
    const id = await redis.client.xadd("FOO", "*", "message", "hello");
    await echo.until(/POST/);
    expect(echo.out()).toContain(`POST /entries {"id":"${id}","message":"hello"}`);
    await expect.poll(() => redis.client.xpending("FOO", "argo-events-cg")).toEqual([0, null, null, null]);
  });

  test("without the stream it waits, and says which is missing; nothing that makes the stream is lost", async () => {
    await using server = await startRedis();
    const { echo, url } = await startEcho();
    await using _ = echo;
    using redis = closing(new Redis(server.url));
    await using tidemill = await runExample(folder, {
      "127.0.0.1:6379": server.address,
      "http://127.0.0.1:12090": url,
    });
    await tidemill.until(({ status }) => status().state === "waiting");
    expect(JSON.stringify(tidemill.sources[0]?.status())).toContain("stream FOO missing");
    await redis.client.xadd("FOO", "*", "message", "made the stream");
    await echo.until(/made the stream/);
    await redis.client.xadd("FOO", "*", "message", "came after");
    await echo.until(/came after/);
  });
});

function closing(client: Redis): Disposable & { readonly client: Redis } {
  return { client, [Symbol.dispose]: () => client.disconnect() };
}
