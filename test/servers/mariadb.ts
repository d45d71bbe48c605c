import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { answersTcp } from "./answers.ts";
import { programPath } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface MariadbServer extends Server {
  /** `mysql://…`, for `DATABASE_URL`; an empty database that the user may do anything in, as in all whose names begin so. */
  readonly url: string;
}

const user = "tide";
const password = "mill";
const database = "tide";

/** A MariaDB 10.11 with one user and one empty database. Its data survives `stop({ keep: true })` and `kill`. */
export async function startMariadb(): Promise<MariadbServer> {
  const system = userInfo().username;
  const server = await startServer({
    name: "mariadb",
    command: async ({ port, folder }) => {
      const data = join(folder, "data");
      const first = join(folder, "first.sql");
      if (!existsSync(data)) {
        await promisify(execFile)(programPath("mariadb-install-db"), [
          ...["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"],
          ...[`--user=${system}`, `--datadir=${data}`],
        ]);
        await writeFile(
          first,
          `CREATE DATABASE IF NOT EXISTS ${database};\n` +
            `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';\n` +
            // and in those that a test makes beside it
            `GRANT ALL ON \`${database}%\`.* TO '${user}'@'%';\n`,
        );
      }
      return {
        program: programPath("mariadbd"),
        args: [
          ...["--no-defaults", `--user=${system}`, `--datadir=${data}`, `--init-file=${first}`],
          ...[`--socket=${join(folder, "sock")}`, `--pid-file=${join(folder, "pid")}`],
          ...["--bind-address=127.0.0.1", `--port=${port}`, "--skip-name-resolve", "--innodb-buffer-pool-size=32M"],
        ],
      };
    },
    // it speaks first, and only when the init file has run
    answers: async (port, signal) => {
      await answersTcp(port, "", signal);
    },
  });
  return Object.assign(server, { url: `mysql://${user}:${password}@127.0.0.1:${server.port}/${database}` });
}
