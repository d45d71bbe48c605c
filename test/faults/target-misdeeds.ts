import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CodeName } from "../../src/lib/errors.ts";
import type { Misdeed } from "./target-hostile.ts";

/** What becomes of a firing whose target does this. */
export interface MisdeedCase {
  readonly name: string;
  readonly misdeed: Misdeed;
  /** `done`: it counts as delivered, since the target had said a good status. `either`: by chance. */
  readonly becomes: "dead" | "done" | "either";
  /** Of its dead letter. */
  readonly code?: CodeName;
  readonly reason?: RegExp;
  /** Tries of a dead letter; those of the manifest unless given. */
  readonly attempts?: number;
  readonly tls?: true;
  /** How long its trigger waits for an answer; 30 s unless given. */
  readonly patienceSeconds?: number;
}

const chunk = Buffer.alloc(64 * 1024, "x");
const wholeBytes = 2 ** 30;

/** All that a target does wrong while it is there; that it is not there is tested elsewhere. */
export const misdeeds: readonly MisdeedCase[] = [
  {
    name: "hangs",
    patienceSeconds: 1,
    misdeed: () => undefined,
    ...{ becomes: "dead", code: "TARGET_TIMEOUT", reason: /no answer within 1\.0 s/ },
  },
  {
    name: "header-drips",
    patienceSeconds: 1,
    misdeed: ({ socket }) => drip(socket, "HTTP/1.1 200 OK\r\nX-Slow: "),
    ...{ becomes: "dead", code: "TARGET_TIMEOUT", reason: /no answer within 1\.0 s/ },
  },
  {
    name: "body-drips",
    patienceSeconds: 4,
    misdeed({ socket, deliver }) {
      drip(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      return deliver();
    },
    becomes: "done",
  },
  {
    name: "resets",
    misdeed: ({ socket }) => void socket.resetAndDestroy(),
    ...{ becomes: "dead", code: "TARGET_RESET", reason: /reset|closed/i },
  },
  {
    name: "resets-in-body",
    async misdeed({ socket, deliver }) {
      await deliver();
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", () => socket.resetAndDestroy());
    },
    becomes: "done",
  },
  {
    name: "answers-1-gb",
    async misdeed({ response, deliver }) {
      await deliver();
      response.writeHead(200);
      await pipeline(Readable.from(chunks()), response);
    },
    becomes: "done",
  },
  {
    name: "endless-header",
    misdeed({ socket }) {
      socket.write("HTTP/1.1 200 OK\r\n");
      const line = `X-Filler: ${"x".repeat(1_000)}\r\n`;
      const more = (): void => {
        while (!socket.destroyed && socket.write(line.repeat(16)));
      };
      socket.on("drain", more);
      more();
    },
    ...{ becomes: "dead", code: "TARGET_PROTOCOL", reason: /header/i },
  },
  {
    name: "redirects-in-a-loop",
    misdeed: ({ response }) => void response.writeHead(307, { location: "/again" }).end(),
    ...{ becomes: "dead", code: "TARGET_REDIRECTS", reason: /stopped after 10 redirects/ },
  },
  {
    name: "redirects-to-ftp",
    misdeed: ({ response }) => void response.writeHead(307, { location: "ftp://localhost/x" }).end(),
    ...{ becomes: "dead", code: "TARGET_REDIRECTS", reason: /ftp:\/\/localhost\/x", where no request can go/ },
  },
  {
    name: "redirects-to-nowhere",
    misdeed: ({ response }) => void response.writeHead(307, { location: "http://nowhere.invalid/x" }).end(),
    ...{ becomes: "dead", code: "TARGET_UNREACHABLE", reason: /nowhere\.invalid/ },
  },
  {
    name: "redirects-elsewhere",
    misdeed: ({ response, elsewhere }) => void response.writeHead(307, { location: elsewhere }).end(),
    becomes: "done",
  },
  {
    name: "garbage",
    misdeed: ({ socket }) => void socket.end("\x16\x03\x01 220 mail.example ESMTP\r\n\r\n"),
    ...{ becomes: "dead", code: "TARGET_PROTOCOL", reason: /HTTP|pars|invalid/i },
  },
  {
    name: "closes-at-once",
    async misdeed({ socket, deliver }) {
      await deliver();
      // promises to stay, and goes
      socket.end("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    },
    becomes: "done",
  },
  {
    name: "half-open",
    patienceSeconds: 1,
    async misdeed({ response, before, deliver }) {
      // a host that vanished without a word: its connection stays, and nobody is there
      if (before > 0) return;
      await deliver();
      response.end("ok");
    },
    ...{ becomes: "either", code: "TARGET_TIMEOUT", reason: /no answer within 1\.0 s/ },
  },
  {
    name: "bad-certificate",
    misdeed: () => undefined,
    ...{ becomes: "dead", code: "TARGET_TLS", reason: /certificate/i, tls: true },
  },
];

function* chunks(): Iterable<Buffer> {
  for (let bytes = 0; bytes < wholeBytes; bytes += chunk.length) yield chunk;
}

/** A byte a second, after the begin. */
function drip(socket: Socket, begin: string): void {
  socket.write(begin);
  const timer = setInterval(() => socket.write("x"), 1_000);
  socket.once("close", () => clearInterval(timer));
}
