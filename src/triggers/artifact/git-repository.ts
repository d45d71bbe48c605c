import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Egress, refusalIn } from "../../kit/egress.ts";
import { abortable, within } from "../../lib/abort.ts";
import { sayDuration } from "../../lib/duration.ts";
import { isTide, messageOf, TideError } from "../../lib/errors.ts";
import { type GitAccess, sshCommand, sshKeyText } from "./git-access.ts";
import { gitFault } from "./git-faults.ts";
import { type GitEnd, runGit } from "./git-program.ts";
import type { GitUrl } from "./git-url.ts";
import { type GitWay, openGitWay } from "./git-way.ts";
import { unreachable } from "./http-exchange.ts";
import { maxArtifactBytes, tooLarge } from "./limits.ts";

export interface GitWish {
  /** What `wantedRef` gives. */
  readonly ref: string;
  /** What `pathInRepository` gives. */
  readonly path: string;
  readonly access: GitAccess;
  readonly signal: AbortSignal;
}

/** A first fetch of a large repository takes minutes; nothing takes longer. */
const fetchTimeoutMs = 10 * 60_000;
/** Each change leaves objects behind that nobody needs. After so many the repository is thrown away and fetched anew. */
const maxChanges = 200;

/**
 * A bare repository with the newest commit, and no more, of each ref that was asked for. One fetch runs at a time. Who asks
 * while one is under way gets the next one, together with all others that ask for the same ref: so nobody reads what was
 * there before the event that made it ask, and a hundred firings at once need two fetches.
 */
export class GitRepository implements AsyncDisposable {
  readonly #home: string;
  readonly #url: GitUrl;
  readonly #egress: Egress;
  /** Rounds that have not begun, by ref. */
  readonly #next = new Map<string, Round>();
  /** The tree that each ref had last. */
  readonly #trees = new Map<string, string>();
  #last: Promise<void> = Promise.resolve();
  #underWay = 0;
  #changes = 0;
  #folder: string | undefined;

  /** `home` is a folder of ours, for this and others. */
  constructor(home: string, url: GitUrl, egress: Egress) {
    this.#home = home;
    this.#url = url;
    this.#egress = egress;
  }

  /** Nobody waits for anything. */
  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** The bytes of a file as it is now. Throws an error of the ARTIFACT family, SDK_MISSING, or the signal's reason. */
  read(wish: GitWish): Promise<Buffer> {
    let round = this.#next.get(wish.ref);
    if (round === undefined || round.signal.aborted) {
      const fresh = new Round(wish.ref, wish.access);
      round = fresh;
      this.#next.set(wish.ref, fresh);
      this.#underWay += 1;
      this.#last = this.#last.then(() => this.#run(fresh));
    }
    return round.file(wish.path, wish.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#discard();
  }

  /** Never rejects: what fails is told to those who wait. */
  async #run(round: Round): Promise<void> {
    if (this.#next.get(round.ref) === round) this.#next.delete(round.ref);
    const wasThere = this.#folder !== undefined;
    try {
      await this.#serve(round).catch(async (error: unknown) => {
        if (isSound(error)) throw error;
        // what was cut off in the middle, or broken from outside, is not built upon, and costs no firing
        await this.#discard();
        if (!wasThere || round.signal.aborted) throw error;
        await this.#serve(round);
      });
    } catch (error) {
      round.fail(error);
      if (!isSound(error)) await this.#discard();
    }
    if (this.#changes >= maxChanges) await this.#discard();
    this.#underWay -= 1;
  }

  async #serve(round: Round): Promise<void> {
    const folder = await this.#open(round.signal);
    const tree = await this.#fetch(folder, round);
    for (const [file, answer] of round.files) {
      const where = `git ${this.#url.url}, ${round.ref}, ${file}`;
      const read = this.#file({ folder, tree, file, where, signal: round.signal });
      await read.then(answer.resolve, (error: unknown) => {
        if (!isSound(error)) throw error;
        answer.reject(error);
      });
    }
  }

  async #open(signal: AbortSignal): Promise<string> {
    if (this.#folder !== undefined) return this.#folder;
    signal.throwIfAborted();
    const folder = await mkdtemp(path.join(this.#home, "repository-"));
    this.#folder = folder;
    const args = ["init", "--quiet", "--bare", "--template=", "--initial-branch=none", folder];
    const made = await runGit(args, { home: this.#home, signal });
    if (made.code !== 0) throw this.#unreadable(made);
    return folder;
  }

  /** Fetches the newest commit of the ref, and gives the id of its tree. */
  async #fetch(folder: string, round: Round): Promise<string> {
    const { ref } = round;
    const known = this.#trees.get(ref);
    // a commit never changes
    if (known !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref)) return known;
    const where = `git ${this.#url.url}, ${ref}`;
    const late = () => unreachable(where, `the fetch did not end within ${sayDuration(fetchTimeoutMs)}`);
    using limit = within(round.signal, fetchTimeoutMs, late);
    const ours = `refs/tidemill/${createHash("sha256").update(ref).digest("hex").slice(0, 40)}`;
    const fetched = await this.#ask(round, `--git-dir=${folder}`, { ours, where, signal: limit.signal });
    if (fetched.code !== 0) throw gitFault(where, fetched.stderr);
    const named = await this.#git(folder, ["rev-parse", "--verify", "--quiet", `${ours}^{tree}`], limit.signal);
    const tree = named.stdout.toString().trim();
    if (named.code !== 0) throw new TideError("ARTIFACT_MISSING", `${where}: it is no commit`);
    if (tree !== known) {
      this.#changes += 1;
      this.#trees.set(ref, tree);
    }
    return tree;
  }

  async #ask(
    { ref, access }: Round,
    place: string,
    asked: { readonly ours: string; readonly where: string; readonly signal: AbortSignal },
  ): Promise<GitEnd> {
    const { ours, where, signal } = asked;
    const options = ["--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--force"];
    await using way = await this.#way(where);
    const remote = { "remote.tide.url": way.url, ...way.config };
    const allowed = { GIT_ALLOW_PROTOCOL: this.#url.scheme === "http" ? "http:https" : this.#url.scheme };
    try {
      const end = await this.#withAccess(access, way, ({ config, env }) =>
        runGit([place, "fetch", ...options, "tide", `+${ref}:${ours}`], {
          home: this.#home,
          config: { ...config, ...remote },
          env: { ...env, ...allowed, ...way.env },
          signal,
        }),
      );
      const fault = way.fault();
      if (end.code !== 0 && fault !== undefined) throw refusalIn(fault) ?? unreachable(where, messageOf(fault), fault);
      return end;
    } finally {
      // it was stopped, and may have left its locks
      if (signal.aborted) await this.#discard();
    }
  }

  async #way(where: string): Promise<GitWay> {
    try {
      return await openGitWay(this.#url, this.#egress);
    } catch (error) {
      throw refusalIn(error) ?? unreachable(where, messageOf(error), error);
    }
  }

  /** A file's bytes: looked up in the tree, so that links lead nowhere and a path cannot leave the repository. */
  async #file(asked: {
    readonly folder: string;
    readonly tree: string;
    readonly file: string;
    readonly where: string;
    readonly signal: AbortSignal;
  }): Promise<Buffer> {
    const { folder, tree, file, where, signal } = asked;
    const listed = await this.#git(folder, ["ls-tree", "-z", "-l", "--full-tree", tree, "--", file], signal);
    if (listed.code !== 0) throw this.#unreadable(listed);
    const entry = /^(\d+) (\w+) ([0-9a-f]+) +(\d+|-)\t/.exec(listed.stdout.toString());
    if (entry === null) throw new TideError("ARTIFACT_MISSING", `${where}: there is no such file`);
    const [, mode, type, object = "", size] = entry;
    if (mode === "120000") {
      throw new TideError("ARTIFACT_UNREADABLE", `${where}: it is a symbolic link`, { retry: "never" });
    }
    if (type !== "blob") {
      const kind = type === "tree" ? "a folder" : "a submodule";
      throw new TideError("ARTIFACT_UNREADABLE", `${where}: it is ${kind}, and no file`, { retry: "never" });
    }
    if (Number(size) > maxArtifactBytes) throw tooLarge(where, Number(size));
    const blob = await this.#git(folder, ["cat-file", "blob", object], signal);
    if (blob.code !== 0) throw this.#unreadable(blob);
    return blob.stdout;
  }

  #git(folder: string, args: readonly string[], signal: AbortSignal): Promise<GitEnd> {
    const env = { GIT_LITERAL_PATHSPECS: "1" };
    return runGit([`--git-dir=${folder}`, ...args], { home: this.#home, env, signal });
  }

  /** With the key for ssh in a file of its own, as long as it is needed. */
  async #withAccess(
    { config, env, ssh }: GitAccess,
    way: GitWay,
    use: (access: Pick<GitAccess, "config" | "env">) => Promise<GitEnd>,
  ): Promise<GitEnd> {
    if (ssh === undefined) return use({ config, env });
    const folder = await mkdtemp(path.join(this.#home, "ssh-"));
    try {
      const keyFile = path.join(folder, "key");
      if (ssh.key !== undefined) await writeFile(keyFile, sshKeyText(ssh.key), { mode: 0o600, flag: "wx" });
      return await use({
        config,
        env: { ...env, GIT_SSH_COMMAND: sshCommand(ssh, keyFile, way.ssh), GIT_SSH_VARIANT: "ssh" },
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #unreadable({ stderr }: GitEnd): TideError {
    return new TideError("ARTIFACT_UNREADABLE", `git ${this.#url.url}: ${stderr.trim() || "its copy is broken"}`);
  }

  async #discard(): Promise<void> {
    const folder = this.#folder;
    this.#folder = undefined;
    this.#changes = 0;
    this.#trees.clear();
    // what cannot be removed now goes with the folder around it
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** Whether a failure says nothing against the copy here: the server was asked, and this is its answer. */
function isSound(error: unknown): boolean {
  return isTide(error) && !(error.code === "ARTIFACT_UNREADABLE" && error.retry !== "never");
}

/** One fetch to come, and those who wait for it. */
class Round {
  readonly ref: string;
  readonly access: GitAccess;
  readonly files = new Map<string, PromiseWithResolvers<Buffer>>();
  readonly #end = new AbortController();
  #waiting = 0;

  constructor(ref: string, access: GitAccess) {
    this.ref = ref;
    this.access = access;
  }

  /** Aborts when the last of those who wait went away. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  async file(file: string, signal: AbortSignal): Promise<Buffer> {
    const answer = this.files.get(file) ?? Promise.withResolvers<Buffer>();
    this.files.set(file, answer);
    this.#waiting += 1;
    try {
      return await abortable(answer.promise, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#end.abort(new Error("nobody waits for it any more"));
    }
  }

  fail(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(messageOf(error));
    for (const { reject } of this.files.values()) reject(reason);
  }
}
