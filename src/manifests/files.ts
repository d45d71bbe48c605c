import { isUtf8 } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { glob, readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { codeOf } from "../lib/errors.ts";
import type { PlacedFinding } from "../lib/finding.ts";
import type { ManifestText } from "./objects.ts";

export interface FoundFiles {
  readonly texts: readonly ManifestText[];
  readonly findings: readonly PlacedFinding[];
}

interface Found {
  readonly file: string;
  readonly named: boolean;
}

/** Larger files are data that happens to end in .json; a manifest has kilobytes. */
const maxFileBytes = 10 * 1024 * 1024;
const extensions = new Set([".yaml", ".yml", ".json"]);

/**
 * Reads what `paths` name: files, folders with all below, globs. Sorted within each path, each file once. In folders
 * only YAML and JSON files count that mention `apiVersion`; hidden folders, `node_modules` and `*.test.yaml` are left out.
 */
export async function readFiles(paths: readonly string[]): Promise<FoundFiles> {
  const findings: PlacedFinding[] = [];
  const found = new Map<string, Found>();
  for (const path of paths) {
    try {
      const files = await expand(path);
      if (files.length === 0) findings.push(unreadable(path, "no YAML or JSON file is there"));
      for (const file of files) if (!found.has(resolve(file.file))) found.set(resolve(file.file), file);
    } catch (cause) {
      findings.push(unreadable(path, reason(cause)));
    }
  }
  const texts: ManifestText[] = [];
  for (const file of found.values()) {
    const read = await readText(file);
    if ("text" in read) texts.push(read);
    else if (read.finding !== undefined) findings.push(read.finding);
  }
  return { texts, findings };
}

async function expand(path: string): Promise<Found[]> {
  const there = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT" && /[*?[{]/.test(path)) return undefined;
    throw cause;
  });
  if (there?.isDirectory()) return (await filesBelow(path)).map((file) => ({ file, named: false }));
  if (there !== undefined) return [{ file: path, named: true }];
  const matches: string[] = [];
  for await (const match of glob(path)) if ((await stat(match)).isFile()) matches.push(match);
  return matches.sort().map((file) => ({ file, named: true }));
}

/** Links to files are followed (Kubernetes mounts ConfigMaps so), links to folders are not: they may lead round. */
async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true })) {
      const path = join(next, entry.name);
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory()) folders.push(path);
      else if (isManifestName(entry.name) && (entry.isFile() || (await isFile(path)))) files.push(path);
    }
  }
  return files.sort();
}

function isManifestName(name: string): boolean {
  return extensions.has(extname(name).toLowerCase()) && !/\.test\.(ya?ml|json)$/i.test(name);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (there) => there.isFile(),
    () => false,
  );
}

async function readText({ file, named }: Found): Promise<ManifestText | { finding?: PlacedFinding }> {
  try {
    const { size } = await stat(file);
    if (size > maxFileBytes) {
      const severity = named ? "error" : "warning";
      const message = `${Math.ceil(size / 1024 / 1024)} MB are more than a manifest may have`;
      return { finding: { severity, code: "FILE_TOO_LARGE", path: [], message, file, line: 1, column: 1 } };
    }
    const bytes = await readFile(file);
    if (!isUtf8(bytes)) {
      if (!named && !bytes.includes("apiVersion")) return {};
      const message = bytes.includes(0) ? "the file is no text, or UTF-16" : "bytes that are not UTF-8";
      return { finding: { severity: "error", code: "FILE_NOT_UTF8", path: [], message, file, ...firstBad(bytes) } };
    }
    const text = new TextDecoder().decode(bytes);
    if (!named && !text.includes("apiVersion")) return {};
    return { text, file, folder: resolve(dirname(file)), named };
  } catch (cause) {
    return { finding: unreadable(file, reason(cause)) };
  }
}

/** Larger schemas are no schemas. */
const maxSchemaBytes = 1024 * 1024;

/**
 * The text of a schema file that a manifest names. At once: planning is one step, and these files are few and small. Throws
 * in words.
 */
export function readSchemaText(path: string): string {
  let bytes: Buffer;
  try {
    const there = statSync(path);
    if (there.size > maxSchemaBytes) throw new Error(`${there.size} bytes are more than a schema may have`);
    bytes = readFileSync(path);
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause;
    throw new Error(reason(cause), { cause });
  }
  if (!isUtf8(bytes)) throw new Error("it is not UTF-8");
  return new TextDecoder().decode(bytes);
}

/** Line and column of the first byte that is not UTF-8. */
function firstBad(bytes: Buffer): { readonly line: number; readonly column: number } {
  for (let line = 1, start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline;
    const slice = bytes.subarray(start, end);
    if (!isUtf8(slice)) return { line, column: slice.toString().indexOf("\ufffd") + 1 };
    start = end + 1;
  }
  return { line: 1, column: 1 };
}

function reason(cause: unknown): string {
  const code = codeOf(cause);
  if (code === "ENOENT") return "there is no such file or folder";
  if (code === "EACCES" || code === "EPERM") return "it may not be read";
  return `it cannot be read (${code ?? String(cause)})`;
}

function unreadable(file: string, message: string): PlacedFinding {
  return { severity: "error", code: "FILE_UNREADABLE", path: [], message, file, line: 1, column: 1 };
}

/** The text of a function's module; undefined where no file is. One that may not be read has no text. */
export function readModule(path: string): string | undefined {
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there === undefined || !there.isFile()) return undefined;
    return there.size > maxFileBytes ? "export *" : readFileSync(path, "utf8");
  } catch {
    return "export *";
  }
}
