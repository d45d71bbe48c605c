import type { JSONSchema } from "json-schema-to-typescript";
import { isRecord, type JsonObject } from "../lib/json.ts";
import type { SchemaBundle } from "./bundle.ts";

/** Makes the declarations of one schema; `json-schema-to-typescript` as it is loaded. */
export interface TypeMaker {
  compile(schema: JSONSchema, name: string, options: object): Promise<string>;
}

/** TypeScript declarations for the data that a schema describes: an exported interface or type of this name. */
export async function typesOf(bundle: SchemaBundle, name: string, maker: TypeMaker): Promise<string> {
  const text = await maker.compile(oneDocument(bundle), name, {
    bannerComment: "",
    // nothing is read: what a schema refers to is in it
    $refOptions: { resolve: { external: false } },
    // as the validator: a field that is not named may be there
    additionalProperties: true,
    unknownAny: true,
    strictIndexSignatures: true,
  });
  return text.trim();
}

/** The documents of a bundle as one: the others are definitions of the first. */
function oneDocument({ documents }: SchemaBundle): JSONSchema {
  const [first, ...others] = documents.map(({ schema }, index) => oneNameForDefinitions(relinked(schema, index)));
  const root: JsonObject = isRecord(first) ? first : {};
  const below = others.map((schema, at) => [`document${at + 1}`, schema] as const);
  const $defs = { ...(isRecord(root.$defs) ? root.$defs : {}), ...Object.fromEntries(below) };
  return (others.length === 0 ? root : { ...root, $defs }) as JSONSchema;
}

/** The older drafts say `definitions`; the maker wants one of the two words, not both. */
function oneNameForDefinitions(schema: unknown): unknown {
  if (!isRecord(schema) || !isRecord(schema.definitions)) return schema;
  const { definitions, ...rest } = schema;
  return { ...rest, $defs: { ...(isRecord(rest.$defs) ? rest.$defs : {}), ...definitions } };
}

function relinked(value: unknown, document: number): unknown {
  if (Array.isArray(value)) return value.map((one) => relinked(one, document));
  if (!isRecord(value)) return value;
  const copy = Object.entries(value).flatMap(([key, one]): [string, unknown][] => {
    // its own name would be the base of all references
    if (key === "$id") return [];
    if (key === "$ref" && typeof one === "string") return [[key, relinkedRef(one, document)]];
    return [[key, relinked(one, document)]];
  });
  return Object.fromEntries(copy);
}

function relinkedRef(ref: string, document: number): string {
  const found = /^(?:tidemill:\/(\d+))?#(.*)$/.exec(ref);
  if (found === null) return ref;
  const index = found[1] === undefined ? document : Number(found[1]);
  const fragment = (found[2] ?? "").replace(/^\/definitions\//, "/$defs/");
  return index === 0 ? `#${fragment}` : `#/$defs/document${index}${fragment}`;
}

/** A name of a type: `jobs.schema.json` is `Jobs`, `web/hello-world` is `WebHelloWorld`. */
export function typeName(from: string): string {
  const bare = from.replace(/^.*\//, "").replace(/(?:\.schema)?\.(?:json|ya?ml)$/i, "");
  const words = bare.split(/[^A-Za-z\d]+/).filter((word) => word !== "");
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z]/.test(name) ? name : `Data${name}`;
}
