import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename, dirname } from "node:path";

export interface GitHttp extends AsyncDisposable {
  /** Of the repository. */
  readonly url: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** `METHOD path?query`, and what came as Authorization. */
  readonly requests: readonly { readonly line: string; readonly authorization: string | undefined }[];
}

export interface GitHttpOptions {
  /** `user:password`, without which nothing is served. Read at each request. */
  readonly login?: () => string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Looked at before git is asked; true: it has answered. */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
}

/** git's own HTTP server (`git http-backend`) for one repository, on 127.0.0.1. */
export async function startGitHttp(repository: string, options: GitHttpOptions = {}): Promise<GitHttp> {
  const requests: { line: string; authorization: string | undefined }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { authorization } = request.headers;
    requests.push({ line: `${request.method} ${request.url}`, authorization });
    if (await options.before?.(request, response)) return;
    const wanted = options.login && `Basic ${Buffer.from(options.login()).toString("base64")}`;
    if (wanted !== undefined && authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end("who are you?");
    } else {
      await backend(repository, request, response);
    }
  };
  const listener: RequestListener = (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };
  const server = options.tls ? createSecureServer(options.tls, listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  const origin = `${options.tls ? "https" : "http"}://${host}`;
  return {
    origin,
    url: `${origin}/${basename(repository)}/.git`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** As CGI has it: the request in the environment and on stdin, header and body on stdout. */
async function backend(repository: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = "", query = ""] = (request.url ?? "").split("?");
  const header = (name: string) => String(request.headers[name] ?? "");
  const child = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: dirname(repository), GIT_HTTP_EXPORT_ALL: "1" },
      ...{ PATH_INFO: path, QUERY_STRING: query, REQUEST_METHOD: request.method, REMOTE_ADDR: "127.0.0.1" },
      ...{ CONTENT_TYPE: header("content-type"), HTTP_CONTENT_ENCODING: header("content-encoding") },
      GIT_PROTOCOL: header("git-protocol"),
    },
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  const end = whole.indexOf("\r\n\r\n");
  for (const line of whole.subarray(0, end).toString().split("\r\n")) {
    const [name = "", value = ""] = line.split(": ", 2);
    if (name === "Status") response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.end(whole.subarray(end + 4));
}
