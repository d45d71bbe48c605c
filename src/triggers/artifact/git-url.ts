import type { z } from "zod";
import type { artifactLocation } from "../../kit/schemas.ts";
import { TideError } from "../../lib/errors.ts";

export type GitArtifact = NonNullable<z.infer<ReturnType<typeof artifactLocation>>["git"]>;

/** Where a repository is, as git takes it. */
export interface GitUrl {
  readonly scheme: "http" | "https" | "ssh" | "git" | "file";
  /** Without user and password where that is HTTP: what is here stands in the list of processes. */
  readonly url: string;
  /** Scheme, host and port; empty where there is no host. */
  readonly origin: string;
  readonly hostname: string;
  /** User and password of an HTTP URL. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
}

/**
 * A repository's URL: http, https, ssh, git, file, or `user@host:path` for ssh. A parameter may have made it, so that nothing
 * else reaches git: no helper such as `ext::`, which runs programs, no option, no control character. Throws
 * ARTIFACT_UNREADABLE.
 */
export function parseGitUrl(given: string): GitUrl {
  const text = given.replace(/^[A-Za-z]+(?=:\/\/)/, (scheme) => scheme.toLowerCase());
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (text.length > 2000 || /[\x00-\x20\x7f]/.test(text)) throw invalid(text, "it has spaces or control characters");
  if (!text.includes("://")) return parseScp(text);
  const url = URL.parse(text);
  const scheme = url?.protocol.slice(0, -1) ?? "";
  if (url === null || !isScheme(scheme)) throw invalid(text, "it must begin with https, http, ssh, git or file");
  if (scheme === "file") {
    if (url.hostname !== "" || !text.startsWith("file:///")) throw invalid(text, "a file URL begins with file:///");
    return { scheme, url: text, origin: "", hostname: "", login: undefined };
  }
  // JavaScript reads these otherwise than git does
  if (url.hostname === "" || !/^[a-z]+:\/\/[^/?#]/i.test(text) || text.includes("\\")) {
    throw invalid(text, "its host cannot be read");
  }
  if (/^-/.test(url.hostname) || /^-/.test(decoded(url.username, text))) throw invalid(text, "it looks like an option");
  const place = { scheme, origin: `${scheme}://${url.host}`, hostname: url.hostname };
  if (scheme === "ssh" || scheme === "git") return { ...place, url: text, login: undefined };
  const username = decoded(url.username, text);
  const password = decoded(url.password, text);
  const login = username === "" && password === "" ? undefined : { username, password };
  return { ...place, url: shorn(text), login };
}

/** `git@github.com:owner/name.git`. */
function parseScp(text: string): GitUrl {
  const match = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\]):([^-:\\].*)$/.exec(
    text,
  );
  // one letter is a drive of Windows
  if (match === null || (match[1] ?? "").length < 2) {
    throw invalid(text, "write a URL, such as https://host/name.git, or user@host:name.git for ssh");
  }
  return { scheme: "ssh", url: text, origin: "", hostname: match[1] ?? "", login: undefined };
}

function isScheme(scheme: string): scheme is GitUrl["scheme"] {
  return scheme === "https" || scheme === "http" || scheme === "ssh" || scheme === "git" || scheme === "file";
}

function decoded(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(text, "its user and password have a % that is no escape");
  }
}

/** A repository's URL for messages: without what stands before an @, where secrets are. */
export function shownGitUrl(text: string): string {
  return shorn(text).slice(0, 300);
}

function shorn(text: string): string {
  return text.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}

function invalid(text: string, why: string): TideError {
  const message = `git url ${JSON.stringify(shownGitUrl(text))}: ${why}`;
  return new TideError("ARTIFACT_UNREADABLE", message, { retry: "never" });
}

/** The branch of an artifact that names none (reference 5). */
const defaultBranch = "master";

/**
 * What is fetched: `ref`, else `tag`, else `branch` (reference 5). A `ref` may also be a commit, where the server gives those
 * out. Throws ARTIFACT_UNREADABLE for what is no name in git, or would mean more than one.
 */
export function wantedRef(git: Pick<GitArtifact, "ref" | "tag" | "branch">): string {
  if (git.ref) return checkedRef(git.ref);
  return checkedRef(git.tag ? `refs/tags/${git.tag}` : `refs/heads/${git.branch || defaultBranch}`);
}

function checkedRef(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the rules of git-check-ref-format
  const bad = /[\x00-\x20\x7f~^:?*[\\]|^[-+/]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[/.]$/.test(name) || name.length > 1000;
  if (!bad) return name;
  throw new TideError(
    "ARTIFACT_UNREADABLE",
    `git: ${JSON.stringify(name.slice(0, 200))} is no name of a branch or tag`,
    {
      retry: "never",
    },
  );
}

/** What the peer refuses in a path (reference 5): the word that is in it. */
export function forbiddenIn(path: string): string | undefined {
  return ["..", "~", "\\"].find((word) => path.includes(word));
}

/** A path as git knows it: from the root of the repository, without `.` and doubled `/`. Throws ARTIFACT_UNREADABLE. */
export function pathInRepository(filePath: string): string {
  const refuse = (why: string) =>
    new TideError("ARTIFACT_UNREADABLE", `git: filePath ${JSON.stringify(filePath.slice(0, 200))} ${why}`, {
      retry: "never",
    });
  const word = forbiddenIn(filePath);
  if (word !== undefined) throw refuse(`has ${word}, which no path in a repository may have`);
  if (filePath.includes("\0") || filePath.length > 4000) throw refuse("is no path");
  const parts = filePath.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0) throw refuse("names no file");
  return parts.join("/");
}
