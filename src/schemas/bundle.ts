import { isRecord, type JsonObject } from "../lib/json.ts";

/**
 * A schema with all that it needs: the document that is meant comes first, and the documents that it refers to follow. It
 * is plain JSON, so that it can stand in a stored plan: a firing is judged by the schema that its plan was made with,
 * whatever the files say by then.
 */
export interface SchemaBundle {
  readonly documents: readonly SchemaDocument[];
  /** gjson path of the part of the event's data that is checked; absent: all of it. */
  readonly at?: string;
}

export interface SchemaDocument {
  /** How messages name it: the file as it was written, or `inline`. */
  readonly name: string;
  /** References to other documents are `tidemill:/<index>#<fragment>`. */
  readonly schema: unknown;
}

/** How documents of a bundle refer to each other. */
export function documentUri(index: number): string {
  return `tidemill:/${index}`;
}

/** What stands in a manifest under `schema`. */
export type WrittenSchema =
  | { readonly file: string; readonly at: string | undefined }
  | { readonly inline: unknown; readonly at: string | undefined; readonly inlineKey: boolean }
  | { readonly bundle: SchemaBundle }
  | { readonly fault: string; readonly key?: string; readonly fix: string };

/** Keys that make an object a reference to a schema; none of them is a keyword of JSON Schema. */
const ownKeys = ["file", "inline", "at", "bundle"] as const;

/**
 * Reads `schema`: a path, `{ file | inline, at }`, or the schema itself. An object that has `file`, `inline` or `at` is never
 * a schema itself; `bundle` is the form that a stored plan has.
 */
export function writtenSchema(written: unknown): WrittenSchema {
  const fix =
    "Write the path of a .json or .yaml file, `{ file: …, at: … }`, `{ inline: …, at: … }`, or a JSON Schema.";
  if (typeof written === "string")
    return written === "" ? { fault: "the path is empty", fix } : { file: written, at: undefined };
  if (typeof written === "boolean") return { inline: written, at: undefined, inlineKey: false };
  if (!isRecord(written)) return { fault: "schema must be a path or a JSON Schema", fix };
  if (!ownKeys.some((key) => Object.hasOwn(written, key))) return { inline: written, at: undefined, inlineKey: false };
  if (Object.hasOwn(written, "bundle")) return bundleOf(written.bundle, fix);
  return reference(written, fix);
}

function reference(written: JsonObject, fix: string): WrittenSchema {
  const { file, inline, at } = written;
  const other = Object.keys(written).find((key) => !["file", "inline", "at"].includes(key));
  if (other !== undefined) {
    const message = `${other} beside ${["file", "inline", "at"].find((key) => Object.hasOwn(written, key))} has no meaning`;
    return { fault: message, key: other, fix: "Put the schema itself under `inline`." };
  }
  if (at !== undefined && (typeof at !== "string" || at === ""))
    return { fault: "at must be a gjson path, such as body", key: "at", fix: "Write `at: body`." };
  if ((file === undefined) === (inline === undefined))
    return { fault: file === undefined ? "neither file nor inline is there" : "file and inline are both there", fix };
  if (file === undefined) return { inline, at, inlineKey: true };
  if (typeof file !== "string" || file === "") return { fault: "file must be a path", key: "file", fix };
  return { file, at };
}

function bundleOf(value: unknown, fix: string): WrittenSchema {
  const documents = isRecord(value) && Array.isArray(value.documents) ? value.documents : [];
  const good = documents.filter((one): one is SchemaDocument => isRecord(one) && typeof one.name === "string");
  if (!isRecord(value) || good.length === 0 || good.length < documents.length)
    return { fault: "bundle is what tidemill stores, not what a person writes", key: "bundle", fix };
  return { bundle: { documents: good, ...(typeof value.at === "string" ? { at: value.at } : {}) } };
}
