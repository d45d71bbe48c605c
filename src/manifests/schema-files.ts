import { dirname, extname, relative, resolve } from "node:path";
import { messageOf } from "../lib/errors.ts";
import type { Finding, Path } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import { documentUri, type SchemaBundle, type SchemaDocument, writtenSchema } from "../schemas/bundle.ts";
import { subschemas } from "../schemas/walk.ts";
import { readYaml, type YamlDocument } from "./yaml.ts";

/** The text of a file by its absolute path; throws what a person can read. */
export type ReadText = (path: string) => string;

export interface ReadSchema {
  /** What stands in the plan: a bundle where a file was named, else what was written. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** A finding inside the bundle, at its place in the file, with one at the manifest where it is an error. */
  relocate(finding: Finding): readonly Finding[];
}

export interface SchemaPlace {
  /** Of the field `schema` in its object. */
  readonly path: Path;
  /** Of the manifest: base of relative paths. */
  readonly folder: string;
  readonly readText: ReadText | undefined;
}

/** Files that one schema may be made of. */
const mostFiles = 64;
const extensions = new Set([".json", ".yaml", ".yml"]);

/**
 * Reads the file that a field `schema` names, and the files that it refers to, into one bundle. Only files are read, never
 * a URL. What is written in the manifest itself is left as it is; it can refer to no file.
 */
export function readSchema(value: unknown, place: SchemaPlace): ReadSchema {
  const written = writtenSchema(value);
  const asWritten: ReadSchema = { value, findings: [], relocate: (finding) => [finding] };
  if ("bundle" in written) {
    const message = "bundle is what tidemill stores, not what a person writes";
    return { ...asWritten, value: undefined, findings: [bad([...place.path, "bundle"], message)] };
  }
  if (!("file" in written) || place.readText === undefined) return asWritten;
  const files = new Files(place, place.readText);
  const path = isRecord(value) ? [...place.path, "file"] : place.path;
  files.read(resolve(place.folder, written.file), { path });
  if (files.findings.length > 0) return { ...asWritten, value: undefined, findings: files.findings };
  const at = written.at === undefined ? {} : { at: written.at };
  const bundle: SchemaBundle = { documents: files.documents, ...at };
  return { value: { bundle }, findings: [], relocate: (finding) => files.relocate(finding) };
}

function bad(path: Path, message: string): Finding {
  return { severity: "error", code: "SCHEMA_BAD", path, message };
}

interface ReadFile {
  readonly file: string;
  readonly document: YamlDocument;
}

/** Where a file is named: in the manifest, or in another file. */
interface Named {
  readonly path: Path;
  readonly by?: ReadFile;
}

/** Collects the files of one schema; each is read once. */
class Files {
  readonly documents: SchemaDocument[] = [];
  readonly findings: Finding[] = [];
  readonly #place: SchemaPlace;
  readonly #readText: ReadText;
  readonly #indexes = new Map<string, number>();
  readonly #files: ReadFile[] = [];

  constructor(place: SchemaPlace, readText: ReadText) {
    this.#place = place;
    this.#readText = readText;
  }

  /** The index of the file's document; undefined with a finding when it cannot be had. */
  read(file: string, named: Named): number | undefined {
    const known = this.#indexes.get(file);
    if (known !== undefined) return known;
    const document = this.#open(file, named);
    if (document === undefined) return undefined;
    const index = this.documents.length;
    this.#indexes.set(file, index);
    const own: ReadFile = { file, document };
    this.#files.push(own);
    const name = relative(this.#place.folder, file).replaceAll("\\", "/");
    // its place is taken before its references are followed: they may lead back
    this.documents.push({ name, schema: document.value });
    this.documents[index] = { name, schema: this.#linked(document.value, { own, index }) };
    return index;
  }

  relocate(finding: Finding): readonly Finding[] {
    const { path } = finding;
    const start = this.#place.path.length;
    if (path[start] !== "bundle" || path[start + 1] !== "documents") return [finding];
    const file = this.#files[Number(path[start + 2])];
    if (file === undefined) return [finding];
    const inside = this.#at(file, path.slice(start + 4), finding);
    if (finding.severity !== "error") return [inside];
    const message = `the schema ${this.#nameOf(file.file)} cannot be used: ${finding.message}`;
    return [inside, bad(this.#place.path, message)];
  }

  #nameOf(file: string): string {
    return relative(this.#place.folder, file).replaceAll("\\", "/");
  }

  #at({ file, document }: ReadFile, path: Path, finding: Finding): Finding {
    const { line, column } = document.at(path, { key: finding.key });
    return { ...finding, path, place: { file, line, column } };
  }

  #say(named: Named, finding: Omit<Finding, "path">): undefined {
    if (named.by === undefined) this.findings.push({ ...finding, path: named.path });
    else {
      this.findings.push(this.#at(named.by, named.path, { ...finding, path: named.path }));
      const message = `the schema ${this.#nameOf(named.by.file)} cannot be used: ${finding.message}`;
      this.findings.push(bad(this.#place.path, message));
    }
    return undefined;
  }

  #open(file: string, named: Named): YamlDocument | undefined {
    const error = { severity: "error", code: "SCHEMA_UNREADABLE" } as const;
    const name = this.#nameOf(file);
    if (this.documents.length >= mostFiles)
      return this.#say(named, { ...error, message: `a schema may be made of ${mostFiles} files` });
    if (!extensions.has(extname(file).toLowerCase()))
      return this.#say(named, { ...error, message: `${name} is no .json or .yaml file` });
    let text: string;
    try {
      text = this.#readText(file);
    } catch (cause) {
      return this.#say(named, { ...error, message: `${name} cannot be read: ${messageOf(cause)}` });
    }
    const { documents, findings } = readYaml(text);
    const [first] = documents;
    const fault = findings.find(({ severity }) => severity === "error") ?? first?.findings.find(isError);
    if (fault !== undefined) {
      const { line, column, message, code } = fault;
      this.findings.push({ severity: "error", code, path: [], message, place: { file, line, column } });
      return this.#say(named, { ...error, code: "SCHEMA_BAD", message: `${name} cannot be read: ${message}` });
    }
    if (first === undefined || documents.length > 1)
      return this.#say(named, { ...error, message: `${name} has ${documents.length} documents; a schema is one` });
    return first;
  }

  /** The document with its references to files as references into the bundle. */
  #linked(schema: unknown, { own, index }: { readonly own: ReadFile; readonly index: number }): unknown {
    const id = isRecord(schema) && typeof schema.$id === "string" ? schema.$id.replace(/#.*$/, "") : undefined;
    const inner = new Set<string>();
    const refs = new Map<object, Readonly<Record<string, string>>>();
    for (const { schema: one, embedded } of subschemas(schema)) {
      if (embedded && typeof one.$id === "string") inner.add(one.$id.replace(/#.*$/, ""));
    }
    for (const { schema: one, path, embedded } of subschemas(schema)) {
      for (const key of ["$ref", "$dynamicRef"] as const) {
        const ref = one[key];
        if (typeof ref !== "string" || ref.startsWith("#") || embedded) continue;
        const [target = "", fragment = ""] = splitRef(ref);
        if (inner.has(target) || target.startsWith("https://json-schema.org/")) continue;
        const found = target === id ? index : this.#follow(target, { path: [...path, key], by: own });
        if (found !== undefined) refs.set(one, { ...refs.get(one), [key]: `${documentUri(found)}#${fragment}` });
      }
    }
    return refs.size === 0 ? schema : replaced(schema, refs);
  }

  #follow(target: string, named: Required<Named>): number | undefined {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith("//")) {
      const message = `${target} is a URL: a schema refers to files beside it, and nothing is fetched`;
      return this.#say(named, { severity: "error", code: "SCHEMA_UNREADABLE", message });
    }
    return this.read(resolve(dirname(named.by.file), decode(target)), named);
  }
}

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === "error";
}

function splitRef(ref: string): readonly string[] {
  const hash = ref.indexOf("#");
  return hash < 0 ? [ref, ""] : [ref.slice(0, hash), ref.slice(hash + 1)];
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch {
    return target;
  }
}

/** A copy with other members in some objects. Not deeper than a YAML document may be. */
function replaced(value: unknown, members: ReadonlyMap<object, Readonly<Record<string, string>>>): unknown {
  if (Array.isArray(value)) return value.map((one) => replaced(one, members));
  if (!isRecord(value)) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, members)]));
  return { ...copy, ...members.get(value) };
}
