import { answersTcp } from "./answers.ts";
import { programPath } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface RedisOptions {
  /** `requirepass`. */
  readonly password?: string;
  /** Write every command to disk before it is answered, so that `kill` loses nothing. */
  readonly durable?: boolean;
  /** More arguments of redis-server. */
  readonly args?: readonly string[];
}

export interface RedisServer extends Server {
  /** `host:port`, as `hostAddress` of a manifest has it. */
  readonly address: string;
  readonly url: string;
}

/** A Redis 7. Its data survives `stop({ keep: true })`; it survives `kill` only when `durable`. */
export async function startRedis({ password, durable = false, args = [] }: RedisOptions = {}): Promise<RedisServer> {
  const server = await startServer({
    name: "redis",
    command: ({ port, folder }) => ({
      program: programPath("redis-server"),
      args: [
        ...["--bind", "127.0.0.1", "--port", String(port), "--dir", folder, "--daemonize", "no"],
        // a snapshot at a clean end (save points that never come due), and the log of commands when durable
        ...["--save", "86400 1000000000"],
        ...(durable ? ["--appendonly", "yes", "--appendfsync", "always"] : []),
        ...(password === undefined ? [] : ["--requirepass", password]),
        ...args,
      ],
    }),
    answers: async (port, signal) => {
      const answer = (await answersTcp(port, "PING\r\n", signal)).toString();
      // NOAUTH is an answer too; LOADING is not yet one
      if (!answer.startsWith("+PONG") && !answer.startsWith("-NOAUTH")) throw new Error(answer);
    },
  });
  const address = `127.0.0.1:${server.port}`;
  const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  return Object.assign(server, { address, url: `redis://${login}${address}` });
}
