import { allOrNone, badValue, basicAuthRules, missing, needs, present } from "../../kit/rules.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Finding, Path } from "../../lib/finding.ts";
import { forbiddenIn, type GitArtifact, type GitUrl, parseGitUrl, shownGitUrl, wantedRef } from "./git-url.ts";
import type { S3Artifact } from "./s3.ts";
import type { UrlArtifact } from "./url.ts";

/*
 * What is wrong with an artifact before it is read (the peer checks none of it). Values that a parameter can still replace
 * are only warned about; a key that is not there is an error, since a placeholder is written as easily.
 */

const placeholder = "where a parameter makes it, write a placeholder";

export function* urlRules(url: UrlArtifact, at: Path): Iterable<Finding> {
  if (!present(url.path)) {
    yield missing([...at, "path"], "url has no path", `Add path, the whole URL; ${placeholder}.`);
  } else if (!/^https?:\/\//i.test(url.path ?? "")) {
    yield doubt([...at, "path"], "path does not begin with http:// or https://", "Write the whole URL.");
  }
  if (url.verifyCert === false) {
    const message = "the server's certificate is not verified";
    yield { severity: "warning", code: "ARTIFACT_UNVERIFIED", path: [...at, "verifyCert"], message };
  }
}

export function* s3Rules(s3: S3Artifact, at: Path): Iterable<Finding> {
  const bucket = [...at, "bucket"];
  for (const found of needs(s3.bucket ?? {}, ["name", "key"], bucket)) {
    const key = String(found.path.at(-1));
    yield { ...found, message: `s3.bucket has no ${key}`, fix: `Add ${key}; ${placeholder}.` };
  }
  yield* allOrNone(s3, ["accessKey", "secretKey"], at);
  const { endpoint, insecure, caCertificate } = s3;
  if (endpoint && /[\s@?#]|\/./.test(endpoint.replace(/^https?:\/\//i, ""))) {
    yield doubt([...at, "endpoint"], `"${endpoint}" is no host and port`, "Write it as host:port, such as minio:9000.");
  }
  if (insecure === true && caCertificate !== undefined) {
    yield noEffect([...at, "caCertificate"], "caCertificate has no effect with `insecure: true`, which is plain HTTP");
  }
}

export function* gitRules(git: GitArtifact, at: Path): Iterable<Finding> {
  for (const found of needs(git, ["url", "filePath"], at)) {
    // the first URL of a remote is read instead
    const key = String(found.path.at(-1));
    if (key === "url" && git.remote?.urls?.[0]) continue;
    yield { ...found, message: `git has no ${key}`, fix: `Add ${key}; ${placeholder}.` };
  }
  yield* pathRules(git, at);
  const ref = (["ref", "tag", "branch"] as const).find((key) => present(git[key])) ?? "branch";
  const url = git.remote?.urls?.[0] ? ["remote", "urls", 0] : ["url"];
  for (const [path, check] of [[[ref], () => wantedRef(git)] as const, [url, () => parsedUrl(git)] as const]) {
    try {
      check();
    } catch (error) {
      yield doubt([...at, ...path], messageOf(error), "Correct it.");
    }
  }
  yield* refRules(git, at);
  yield* credentialRules(git, at);
}

function* pathRules(git: GitArtifact, at: Path): Iterable<Finding> {
  const word = forbiddenIn(git.filePath ?? "");
  if (word !== undefined) {
    const fix = "Write the path from the root of the repository, with / between its parts.";
    yield badValue([...at, "filePath"], `filePath has ${word}, which no path in a repository may have`, fix);
  }
  const clone = forbiddenIn(git.cloneDirectory ?? "");
  if (clone !== undefined) {
    yield doubt([...at, "cloneDirectory"], `cloneDirectory has ${clone}, which Argo Events refuses`, "Write it out.");
  }
}

/** `ref` wins over `tag`, and `tag` over `branch` (reference 5). */
function* refRules(git: GitArtifact, at: Path): Iterable<Finding> {
  const [used, ...others] = (["ref", "tag", "branch"] as const).filter((key) => present(git[key]));
  for (const other of others) yield noEffect([...at, other], `${other} has no effect, because ${used} is given`);
}

function parsedUrl(git: GitArtifact): GitUrl | undefined {
  const url = git.remote?.urls?.[0] || git.url;
  return url ? parseGitUrl(url) : undefined;
}

function* credentialRules(git: GitArtifact, at: Path): Iterable<Finding> {
  const { creds, githubApp, sshKeySecret, insecureIgnoreHostKey } = git;
  yield* basicAuthRules(creds, [...at, "creds"]);
  if (githubApp) yield* needs(githubApp, ["privateKey", "appID", "installationID"], [...at, "githubApp"]);
  if (creds && githubApp) yield noEffect([...at, "githubApp"], "githubApp has no effect, because creds are given");
  const url = schemeOf(git);
  if (url !== undefined) {
    const http = url.scheme === "http" || url.scheme === "https";
    if (!http && creds) yield ofNoUse("creds", "an https URL", git, at);
    if (!http && githubApp) yield ofNoUse("githubApp", "an https URL", git, at);
    if (url.scheme !== "ssh" && sshKeySecret) yield ofNoUse("sshKeySecret", "an ssh URL", git, at);
    if (url.scheme === "http" && (creds || githubApp)) {
      const message = "user and password go over the network in the clear";
      yield { severity: "warning", code: "ARTIFACT_UNVERIFIED", path: [...at, "url"], message, fix: "Use https." };
    }
  }
  if (insecureIgnoreHostKey === true && (url === undefined || url.scheme === "ssh")) {
    const message = "the server's host key is not verified";
    yield { severity: "warning", code: "ARTIFACT_UNVERIFIED", path: [...at, "insecureIgnoreHostKey"], message };
  }
}

function schemeOf(git: GitArtifact): GitUrl | undefined {
  try {
    return parsedUrl(git);
  } catch {
    // said by gitRules
    return undefined;
  }
}

function ofNoUse(key: string, wanted: string, git: GitArtifact, at: Path): Finding {
  const url = shownGitUrl(git.remote?.urls?.[0] || git.url || "");
  return noEffect([...at, key], `${key} has no effect with ${url}: it is for ${wanted}`);
}

function doubt(path: Path, message: string, fix: string): Finding {
  return { severity: "warning", code: "FIELD_VALUE", path, message, fix };
}

export function noEffect(path: Path, message: string): Finding {
  return { severity: "warning", code: "FIELD_CONFLICT", path, message, fix: "Remove one of the two." };
}
