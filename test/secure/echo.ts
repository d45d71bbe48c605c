import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";

/** Servers that repeat to their callers all that these sent, secrets included, as a careless target does. */
export interface Echo extends AsyncDisposable {
  readonly http: string;
  readonly httpPort: number;
  /** Speaks no protocol: a line that begins like an error of Redis or SMTP, and what was sent. */
  readonly tcpPort: number;
  /** Bodies that came, and their paths. */
  readonly received: readonly { readonly path: string; readonly body: string; readonly refused: boolean }[];
  /** Refuses with 401, or takes everything with 200. */
  refusing: boolean;
}

export async function startEcho(): Promise<Echo> {
  const received: { path: string; body: string; refused: boolean }[] = [];
  const state = { refusing: true };
  const http = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const refused = state.refusing && !request.url?.startsWith("/always");
      received.push({ path: request.url ?? "", body, refused });
      const told = `you sent ${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n${body}`;
      const form = (request.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
      const [status, answer] = refused
        ? [401, form ? xmlRefusal(told) : refusal(told)]
        : [200, form ? xmlTaken : taken(request.url ?? "", body, told)];
      response.writeHead(status, {
        "content-type": form ? "text/xml" : "application/json",
        "x-echo": told.slice(0, 200).replace(/[^\x20-\x7e]/g, " "),
      });
      response.end(answer);
    });
  });
  const sockets = new Set<Socket>();
  const tcp = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) =>
      socket.write(`-ERR 535 denied: ${chunk.toString("latin1").replace(/[\r\n]+/g, " ")}\r\n`),
    );
  });
  http.listen(0, "127.0.0.1");
  tcp.listen(0, "127.0.0.1");
  await Promise.all([once(http, "listening"), once(tcp, "listening")]);
  const httpPort = (http.address() as AddressInfo).port;
  return {
    ...{ http: `http://127.0.0.1:${httpPort}`, httpPort, tcpPort: (tcp.address() as AddressInfo).port, received },
    get refusing() {
      return state.refusing;
    },
    set refusing(value) {
      state.refusing = value;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      http.closeAllConnections();
      await Promise.all([http, tcp].map((server) => new Promise((ended) => server.close(ended))));
    },
  };
}

/** As AWS, Slack and others tell errors, all in one. */
function refusal(told: string): string {
  const word = {
    __type: "AccessDenied",
    message: told,
    Message: told,
    error: told,
    ok: false,
    errors: [{ message: told }],
  };
  return JSON.stringify({ ...word, response_metadata: { messages: [told] } });
}

/** SNS speaks XML. */
function xmlRefusal(told: string): string {
  const text = told.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<ErrorResponse><Error><Type>Sender</Type><Code>Denied</Code><Message>${text}</Message></Error></ErrorResponse>`;
}

const xmlTaken = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";

function taken(path: string, body: string, told: string): string {
  if (path.endsWith("/_bulk")) {
    const items = body
      .split("\n")
      .flatMap((line) => (line.startsWith('{"create"') ? [{ create: { status: 201 } }] : []));
    return JSON.stringify({ errors: false, items });
  }
  return JSON.stringify({ ok: true, ts: "1.2", told });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}
