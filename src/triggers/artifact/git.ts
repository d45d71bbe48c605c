import type { ConnectContext } from "../../kit/trigger.ts";
import type { ArtifactConnections } from "./connections.ts";
import { gitAccess } from "./git-access.ts";
import { type GitArtifact, parseGitUrl, pathInRepository, shownGitUrl, wantedRef } from "./git-url.ts";
import { textOf } from "./limits.ts";

/**
 * `git` (reference 5; T11 is mended): one file of a branch, tag or ref, as it is at this moment. With a `remote` its first
 * URL is read, as in the peer, where everything of the remote goes over what was cloned. `cloneDirectory` has no effect: what
 * is fetched is kept in a folder of the process, so that no two firings meet in it.
 */
export async function readGit(
  git: GitArtifact,
  cx: ConnectContext<unknown>,
  connections: ArtifactConnections,
): Promise<string> {
  const url = parseGitUrl(git.remote?.urls?.[0] || git.url || "");
  const ref = wantedRef(git);
  const path = pathInRepository(git.filePath ?? "");
  const access = await gitAccess(git, url, { cx, tokens: connections.tokens });
  const bytes = await connections.git.read(url, { ref, path, access, signal: cx.signal });
  return textOf(bytes, shownGit(git));
}

/** For messages. */
export function shownGit(git: GitArtifact): string {
  const { remote, url = "", filePath = "" } = git;
  return `git ${shownGitUrl(remote?.urls?.[0] || url)}, ${wantedRef(git)}, ${filePath}`;
}
