import { request } from "undici";
import { expect, test } from "vitest";
import { type Log, silentLog } from "../../src/lib/log.ts";
import { freePort } from "../../test/servers/server.ts";
import { runExample } from "../testing/run-example.ts";

test("what arrives at the webhook is logged", async () => {
  const logged: string[] = [];
  const log: Log = { ...silentLog, info: (_, message) => logged.push(message), child: () => log };
  const port = await freePort();
  await using tidemill = await runExample(new URL(".", import.meta.url), { '"12000"': `"${port}"` }, log);
  expect(tidemill.findings).toEqual([]);
  await tidemill.until(({ status }) => status().state === "ready");
  const answer = await request(`http://127.0.0.1:${port}/hello`, { method: "POST", body: '{"name":"world"}' });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["tidemill-event-id"]).toMatch(/^[0-9a-f]{32}$/);
  await answer.body.dump();
  await expect.poll(() => logged.filter((line) => line.includes('{"name":"world"}'))).toHaveLength(1);
});
