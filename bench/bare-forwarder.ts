import { createServer } from "node:http";
import { Pool } from "undici";

/** The upper limit: takes a POST, passes it on, answers; keeps nothing. `bare-forwarder PORT TARGET_PORT` */
const [port, targetPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${targetPort}`, { connections: 64 });
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts);
    JSON.parse(body.toString());
    pool
      .request({ method: "POST", path: "/", body, headers: { "content-type": "application/json" } })
      .then((answer) => answer.body.dump())
      .then(
        () => response.end("success"),
        () => {
          response.statusCode = 502;
          response.end();
        },
      );
  });
});
server.listen(port, "127.0.0.1", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
