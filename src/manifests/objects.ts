import { surelyMeant } from "../lib/did-you-mean.ts";
import type { Finding, Path, PlacedFinding } from "../lib/finding.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";
import { own, recordAt, textAt } from "./json.ts";
import { readYaml, type YamlDocument } from "./yaml.ts";
import type { Place, PlaceOptions } from "./yaml-place.ts";

/** One Kubernetes object with its place: from a file, or from the API of a cluster. */
export interface ManifestObject {
  readonly kind: string;
  /** `default` where the object says none. */
  readonly namespace: string;
  readonly name: string;
  /** The whole object. Never changed. */
  readonly value: JsonObject;
  readonly file: string;
  /** Folder of the file: base of relative paths inside the object. */
  readonly folder: string;
  /** Its text has a fault, so that the value is not what was meant; only its name is of use. */
  readonly broken: boolean;
  at(path: Path, options?: PlaceOptions): Place;
}

interface IgnoredObject {
  /** Empty for what is no Kubernetes object. */
  readonly kind: string;
  readonly name: string;
  readonly file: string;
}

/** What a text came to. */
export interface ReadObjects {
  readonly objects: readonly ManifestObject[];
  readonly ignored: readonly IgnoredObject[];
  readonly findings: readonly PlacedFinding[];
}

/** A text that may hold manifests. */
export interface ManifestText {
  readonly text: string;
  readonly file: string;
  readonly folder: string;
  /** The person named this very file: a document that is no Kubernetes object is then a fault. */
  readonly named: boolean;
}

type Origin = Omit<ManifestText, "text">;

const ourKinds = new Set(["EventSource", "Sensor", "EventBus"]);
const valueKinds = new Set(["Secret", "ConfigMap"]);

/** Gives a finding of an object its file, line and column. */
export function placed(object: Pick<ManifestObject, "at" | "file">, finding: Finding): PlacedFinding {
  if (finding.place !== undefined) return { ...finding, ...finding.place };
  const place = object.at(finding.path, { key: finding.key, offset: finding.offset });
  return { ...finding, file: object.file, line: place.line, column: place.column };
}

/** Text of one file → its objects. Pure. */
export function readObjects(text: ManifestText): ReadObjects {
  const { documents, findings } = readYaml(text.text);
  const read = documents.map((document) => readDocument(document, text));
  return {
    objects: read.flatMap(({ objects }) => objects),
    ignored: read.flatMap(({ ignored }) => ignored),
    findings: [
      ...findings.map((finding) => ({ ...finding, path: [], file: text.file })),
      ...read.flatMap((document) => document.findings),
    ],
  };
}

/** An object that did not come from a file: its findings stand at line 1 of `file`. */
export function objectsFrom(value: unknown, origin: { readonly file: string; readonly folder: string }): ReadObjects {
  const document: YamlDocument = { value, at: () => ({ line: 1, column: 1 }), findings: [], broken: false };
  return readDocument(document, { ...origin, named: true });
}

function readDocument(document: YamlDocument, origin: Origin): ReadObjects {
  const objects: ManifestObject[] = [];
  const ignored: IgnoredObject[] = [];
  const findings: PlacedFinding[] = [];
  let ours = false;
  for (const { value, path } of flatten(document.value)) {
    const at: ManifestObject["at"] = (inner, how) => document.at([...path, ...inner], how);
    const sort = sortOf(value);
    if (sort === "other" || (sort === "none" && (!origin.named || document.broken))) {
      ignored.push({ kind: textAt(recordAt(value), "kind") ?? "", name: nameOf(value) ?? "", file: origin.file });
      const meant = misspelt(recordAt(value));
      if (meant !== undefined) findings.push(placed({ at, file: origin.file }, meant));
      continue;
    }
    ours = true;
    const faults = document.broken ? [] : sort === "ours" ? checkHead(recordAt(value)) : [notAnObject(value)];
    for (const fault of faults) findings.push(placed({ at, file: origin.file }, fault));
    if (nameOf(value) !== undefined && !faults.some((fault) => fault.severity === "error")) {
      objects.push({
        ...headOf(recordAt(value)),
        file: origin.file,
        folder: origin.folder,
        broken: document.broken,
        at,
      });
    }
  }
  if (!ours) return { objects, ignored, findings };
  // What is unquoted in a Secret or ConfigMap was hardly meant as true or false.
  const texts = objects.some(({ kind }) => valueKinds.has(kind));
  const inText = document.findings.map(({ repair, ...finding }) => {
    const found = { ...finding, path: [], file: origin.file };
    return repair === undefined || texts ? found : { ...found, repair };
  });
  // A key twice or a lost alias: what was meant is a guess, and a guess must not run.
  const doubtful = inText.some((finding) => finding.severity === "error");
  return {
    objects: doubtful ? objects.map((object) => ({ ...object, broken: true })) : objects,
    ignored,
    findings: [...inText, ...findings],
  };
}

/** The document itself, or the items of a List (`kind: List`, `EventSourceList`...). */
function flatten(value: unknown): { readonly value: unknown; readonly path: Path }[] {
  if (value === null) return [];
  const { kind, items } = recordAt(value);
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items)) return [{ value, path: [] }];
  return items.map((item, index) => ({ value: item, path: ["items", index] })).filter((item) => item.value !== null);
}

/** Ours: to be read. Other: an object of somebody else. None: no Kubernetes object. */
function sortOf(value: unknown): "ours" | "other" | "none" {
  const object = recordAt(value);
  const kind = textAt(object, "kind");
  if (kind === undefined) return "none";
  const version = own(object, "apiVersion");
  if (ourKinds.has(kind)) return typeof version !== "string" || version.startsWith("argoproj.io/") ? "ours" : "other";
  if (valueKinds.has(kind)) return version === undefined || version === "v1" ? "ours" : "other";
  return "other";
}

/** A kind of Argo that is nearly one of ours: without a word it would be left alone. */
function misspelt(object: JsonObject): Finding | undefined {
  const kind = textAt(object, "kind") ?? "";
  const meant = surelyMeant(kind, [...ourKinds]);
  if (meant === undefined || !textAt(object, "apiVersion")?.startsWith("argoproj.io/")) return undefined;
  const message = `there is no kind ${kind}; did you mean ${meant}?`;
  const repair = { do: "value", text: meant } as const;
  return { severity: "warning", code: "FIELD_VALUE", path: ["kind"], message, fix: `Write ${meant}.`, repair };
}

function headOf(value: JsonObject): Pick<ManifestObject, "kind" | "namespace" | "name" | "value"> {
  return {
    kind: textAt(value, "kind") ?? "",
    namespace: textAt(recordAt(value, "metadata"), "namespace") ?? "default",
    name: nameOf(value) ?? "",
    value,
  };
}

function nameOf(value: unknown): string | undefined {
  return textAt(recordAt(value, "metadata"), "name");
}

function notAnObject(value: unknown): Finding {
  const message = isRecord(value) ? "the document has no kind" : "the document is not a map";
  return { severity: "error", code: "OBJECT_INVALID", path: [], message };
}

/** What every object of ours must have. */
function checkHead(object: JsonObject): Finding[] {
  const findings: Finding[] = [];
  const version = own(object, "apiVersion");
  if (typeof version !== "string" || version === "") {
    findings.push({
      severity: "error",
      code: "OBJECT_INVALID",
      path: ["apiVersion"],
      message: "apiVersion is missing",
    });
  } else if (version !== "v1" && version !== "argoproj.io/v1alpha1") {
    const message = `${version} is not known; it is read as argoproj.io/v1alpha1`;
    findings.push({ severity: "warning", code: "API_VERSION_UNKNOWN", path: ["apiVersion"], message });
  }
  const metadata = recordAt(object, "metadata");
  findings.push(...checkName(own(metadata, "name"), "name"));
  const namespace = own(metadata, "namespace");
  if (namespace !== undefined && namespace !== null && namespace !== "") {
    findings.push(...checkName(namespace, "namespace"));
  }
  return findings;
}

function checkName(name: unknown, key: string): Finding[] {
  const path = ["metadata", key];
  if (name === undefined || name === null || name === "") {
    return [{ severity: "error", code: "OBJECT_INVALID", path, message: `metadata.${key} is missing` }];
  }
  if (typeof name !== "string") {
    const fix = typeof name === "object" ? "Write a name." : `Quote it: "${String(name)}".`;
    return [{ severity: "error", code: "FIELD_TYPE", path, message: `metadata.${key} must be text`, fix }];
  }
  if (name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return [];
  const bad = name.length > 253 || !/^[\w.-]+$/.test(name);
  const message = bad
    ? `metadata.${key} has characters that a name cannot have, or is too long`
    : `Kubernetes does not accept the ${key} "${name}"`;
  const fix = "Use lower case letters, digits, '-' and '.', at most 253, with a letter or digit at both ends.";
  return [{ severity: bad ? "error" : "warning", code: "FIELD_VALUE", path, message, fix }];
}
