import { createRequire } from "node:module";
import type { Ajv, KeywordDefinition, Options } from "ajv";
import { compilePattern } from "./pattern.ts";
import { uniqueItems } from "./unique-items.ts";

/** Versions of JSON Schema that can be told apart by `$schema`. */
export type Draft = "2020-12" | "2019-09" | "draft-07";

/** undefined: a version that is not known here. Without `$schema` it is the newest. */
export function draftOf(named: unknown): Draft | undefined {
  if (named === undefined) return "2020-12";
  if (typeof named !== "string") return undefined;
  const uri = named.replace(/^https?:\/\//, "").replace(/#$/, "");
  return drafts.get(uri);
}

const drafts: ReadonlyMap<string, Draft> = new Map([
  ["json-schema.org/draft/2020-12/schema", "2020-12"],
  ["json-schema.org/draft/2019-09/schema", "2019-09"],
  ["json-schema.org/draft-07/schema", "draft-07"],
]);

/** A new validator of a draft. Patterns are linear, and so is `uniqueItems`; nothing is loaded from anywhere. */
export function createAjv(draft: Draft, options: Options): Ajv {
  const ajv = new (classOf(draft))({
    // an inherited name (`constructor`) is no member of the data
    ownProperties: true,
    allowUnionTypes: true,
    // 19.99 is a multiple of 0.01
    multipleOfPrecision: 9,
    addUsedSchema: false,
    // a schema that is referred to a thousand times must not be compiled a thousand times
    inlineRefs: 8,
    code: { regExp: Object.assign(regExpOf, { code: "compilePattern" }) },
    // a property may be required without a word about what it is
    strictRequired: false,
    ...options,
  });
  formatsOf()(ajv, { mode: "full" });
  ajv.addFormat("regex", { type: "string", validate: isPattern });
  // the one format of the package that takes time quadratic in the text
  ajv.addFormat("url", {
    type: "string",
    validate: (text) => /^(?:https?|ftp):\/\//i.test(text) && URL.canParse(text),
  });
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword(uniqueItems satisfies KeywordDefinition);
  return ajv;
}

/** The validator keeps one for each text that `toString` gives: without it, all patterns would be the first one. */
function regExpOf(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = compilePattern(pattern);
  return { test: (text) => compiled.test(text), toString: () => pattern };
}

const longestPattern = 10_000;

function isPattern(text: string): boolean {
  if (text.length > longestPattern) return false;
  try {
    compilePattern(text);
    return true;
  } catch {
    return false;
  }
}

type AjvClass = new (options: Options) => Ajv;

/** Loaded on use: 30 ms that a start without schemas need not take. The modules are CommonJS, so that this is possible at once. */
const load = createRequire(import.meta.url);

function classOf(draft: Draft): AjvClass {
  const name = draft === "2020-12" ? "ajv/dist/2020.js" : draft === "2019-09" ? "ajv/dist/2019.js" : "ajv";
  const loaded = load(name) as { readonly default: AjvClass };
  return loaded.default;
}

function formatsOf(): (ajv: Ajv, options: { readonly mode: "full" }) => unknown {
  const loaded = load("ajv-formats") as { readonly default: (ajv: Ajv, options: { readonly mode: "full" }) => unknown };
  return loaded.default;
}
