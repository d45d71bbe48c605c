import { createServer } from "node:http";

/** Counts what arrives, by idempotency key too. `GET /count` answers `{count, keys}`. `target PORT` */
let count = 0;
const keys = new Set<string>();
const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.end(JSON.stringify({ count, keys: keys.size }));
    return;
  }
  request.resume();
  request.on("end", () => {
    count += 1;
    const key = request.headers["idempotency-key"];
    if (typeof key === "string") keys.add(key);
    response.end();
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
