import { execFile } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./folder.ts";

const run = promisify(execFile);

/** A repository with a work tree, to be served. */
export interface GitSource {
  readonly folder: string;
  /** Writes files (a text that begins with `->` is a link), commits, and gives the commit's id. */
  commit(files: Readonly<Record<string, string>>, branch?: string): Promise<string>;
  git(...args: readonly string[]): Promise<string>;
}

/** An empty repository with the branch master, in a folder that the next run removes. */
export async function makeGitSource(): Promise<GitSource> {
  const folder = await temporaryFolder("git");
  const env = {
    ...process.env,
    ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" },
    ...{ GIT_AUTHOR_NAME: "t", GIT_AUTHOR_EMAIL: "t@t", GIT_COMMITTER_NAME: "t", GIT_COMMITTER_EMAIL: "t@t" },
  };
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run("git", args, { cwd: folder, env })).stdout.trim();
  await git("init", "--quiet", "--initial-branch=master");
  // as on most servers: a commit that a branch once had can be asked for by its id
  await git("config", "uploadpack.allowAnySHA1InWant", "true");
  return {
    folder,
    git,
    async commit(files, branch = "master") {
      const now = await git("symbolic-ref", "--short", "HEAD");
      if (now !== branch) await git("checkout", "--quiet", "-B", branch);
      for (const [name, text] of Object.entries(files)) {
        const file = join(folder, name);
        await mkdir(dirname(file), { recursive: true });
        if (text.startsWith("->")) await symlink(text.slice(2), file);
        else await writeFile(file, text);
      }
      await git("add", "--all");
      await git("commit", "--quiet", "--allow-empty", "--message", "change");
      return git("rev-parse", "HEAD");
    },
  };
}
