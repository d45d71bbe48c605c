import { open, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { isAlias, isScalar, parseAllDocuments, type Scalar, visit } from "yaml";
import type { z } from "zod";
import { missing } from "../kit/rules.ts";
import { artifactLocation } from "../kit/schemas.ts";
import type { ConnectContext } from "../kit/trigger.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Finding, Path } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import { ArtifactConnections } from "./artifact/connections.ts";
import { readGit, shownGit } from "./artifact/git.ts";
import { maxArtifactBytes, textOf } from "./artifact/limits.ts";
import { gitRules, noEffect, s3Rules, urlRules } from "./artifact/rules.ts";
import { readS3, shownS3 } from "./artifact/s3.ts";
import { readUrl, shownUrl } from "./artifact/url.ts";

/** Where a resource comes from (reference 5). */
export const artifactConfig = artifactLocation({ description: "Where the object comes from." });

export type ArtifactConfig = z.infer<typeof artifactConfig>;

/** In the order of the reference: the first that is there is read. */
const kinds = ["s3", "inline", "file", "url", "git", "configmap", "resource"] as const;
type ArtifactKind = (typeof kinds)[number];

const maxDepth = 100;

/** Where the object of a source is read from; undefined: it is given nowhere. */
export function artifactKind(source: Parameters<typeof isThere>[0]): ArtifactKind | undefined {
  return kinds.find((kind) => isThere(source, kind));
}

function isThere(source: Readonly<Partial<Record<ArtifactKind, unknown>>>, kind: ArtifactKind): boolean {
  return source[kind] !== undefined && source[kind] !== null && source[kind] !== "";
}

/** Findings of an artifact at `at`. */
export function* artifactRules(source: ArtifactConfig | undefined, at: Path): Iterable<Finding> {
  const [kind, ...others] = source === undefined ? [] : kinds.filter((each) => isThere(source, each));
  if (source === undefined || kind === undefined) {
    const message = "the object to create is given nowhere";
    const fix = `Write it under \`source.resource\`, or name one of ${kinds.join(", ")}.`;
    yield { severity: "error", code: "FIELD_MISSING", path: at, message, fix };
    return;
  }
  for (const other of others) yield noEffect([...at, other], `${other} has no effect, because ${kind} is given`);
  if (kind === "file" && !source.file?.path) yield missing([...at, "file"], "file has no path", "Add path.");
  if (kind === "url" && source.url) yield* urlRules(source.url, [...at, "url"]);
  if (kind === "s3" && source.s3) yield* s3Rules(source.s3, [...at, "s3"]);
  if (kind === "git" && source.git) yield* gitRules(source.git, [...at, "git"]);
}

/**
 * The object of an artifact as JSON text, read anew at each firing (reference 5). Throws a TideError of the ARTIFACT family,
 * SECRET_MISSING or SDK_MISSING, or the signal's reason. The peer tries each read 5 times; here the firing is tried again.
 */
export async function readArtifact(source: ArtifactConfig, cx: ConnectContext<unknown>): Promise<string> {
  const kept = () => cx.keep(`artifacts ${cx.egress.key}`, () => new ArtifactConnections(cx.egress));
  switch (artifactKind(source)) {
    case "resource":
      return JSON.stringify(asObject(source.resource, "source.resource"));
    case "inline":
      return parseArtifact(source.inline ?? "", "source.inline", cx);
    case "file":
      return parseArtifact(await readInside(cx.folder, source.file?.path ?? ""), `file ${source.file?.path}`, cx);
    case "url":
      return parseArtifact(await readUrl(source.url ?? {}, cx, kept()), shownUrl(source.url?.path ?? ""), cx);
    case "s3":
      return parseArtifact(await readS3(source.s3 ?? {}, cx), shownS3(source.s3 ?? {}), cx);
    case "git":
      return parseArtifact(await readGit(source.git ?? {}, cx, kept()), shownGit(source.git ?? {}), cx);
    case "configmap": {
      const ref = source.configmap ?? { name: "", key: "" };
      return parseArtifact(await cx.configMap(ref), `ConfigMap ${ref.name}, key ${ref.key}`, cx);
    }
    case undefined:
      throw new TideError("ARTIFACT_INVALID", "the object to create is given nowhere");
  }
}

/**
 * A relative path stays in the manifest's folder, links followed, since a parameter can make it from an event. An absolute
 * path is read as it is, because manifests name volumes by it; `..` is refused in both, as in git paths (reference 5).
 */
async function readInside(folder: string, file: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new TideError("ARTIFACT_UNREADABLE", `file ${JSON.stringify(file.slice(0, 200))} ${why}`, {
      ...(cause === undefined ? { retry: "never" as const } : { cause }),
    });
  if (file === "" || file.includes("\0")) throw refuse("is no path");
  if (file.split(/[/\\]/).includes("..")) throw refuse("has ..: it would leave the manifest's folder");
  try {
    const [root, real] = await Promise.all([realpath(folder), realpath(path.resolve(folder, file))]);
    if (!path.isAbsolute(file) && real !== root && !real.startsWith(root + path.sep)) {
      throw refuse("is a link that leaves the manifest's folder");
    }
    // before it is opened: a pipe would wait for its writer
    if (!(await stat(real)).isFile()) throw refuse("is no file");
    await using handle = await open(real, "r");
    const { size } = await handle.stat();
    if (size > maxArtifactBytes) throw refuse(`has ${size} bytes; an object has at most ${maxArtifactBytes}`);
    return textOf(await handle.readFile(), `file ${file}`);
  } catch (cause) {
    throw cause instanceof TideError ? cause : refuse(`cannot be read: ${messageOf(cause)}`, cause);
  }
}

/** The first document of a YAML or JSON text, which must be an object, as JSON text. Further ones are named in the log. */
function parseArtifact(text: string, where: string, cx: ConnectContext<unknown>): string {
  const refuse = (why: string, cause?: unknown) => new TideError("ARTIFACT_INVALID", `${where}: ${why}`, { cause });
  if (text.length > maxArtifactBytes) throw refuse(`longer than ${maxArtifactBytes} characters`);
  try {
    // keys are not compared by the library, since that takes quadratic time
    const documents = parseAllDocuments(text, { merge: true, uniqueKeys: false, prettyErrors: true });
    const found = "empty" in documents ? [] : documents.filter(({ contents }) => contents !== null);
    const document = found[0];
    if (document === undefined) throw refuse("it is empty");
    if (found.length > 1) cx.log.warn({ where, documents: found.length }, "only the first document is used");
    const fault = document.errors[0];
    if (fault !== undefined) throw refuse(fault.message.split("\n")[0] ?? "it is no YAML");
    visit(document, {
      // a key is text even where it looks like something else
      Scalar: (key, node) => (key === "key" ? undefined : asKubernetes(node)),
      Node: (_, node, way) => {
        if (!isAlias(node) && way.length > 2 * maxDepth) throw refuse(`it is nested deeper than ${maxDepth}`);
      },
    });
    return JSON.stringify(asObject(document.toJS({ maxAliasCount: 100 }), where));
  } catch (cause) {
    throw cause instanceof TideError ? cause : refuse(messageOf(cause), cause);
  }
}

/** Unquoted words that YAML 1.1, and so Kubernetes, reads as booleans, and its octal numbers. */
function asKubernetes(node: Scalar): void {
  if (!isScalar(node) || node.type !== "PLAIN" || node.tag !== undefined || node.source === undefined) return;
  if (/^(y|Y|yes|Yes|YES|on|On|ON)$/.test(node.source)) node.value = true;
  else if (/^(n|N|no|No|NO|off|Off|OFF)$/.test(node.source)) node.value = false;
  else if (/^0[0-7]+$/.test(node.source)) node.value = parseInt(node.source, 8);
}

function asObject(value: unknown, where: string): object {
  if (isRecord(value)) return value;
  throw new TideError("ARTIFACT_INVALID", `${where}: it is no object`);
}
