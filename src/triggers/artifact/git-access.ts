import { createHash } from "node:crypto";
import type { ConnectContext } from "../../kit/trigger.ts";
import { TideError } from "../../lib/errors.ts";
import type { GitArtifact, GitUrl } from "./git-url.ts";
import type { InstallationTokens } from "./github-app.ts";

/** How git shows who asks. Secrets are in the environment or a file of ours, never in the list of processes. */
export interface GitAccess {
  /** Two with the same may share what was fetched. No secret. */
  readonly identity: string;
  readonly config: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly ssh: SshAccess | undefined;
}

export interface SshAccess {
  /** A private key in OpenSSH's or PEM form. Without one the agent is asked. */
  readonly key: string | undefined;
  readonly anyHostKey: boolean;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/**
 * The credentials of an artifact that its URL has a use for: `creds`, `githubApp` or those in the URL for http and https,
 * `sshKeySecret` for ssh. Rejects with SECRET_MISSING, or ARTIFACT_REFUSED where they are of no use.
 */
export async function gitAccess(
  git: GitArtifact,
  url: GitUrl,
  from: { readonly cx: ConnectContext<unknown>; readonly tokens: InstallationTokens },
): Promise<GitAccess> {
  const { cx, tokens } = from;
  const { creds, githubApp, sshKeySecret, insecureIgnoreHostKey } = git;
  const ssh = url.scheme === "ssh";
  const http = url.scheme === "http" || url.scheme === "https";
  const used = [http && creds, http && githubApp, ssh && sshKeySecret, ssh && insecureIgnoreHostKey === true];
  const told = http && url.login !== undefined ? digest(JSON.stringify(url.login)) : "";
  const identity = JSON.stringify([cx.namespace, used, told]);
  if (ssh) {
    const key = sshKeySecret === undefined ? undefined : await cx.secret(sshKeySecret);
    return { identity, config: {}, env: {}, ssh: { key, anyHostKey: insecureIgnoreHostKey === true } };
  }
  let login: Login | undefined;
  if (http && creds !== undefined) {
    const read = async (ref: typeof creds.username) => (ref === undefined ? "" : cx.secret(ref));
    login = { username: await read(creds.username), password: await read(creds.password) };
  } else if (http && githubApp !== undefined) {
    login = { username: "x-access-token", password: await tokens.token(githubApp, url, cx) };
  } else if (http) {
    login = url.login;
  }
  return { identity, ...(login === undefined ? { config: {}, env: {} } : answering(login, url)), ssh: undefined };
}

/**
 * A credential helper of git that answers from the environment. It is bound to the origin: after a redirect to another one
 * nothing is told, as would be the case with a header.
 */
function answering({ username, password }: Login, url: GitUrl): Pick<GitAccess, "config" | "env"> {
  if (/[\n\r\0]/.test(username + password)) {
    throw new TideError("ARTIFACT_REFUSED", "git: user name and password must be one line each");
  }
  const print = `printf 'username=%s\\npassword=%s\\n' "$TIDEMILL_GIT_USERNAME" "$TIDEMILL_GIT_PASSWORD"`;
  return {
    config: { [`credential.${url.origin}.helper`]: `!f() { test "$1" = get && ${print}; }; f` },
    env: { TIDEMILL_GIT_USERNAME: username, TIDEMILL_GIT_PASSWORD: password },
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * What git runs for ssh, which reads no configuration of the user; `place` are options that say where the host is. Host keys must be known: in `~/.ssh/known_hosts`,
 * `/etc/ssh/ssh_known_hosts`, or the files that SSH_KNOWN_HOSTS names (as in the peer).
 */
export function sshCommand(ssh: SshAccess, keyFile: string, place: readonly string[] = []): string {
  const known = process.env.SSH_KNOWN_HOSTS?.split(":").join(" ");
  const options = [
    ...["BatchMode=yes", "ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=2", "UpdateHostKeys=no"],
    ...place,
    ...(ssh.anyHostKey
      ? ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null", "LogLevel=ERROR"]
      : ["StrictHostKeyChecking=yes", ...(known ? [`UserKnownHostsFile=${known}`] : [])]),
    ...(ssh.key === undefined ? [] : [`IdentityFile=${keyFile}`, "IdentitiesOnly=yes", "IdentityAgent=none"]),
  ];
  return ["ssh", "-F", "none", ...options.flatMap((option) => ["-o", `'${option.replaceAll("'", "'\\''")}'`])].join(
    " ",
  );
}

/** A key as ssh reads it: it wants the last line to end, and Secrets lose that. */
export function sshKeyText(key: string): string {
  return `${key.replaceAll("\r\n", "\n").trimEnd()}\n`;
}
