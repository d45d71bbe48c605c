import { createServer } from "node:http";

/**
 * Counts what arrives, also by idempotency key, and how long after the `sentMs` in its body. `GET /` answers
 * `{count, keys, p50Ms, p99Ms, maxMs}`; `DELETE /` forgets. `target PORT`
 */
let count = 0;
let keys = new Set<string>();
let delaysMs: number[] = [];

const server = createServer((request, response) => {
  if (request.method === "GET") return void response.end(JSON.stringify(summary()));
  if (request.method === "DELETE") {
    count = 0;
    keys = new Set();
    delaysMs = [];
    return void response.end();
  }
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    count += 1;
    const key = request.headers["idempotency-key"];
    if (typeof key === "string") keys.add(key);
    const sentMs = /"sentMs":([0-9.]+)/.exec(parts[0]?.toString("latin1", 0, 200) ?? "")?.[1];
    if (sentMs !== undefined) delaysMs.push(performance.timeOrigin + performance.now() - Number(sentMs));
    response.end();
  });
});

function summary(): object {
  const sorted = Float64Array.from(delaysMs).sort();
  const at = (share: number): number | undefined =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { count, keys: keys.size, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
