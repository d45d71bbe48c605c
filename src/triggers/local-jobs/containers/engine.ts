import { type ChildProcess, spawn } from "node:child_process";
import { codeOf, messageOf, TideError } from "../../../lib/errors.ts";

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  /** Its end. */
  readonly stderr: string;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Besides the engine's own variables. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** The command line of docker or podman. Arguments come to it as they are: there is no shell. */
export interface Engine {
  /** How messages call it: the program's name. */
  readonly name: string;
  readonly flavour: "docker" | "podman";
  /**
   * Runs a command to its end. Resolves whatever its exit code is, but for an engine that cannot be reached:
   * CONTAINERS_AWAY. Rejects with the signal's reason, having ended the command.
   */
  call(args: readonly string[], options?: CallOptions): Promise<Answer>;
  /** The same with a failure as an error: `fault(stderr)`, or CONTAINERS_AWAY. Answers what it wrote. */
  ask(args: readonly string[], options?: CallOptions): Promise<string>;
  /** Starts a command whose output is read as it comes. */
  spawn(args: readonly string[]): ChildProcess;
}

const maxBytes = 16 * 1024 * 1024;

export function commandLine(
  program: string,
  flavour: "docker" | "podman",
  env: Readonly<Record<string, string | undefined>>,
): Engine {
  const own = engineEnv(env);
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess =>
    spawn(program, args, { env: { ...more, ...own }, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  const call = async (args: readonly string[], { signal, env: more }: CallOptions = {}): Promise<Answer> => {
    signal?.throwIfAborted();
    const answer = await collect(() => start(args, more), signal, program);
    if (answer.code !== 0 && isAway(answer.stderr)) {
      throw new TideError("CONTAINERS_AWAY", `${program} ${args[0]}: ${lastLine(answer.stderr)}`);
    }
    return answer;
  };
  return {
    name: program,
    flavour,
    call,
    async ask(args, options) {
      const { code, stdout, stderr } = await call(args, options);
      if (code !== 0) throw fault(`${program} ${args[0]}`, stderr);
      return stdout;
    },
    spawn: (args) => start(args),
  };
}

function collect(begin: () => ChildProcess, signal: AbortSignal | undefined, program: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const missing = codeOf(cause) === "ENOENT";
      const code = missing ? "CONTAINERS_MISSING" : "CONTAINERS_FAULT";
      reject(new TideError(code, `starting ${program}: ${messageOf(cause)}`, { cause }));
    };
    let child: ChildProcess;
    try {
      child = begin();
    } catch (cause) {
      // an argument with a zero byte, or one that is too long
      fail(cause);
      return;
    }
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (stdout.length < maxBytes) stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-16_384);
    });
    const stop = (): void => void child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    child.once("error", fail);
    child.once("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code: code ?? 255, stdout, stderr });
    });
  });
}

/** Of tidemill's environment the command line gets what it finds its engine and its logins by. */
function engineEnv(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const own =
    /^(PATH|HOME|USER|LOGNAME|TMPDIR|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|SYSTEMROOT|SSH_AUTH_SOCK|REGISTRY_AUTH_FILE|(DOCKER|CONTAINER|CONTAINERS|PODMAN|XDG|DBUS)_.*|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY)$/i;
  const kept = Object.entries(env).filter(([name, value]) => value !== undefined && own.test(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

/** The words of docker and podman when there is nobody behind the command line. */
function isAway(stderr: string): boolean {
  return /cannot connect to (the docker daemon|podman)|is the docker daemon running|error during connect|failed to connect to the docker api|unable to connect to podman|permission denied while trying to connect|dial unix .*(connection refused|no such file|permission denied)/i.test(
    stderr,
  );
}

/** What a failed command said, as an error with its retry class. */
export function fault(what: string, stderr: string): TideError {
  const said = `${what}: ${lastLine(stderr)}`;
  if (
    /pull access denied|unauthorized|authentication required|access to the resource is denied|denied: |403 forbidden|no basic auth/i.test(
      stderr,
    )
  ) {
    return new TideError("IMAGE_REFUSED", said);
  }
  if (
    /no such image|image not known|manifest unknown|manifest for .* not found|not found: manifest|repository .* not found|name unknown/i.test(
      stderr,
    )
  ) {
    return new TideError("IMAGE_MISSING", said);
  }
  return new TideError("CONTAINERS_FAULT", said);
}

/** The line of an error that tells the cause; the hint of how to get help comes behind it. */
export function lastLine(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(run|see) '.* --help'/i.test(line) && !/^time=.*level=warning/.test(line));
  const text = lines.findLast((line) => /^(error|docker|podman)\b/i.test(line)) ?? lines.at(-1) ?? "it says nothing";
  return text.slice(0, 500);
}
