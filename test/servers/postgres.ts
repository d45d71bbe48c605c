import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { answersTcp } from "./answers.ts";
import { programPath } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface PostgresServer extends Server {
  /** `postgres://…` of an empty database; the user may do anything. */
  readonly url: string;
}

const user = "tide";
const password = "mill";
const database = "tide";

export interface PostgresOptions {
  /** More lines of `postgresql.conf`, such as `ssl = on`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * A Postgres with one user (password, scram-sha-256) and one empty database. Its data survives `stop({ keep: true })` and
 * `kill`. It refuses to run as root: then it runs as the user `postgres` that its package made.
 */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await startServer({
    name: "postgres",
    command: async ({ port, folder }) => {
      const data = join(folder, "data");
      if (!existsSync(data)) await initialize(folder, data);
      const set = Object.entries({
        ...{ listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "" },
        ...{ shared_buffers: "32MB", max_connections: "30", ...settings },
      });
      const [program = "", ...args] = asUser([
        programPath("postgres"),
        "-D",
        data,
        ...set.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ]);
      return { program, args };
    },
    // while it recovers from a crash it answers too, but with an error
    answers: async (port, signal) => {
      const [first] = await answersTcp(port, startup, signal);
      if (first !== "R".charCodeAt(0)) throw new Error("not yet");
    },
  });
  return Object.assign(server, { url: `postgres://${user}:${password}@127.0.0.1:${server.port}/${database}` });
}

/** The first message of a client: length, protocol 3.0, who it is. A server that works asks for the password (`R`). */
const said = `\0\u0003\0\0user\0${user}\0database\0${database}\0\0`;
const startup = `\0\0\0${String.fromCharCode(said.length + 4)}${said}`;

async function initialize(folder: string, data: string): Promise<void> {
  const file = join(folder, "password");
  await writeFile(file, password, { mode: 0o644 });
  await mkdir(data, { mode: 0o700 });
  if (isRoot()) {
    // the folder of a test is its user's alone: the other user passes through it
    await chmod(folder, 0o711);
    await run(["chown", "postgres", data]);
  }
  await run(asUser([programPath("initdb"), "-D", data, "-U", user, "-A", "scram-sha-256", `--pwfile=${file}`, "-N"]));
  // by hand: `createdb` would need a server first
  await run(asUser([programPath("postgres"), "--single", "-D", data, "postgres"]), `CREATE DATABASE ${database}\n`);
}

async function run([program = "", ...args]: readonly string[], input = ""): Promise<void> {
  const running = promisify(execFile)(program, args, { cwd: "/" });
  // one that does not read may have ended already
  running.child.stdin?.on("error", () => undefined).end(input);
  await running;
}

const isRoot = (): boolean => process.getuid?.() === 0;

/** A change of user clears the signal at the parent's death: it is set again after it. */
function asUser(command: readonly string[]): readonly string[] {
  if (!isRoot()) return command;
  const setpriv = programPath("setpriv");
  const user = ["--reuid=postgres", "--regid=postgres", "--init-groups"];
  return [setpriv, ...user, setpriv, "--pdeathsig", "KILL", ...command];
}
