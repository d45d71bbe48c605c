import { Redis } from "ioredis";
import { Pool } from "undici";

/**
 * The raw client of the Redis case: one consumer of a group, which reads a batch, posts its entries at once, acknowledges them
 * and reads the next; keeps nothing. `redis-client PORT STREAM COUNT TARGET_PORT`
 */
const [port, stream = "", count = "10", targetPort] = process.argv.slice(2);
const redis = new Redis({ port: Number(port), host: "127.0.0.1", protocol: 2 });
const pool = new Pool(`http://127.0.0.1:${targetPort}`, { connections: 64 });
const group = "raw";

type Batch = readonly (readonly [string, readonly (readonly [string, readonly string[]])[]])[] | null;

async function post(fields: readonly string[]): Promise<void> {
  const values: Record<string, string> = {};
  for (let at = 0; at + 1 < fields.length; at += 2) values[fields[at] ?? ""] = fields[at + 1] ?? "";
  const body = JSON.stringify(values);
  const headers = { "content-type": "application/json" };
  const answer = await pool.request({ method: "POST", path: "/", body, headers });
  await answer.body.dump();
}

await redis.xgroup("CREATE", stream, group, "0");
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
for (;;) {
  const read = ["GROUP", group, "one", "COUNT", count, "BLOCK", "1000", "STREAMS", stream, ">"];
  const batch = (await redis.call("XREADGROUP", ...read)) as Batch;
  const entries = batch?.[0]?.[1] ?? [];
  await Promise.all(entries.map(([, fields]) => post(fields)));
  if (entries.length > 0) await redis.xack(stream, group, ...entries.map(([id]) => id));
}
