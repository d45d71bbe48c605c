import { createServer } from "node:http";
import { open } from "lmdb";
import { Pool } from "undici";

/**
 * The bare forwarder with one durable write before each answer: what keeping costs at the least. LMDB with the bus' own
 * settings; requests that come together share a commit. Nothing is ever removed. `bare-lmdb PORT TARGET_PORT FOLDER`
 */
const [port, targetPort, folder = ""] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${targetPort}`, { connections: 64 });
const db = open<Buffer, number>({
  path: folder,
  pageSize: 8192,
  encoding: "binary",
  cache: false,
  overlappingSync: false,
  eventTurnBatching: false,
});
let place = 0;
let waiting: Buffer[] = [];
let next: Promise<void> | undefined;
let running: Promise<unknown> = Promise.resolve();

/** One commit at a time; what comes while one is under way goes together into the next. */
function keep(body: Buffer): Promise<void> {
  waiting.push(body);
  next ??= running.then(async () => {
    const group = waiting;
    waiting = [];
    next = undefined;
    const commit = db.batch(() => {
      for (const one of group) void db.put(place++, one);
    });
    running = commit.catch(() => undefined);
    await commit;
  });
  return next;
}

async function keepAndPass(body: Buffer): Promise<void> {
  JSON.parse(body.toString());
  await keep(body);
  const headers = { "content-type": "application/json" };
  const answer = await pool.request({ method: "POST", path: "/", body, headers });
  await answer.body.dump();
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    keepAndPass(Buffer.concat(parts)).then(
      () => response.end("success"),
      () => {
        response.statusCode = 502;
        response.end();
      },
    );
  });
});
server.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
