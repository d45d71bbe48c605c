// A target to look at: prints the body of each request, and answers with it.
//   node echo.ts [PORT]
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer(async (request, response) => {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString("utf8");
    process.stdout.write(`${request.method} ${request.url} ${body}\n`);
    response.writeHead(200, { "Content-Type": request.headers["content-type"] ?? "text/plain" }).end(body);
  } catch {
    // the sender went away in the middle
    response.destroy();
  }
});
server.once("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
server.listen(Number(process.argv[2] ?? 12_090), "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
