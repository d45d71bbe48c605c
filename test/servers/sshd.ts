import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { answersTcp } from "./answers.ts";
import { programPath } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface SshServer extends Server {
  /** `user@127.0.0.1:port`; the user is the one of the tests. */
  readonly address: string;
  /** The private key that it lets in, in OpenSSH's form. */
  readonly key: string;
  /** A known_hosts file with its host key. */
  readonly knownHosts: string;
}

const run = promisify(execFile);

/** An OpenSSH server that lets one key in, as the user of the tests. */
export async function startSshd(): Promise<SshServer> {
  const user = userInfo().username;
  const server = await startServer({
    name: "sshd",
    command: async ({ port, folder }) => {
      if (!existsSync(join(folder, "host"))) await prepare(folder, port);
      // asked for by Debian's when it runs as root
      if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
      return { program: programPath("sshd"), args: ["-D", "-e", "-f", join(folder, "config")] };
    },
    answers: async (port, signal) => {
      await answersTcp(port, "", signal);
    },
  });
  return Object.assign(server, {
    address: `${user}@127.0.0.1:${server.port}`,
    key: await readFile(join(server.folder, "client"), "utf8"),
    knownHosts: join(server.folder, "known_hosts"),
  });
}

async function prepare(folder: string, port: number): Promise<void> {
  const file = (name: string) => join(folder, name);
  for (const name of ["host", "client"]) {
    await run(programPath("ssh-keygen"), ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file(name)]);
  }
  await copyFile(file("client.pub"), file("authorized"));
  await writeFile(file("known_hosts"), `[127.0.0.1]:${port} ${await readFile(file("host.pub"), "utf8")}`);
  const settings = [
    ...[`Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${file("host")}`, "PidFile none"],
    ...[`AuthorizedKeysFile ${file("authorized")}`, "PasswordAuthentication no", "KbdInteractiveAuthentication no"],
    ...["PermitRootLogin yes", "StrictModes no", "UsePAM no"],
  ];
  await writeFile(file("config"), `${settings.join("\n")}\n`);
}
