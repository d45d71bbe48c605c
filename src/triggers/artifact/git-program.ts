import { spawn } from "node:child_process";
import { once } from "node:events";
import { devNull } from "node:os";
import path from "node:path";
import { messageOf, TideError } from "../../lib/errors.ts";

/** How one call of git ended. */
export interface GitEnd {
  readonly code: number | null;
  readonly stdout: Buffer;
  /** The first 16 KiB, in English. */
  readonly stderr: string;
}

interface GitCall {
  /** A folder of ours: HOME, and where it runs. */
  readonly home: string;
  /** Settings as `git -c` has them, and what else is in its environment: where secrets go, which no other user can read. */
  readonly config?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** In `home`: the certificates that all of tidemill trusts, in PEM. */
export const trustedFile = "trusted.pem";

const stderrBytes = 16 * 1024;
/** More than any text that is asked for: an object has at most 1 MiB. */
const stdoutBytes = 2 * 1024 * 1024;
/** After SIGTERM, with which git removes its lock files. */
const killAfterMs = 1_000;

/** What the machine says about the way to servers: proxies, certificates, the ssh agent. */
const passedOn = [
  ...["PATH", "TMPDIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSH_AUTH_SOCK"],
  ...["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SystemRoot"],
] as const;

/** No hook runs, nothing is cleaned up in the background, and a dead connection is noticed. */
const settings = {
  "core.hooksPath": devNull,
  "core.fsmonitor": "false",
  // a cache need not outlive a crash of the machine
  "core.fsync": "none",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "fetch.recurseSubmodules": "false",
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "30",
} as const;

/**
 * Runs git, which reads no configuration of the machine or its user, asks nobody for a password, and starts nothing but what
 * the scheme of the URL needs. It ends with all it started when `signal` aborts; then the signal's reason is thrown. Throws
 * SDK_MISSING where there is no git.
 */
export async function runGit(args: readonly string[], call: GitCall): Promise<GitEnd> {
  call.signal.throwIfAborted();
  // an own process group, so that ssh and the HTTP helper end with it
  const child = spawn("git", args, {
    cwd: call.home,
    env: environment(call),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    windowsHide: true,
  });
  const stop = (): void => end(child.pid, "SIGTERM");
  const kill = (): void => end(child.pid, "SIGKILL");
  let patience: NodeJS.Timeout | undefined;
  const aborted = (): void => {
    stop();
    patience = setTimeout(kill, killAfterMs);
  };
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const held = { stdout: 0, stderr: 0 };
  child.stdout.on("data", (chunk: Buffer) => {
    held.stdout += chunk.length;
    if (held.stdout <= stdoutBytes) stdout.push(chunk);
    else kill();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (held.stderr < stderrBytes) stderr.push(chunk);
    held.stderr += chunk.length;
  });
  const closed = once(child, "close");
  call.signal.addEventListener("abort", aborted, { once: true });
  try {
    const [code]: (number | null)[] = await closed;
    call.signal.throwIfAborted();
    return { code: code ?? null, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
  } catch (cause) {
    if (call.signal.aborted) throw call.signal.reason;
    throw notStarted(cause);
  } finally {
    clearTimeout(patience);
    call.signal.removeEventListener("abort", aborted);
  }
}

function notStarted(cause: unknown): TideError {
  const gone = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  const message = gone
    ? "git is not installed, or not on the PATH: install it as your system does, such as apt-get install git"
    : `git cannot be started: ${messageOf(cause)}`;
  return new TideError("SDK_MISSING", message, { cause });
}

function end(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // it is gone already
  }
}

function environment({ home, config, env }: GitCall): Record<string, string> {
  const kept = passedOn.flatMap((name): [string, string][] => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const configured = Object.entries({ ...settings, ...config });
  return {
    GIT_SSL_CAINFO: path.join(home, trustedFile),
    ...Object.fromEntries(kept),
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_COUNT: String(configured.length),
    ...Object.fromEntries(
      configured.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
    ...env,
  };
}
