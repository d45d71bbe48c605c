/** Keywords of the three drafts. What is none of them does nothing, which is hardly what its author thinks. */
export const keywords: ReadonlySet<string> = new Set([
  ...["$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveAnchor", "$recursiveRef"],
  ...["$ref", "$schema", "$vocabulary", "additionalItems", "additionalProperties", "allOf", "anyOf", "const"],
  ...["contains", "contentEncoding", "contentMediaType", "contentSchema", "default", "definitions", "dependencies"],
  ...["dependentRequired", "dependentSchemas", "deprecated", "description", "else", "enum", "examples"],
  ...["exclusiveMaximum", "exclusiveMinimum", "format", "formatMaximum", "formatMinimum", "formatExclusiveMaximum"],
  ...["formatExclusiveMinimum", "if", "items", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"],
  ...["minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern"],
  ...["patternProperties", "prefixItems", "properties", "propertyNames", "readOnly", "required", "then", "title"],
  ...["type", "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "writeOnly"],
]);

/** Words of others that say something about a schema and check nothing. */
export function isAnnotation(key: string): boolean {
  return key.startsWith("x-") || key === "example" || key === "tsType" || key === "markdownDescription";
}
